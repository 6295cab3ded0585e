"""Everything Rusta would show, and whether each of its quotes stands where its link leads.

The explanations are the product's own. Their anchors are checked against bytes read anew: the HTML file that
the link names, Clippy's own answer for a lint, the compiler's messages for a diagnostic.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

from attrs import field, frozen
from markdown_it import MarkdownIt

from rusta_server.orchestrator import cards, explain
from rusta_server.orchestrator.explain import Explanation
from rusta_server.tools import rustc
from rusta_server.tools.diagnostic import Checked, Diagnostic
from rusta_server.tools.docs import Anchor, Docs, State
from rusta_server.tools.docs.lints import explanations as ask_clippy

from . import citations_pages as pages
from .pairs import Pair

MOST_ITEMS = 2000
_NAME = "main.rs"
_TIMEOUT_S = 60.0
_BRACKETS = re.compile(r"[\[\]]")

Progress = Callable[[int, int], None]


@frozen
class Shown:
    """One claim with one of its citations, as somebody would see it.

    Attributes:
        subject: what kind of thing is explained: ``error code``, ``lint``, ``token``, ``item`` or
            ``diagnostic``.
        name: which one: the code, the path, the id of the program.
        part: the heading it stands under.
        claim: our words; empty where the quote speaks for itself.
        diagnostic: what the compiler said, where that is what is explained.
    """

    subject: str
    name: str
    part: str
    claim: str
    anchor: Anchor
    state: State
    diagnostic: Diagnostic | None = field(default=None, repr=False)


@frozen
class Fault:
    """A citation that is not what it should be."""

    shown: str
    why: str


@frozen
class Check:
    """The result for one kind of subject. `n_silent`: asked for, and nothing was said."""

    subject: str
    n_subjects: int
    n_silent: int
    n_citations: int
    faults: tuple[Fault, ...]


def measure(
    docs: Docs, programs: Sequence[Pair], progress: Progress = lambda done, total: None
) -> tuple[list[Check], list[Shown]]:
    """Check everything that is shown; also what is shown for the programs' diagnostics."""
    asked = [*_named(docs), *_diagnosed(programs, docs)]
    results: dict[str, tuple[list[int], list[Fault]]] = {}
    about_programs = []
    for number, (subject, name, diagnostic, explained) in enumerate(asked):
        counts, faults = results.setdefault(subject, ([0, 0, 0], []))
        citations = list(_citations(subject, name, diagnostic, explained))
        counts[0] += 1
        counts[1] += not citations
        counts[2] += len(citations)
        for one in citations:
            why = fault(one, docs)
            if why:
                faults.append(Fault(f"{name}: {one.anchor.id}", why))
        if subject == "diagnostic":
            about_programs += citations
        progress(number + 1, len(asked))
    checks = [
        Check(subject, n_subjects, n_silent, n_citations, tuple(faults))
        for subject, ((n_subjects, n_silent, n_citations), faults) in results.items()
    ]
    return checks, about_programs


def of_programs(
    docs: Docs, programs: Sequence[Pair], progress: Progress = lambda done, total: None
) -> list[Shown]:
    """What is shown for the diagnostics of broken programs."""
    shown = list[Shown]()
    for number, pair in enumerate(programs):
        for subject, name, diagnostic, explained in _diagnosed([pair], docs):
            shown += _citations(subject, name, diagnostic, explained)
        progress(number + 1, len(programs))
    return shown


def fault(one: Shown, docs: Docs) -> str:
    """Why a citation is not as it should be, or ""."""
    made = one.anchor
    if hashlib.sha256(made.quote.encode()).hexdigest() != made.sha256:
        return "the hash is not the quote's"
    corpus = made.corpus.partition("@")[0]
    if corpus == "diagnostic":
        said = [pages.fold(text) for text in _said(one.diagnostic)] if one.diagnostic else []
        return "" if any(pages.fold(made.quote) in text for text in said) else "the compiler did not say it"
    if docs.resolve(made).state is not State.VALID:
        return "it does not resolve as valid"
    if corpus == "clippy" and made.link.partition("#")[0].endswith(".md"):
        return "" if _clippy_says(docs, made.structural_id, made.quote) else "Clippy does not say it"
    link = urlsplit(made.link)
    file = Path(unquote(link.path))
    read = pages.page(file)
    if read is None:
        return "the page is not there"
    if link.fragment and unquote(link.fragment) not in read.ids:
        return "the page has no such place"
    return "" if read.says(made.quote) else "the page does not say it"


def _named(docs: Docs) -> Iterator[tuple[str, str, Diagnostic | None, Explanation | None]]:
    known = cards.load()
    rows = docs.rows(
        "SELECT kind, corpus, id, title FROM section WHERE kind IN ('error', 'lint') ORDER BY id"
    )
    for kind, corpus, id_, title in rows:
        name = id_ if kind == "error" else title
        subject = "error code" if kind == "error" else f"lint of {corpus}"
        yield subject, name, None, explain.of_code(name, docs, known)
    keywords = docs.rows(
        "SELECT id FROM section WHERE corpus = 'std' AND kind = 'item' AND id LIKE ?", ("%::keyword.%",)
    )
    tokens = {row[0].partition("keyword.")[2] for row in keywords}
    tokens |= {token for every in known.about.values() for card in every for token in card.tokens}
    for token in sorted(tokens):
        yield "token", token, None, explain.of_token(token, docs, known)
    rows = docs.rows(
        "SELECT id FROM section WHERE corpus = 'std' AND kind = 'item' AND id NOT LIKE 'core::arch::%'"
    )
    ids = sorted((row[0] for row in rows), key=lambda id_: hashlib.sha256(id_.encode()).digest())
    with_cards = {item for every in known.about.values() for card in every for item in card.items}
    for id_ in [*sorted(with_cards), *ids[:MOST_ITEMS]]:
        item = docs.item(id_)
        if item is not None:
            yield "item", id_, None, explain.of_item(item, docs, known)


def _diagnosed(
    programs: Iterable[Pair], docs: Docs
) -> Iterator[tuple[str, str, Diagnostic | None, Explanation | None]]:
    known = cards.load()
    for pair in programs:
        with TemporaryDirectory(prefix="rusta-eval-") as folder:
            file = Path(folder) / _NAME
            file.write_text(pair.broken, encoding="utf-8")
            checked = rustc.check(
                file, edition=pair.edition, mode=pair.mode, flags=pair.flags, timeout_s=_TIMEOUT_S
            )
            if isinstance(checked, Checked):
                for diagnostic in checked.diagnostics:
                    if diagnostic.level in ("error", "warning") and diagnostic.spans:
                        explained = explain.of_diagnostic(diagnostic, docs, known, root=file.parent)
                        yield "diagnostic", pair.id, diagnostic, explained


def _citations(
    subject: str, name: str, diagnostic: Diagnostic | None, explained: Explanation | None
) -> Iterator[Shown]:
    for part in explained.parts if explained else ():
        for claim in part.claims:
            for citation in claim.citations:
                yield Shown(
                    subject, name, part.heading, claim.text, citation.anchor, citation.state, diagnostic
                )


def _said(diagnostic: Diagnostic) -> Iterator[str]:
    yield diagnostic.message
    yield from (span.label for span in diagnostic.spans if span.label)
    for child in diagnostic.children:
        yield from _said(child)


_asked_clippy: dict[str, pages.Page] = {}


def _clippy_says(docs: Docs, lint: str, quote: str) -> bool:
    if lint not in _asked_clippy:
        answers = ask_clippy(docs.toolchain.sysroot, [lint])
        html = MarkdownIt("commonmark").enable("table").render("\n".join(text for _, text in answers))
        # Links to items have no address in Clippy's text, so their brackets are still there.
        _asked_clippy[lint] = pages.read(_BRACKETS.sub("", html))
    return _asked_clippy[lint].says(_BRACKETS.sub("", quote))
