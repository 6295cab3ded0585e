"""An explanation as an editor, a terminal or a program wants it.

All that is shown besides our own words may come from strangers: a dependency's doc comment, a label that a
procedural macro made. So every text is escaped here: nothing in it can become a link, an image, HTML or a
heading. The only links are those of anchors, to files on this machine.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from math import ceil
from typing import Any
from urllib.parse import quote, unquote

from attrs import asdict, frozen
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ..tools.docs import State
from ..tools.docs.plain import visible
from .claims import Citation, Cited, is_genuine
from .explain import Explanation, Part

# What a hover shows without scrolling in most editors.
MAX_LINES = 24
_COLUMNS = 88
# A terminal that has fewer is not a terminal to read in.
_LEAST_COLUMNS = 20

# What may be shown, and under which heading.
_HEADINGS = {
    "here": "",
    "docs": "",
    "why": "Why",
    "ways": "Ways out",
    "panics": "Panics",
    "errors": "Errors",
    "safety": "Safety",
    "complexity": "Complexity",
    "related": "See also",
}
_LISTS = ("ways", "related")
_CODE = re.compile(r"`([^`]+)`")
_WEB = re.compile(
    r"https://(?:doc\.rust-lang\.org|rust-lang\.github\.io/rust-clippy)/[\w./#%~+,=&:!-]*", re.ASCII
)
_CHANGED = "wording changed"


def to_markdown(explanation: Explanation, *, max_lines: int | None = MAX_LINES) -> str:
    """CommonMark that also looks right where only a little of it is understood."""
    blocks = [_Block(part.heading, text) for part in _parts(explanation) for text in _markdown(part)]
    shown, n_left_out = _fold(blocks, max_lines)
    text = _join(shown)
    if n_left_out:
        text += f"\n\n*{n_left_out} more:* {_code(_one_line(explanation.command))}"
    return text


def to_plain(explanation: Explanation, *, max_lines: int | None = MAX_LINES) -> str:
    """The same without any marks, for clients that show text as it is."""
    blocks = [_Block(part.heading, text) for part in _parts(explanation) for text in _plain(part)]
    shown, n_left_out = _fold(blocks, max_lines)
    text = _join(shown)
    if n_left_out:
        text += f"\n\n{n_left_out} more: {_one_line(explanation.command)}"
    return text


def to_rich(explanation: Explanation, *, backticks: bool = False) -> "_InTerminal":
    """All of it for a terminal, each quote with its source; with `backticks` where there are no colours.

    To be printed with `soft_wrap`: addresses may be longer than a line.
    """
    rows = []
    for part in _parts(explanation):
        heading = "what" if part.heading == "docs" else part.heading
        for number, claim in enumerate(part.claims):
            rows.append(("" if number else heading, _rich_claim(claim, backticks=backticks)))
    name, separator, rest = explanation.subject.partition(": ")
    title = Text.assemble((_one_line(name), "bold"), separator, _coloured(rest, backticks=backticks))
    return _InTerminal(title, tuple(rows))


def to_json(explanation: Explanation) -> dict[str, Any]:
    """Plain data; each citation is an anchor that `rusta anchor verify` can check."""
    return {
        "subject": explanation.subject,
        "parts": [
            {
                "heading": part.heading,
                "claims": [
                    {
                        "text": claim.text,
                        "citations": [
                            {
                                "id": citation.anchor.id,
                                **asdict(citation.anchor),
                                "label": citation.label,
                                "state": citation.state.value,
                            }
                            for citation in claim.citations
                        ],
                    }
                    for claim in part.claims
                ],
            }
            for part in _parts(explanation)
        ],
    }


def _parts(explanation: Explanation) -> Iterator[Part]:
    """The parts, after a last look whether `cite` made each of their claims."""
    for part in explanation.parts:
        if part.heading not in _HEADINGS or not all(is_genuine(claim) for claim in part.claims):
            raise ValueError("a claim is cited by `cite`, or not shown")
        if part.claims:
            yield part


def _is_label(citation: Citation) -> bool:
    """Whether the quote is the name of its place: then the link says it all."""
    return citation.label.endswith(f": {citation.anchor.quote}")


# Folding


@frozen
class _Block:
    """What is shown whole or not at all."""

    part: str
    text: str

    @property
    def n_lines(self) -> int:
        """How many lines it takes on the screen, about; links count by their labels."""
        seen = re.sub(r"\]\([^)]*\)", "]", self.text)
        return sum(max(ceil(len(line) / _COLUMNS), 1) for line in seen.split("\n"))


def _fold(blocks: list[_Block], max_lines: int | None) -> tuple[list[_Block], int]:
    """As many blocks as fit, in order, and how many are left out; the first is always shown."""
    if max_lines is None:
        return blocks, 0
    n_lines, shown = 0, list[_Block]()
    for block in blocks:
        n_lines += block.n_lines + _gap(shown[-1] if shown else None, block)
        # One line and a gap are kept for the note that something is left out.
        if shown and n_lines > max_lines - (0 if block is blocks[-1] else 2):
            break
        shown.append(block)
    return shown, len(blocks) - len(shown)


def _gap(before: _Block | None, block: _Block) -> int:
    """Empty lines between two blocks: none between the points of a list."""
    if before is None or (before.part == block.part and block.part in _LISTS):
        return 0
    return 1


def _join(blocks: list[_Block]) -> str:
    text = ""
    before: _Block | None = None
    for block in blocks:
        text += ("\n" * (_gap(before, block) + 1) if before else "") + block.text
        before = block
    return text


# Markdown


def _markdown(part: Part) -> Iterator[str]:
    heading = _HEADINGS[part.heading]
    title = f"**{heading}**" if heading else ""
    if part.heading in _LISTS:
        for number, claim in enumerate(part.claims):
            yield (f"{title}\n\n" if title and not number else "") + _markdown_point(claim)
        return
    for number, claim in enumerate(part.claims):
        start = f"{title} " if title and not number else ""
        yield _markdown_claim(claim, start, quoted=part.heading != "here")


def _markdown_point(claim: Cited) -> str:
    if claim.text:
        return f"- {_words(claim.text, at_start=True)} — {_links(claim.citations)}"
    return "- " + "; ".join(_link(one) if _is_label(one) else _markdown_quote(one) for one in claim.citations)


def _markdown_claim(claim: Cited, start: str, *, quoted: bool) -> str:
    if claim.text and not quoted:
        return f"{start}{_words(claim.text, at_start=not start)} — {_links(claim.citations)}"
    quotes = "\n>\n".join(f"> {_markdown_quote(one, with_address=True)}" for one in claim.citations)
    said = f"{start}{_words(claim.text, at_start=not start)}".strip()
    return f"{said}\n\n{quotes}" if said else quotes


def _markdown_quote(citation: Citation, *, with_address: bool = False) -> str:
    web = f" · {_web(citation)}" if with_address and _web(citation) else ""
    return f"“{_words(citation.anchor.quote)}” — {_link(citation, with_address=not web)}{web}"


def _links(citations: Iterable[Citation]) -> str:
    return ", ".join(dict.fromkeys(_link(citation) for citation in citations))


def _link(citation: Citation, *, with_address: bool = True) -> str:
    """A link to the file; its title is the address on the web."""
    label = f"[{_IN_LABEL.sub(_backslash, _one_line(citation.label))}]"
    target = citation.anchor.link
    changed = f" ({_CHANGED})" if citation.state == State.DRIFTED else ""
    if not target.startswith("file:///"):
        return f"\\{label}{changed}"
    title = f' "{_web(citation)}"' if with_address and _web(citation) else ""
    return f"{label}({quote(target, safe='/:#%?=&+,;~.-_')}{title}){changed}"


def _web(citation: Citation) -> str:
    """The canonical address, for copying."""
    web = citation.anchor.web
    return web if web and _WEB.fullmatch(web) else ""


def _words(text: str, *, at_start: bool = False) -> str:
    """Our words: `code` stays code, the rest is escaped."""
    line = _one_line(text)
    # A few readers (marked, in VS Code) can see a link that begins before a code span and ends within it.
    markup = _IN_LABEL if _LINK_END.search(line) else _MARKUP
    return "".join(
        _code(part) if number % 2 else _escape(part, markup, at_start=at_start and not number)
        for number, part in enumerate(_CODE.split(line))
    )


def _code(text: str) -> str:
    """A code span that ends where we end it."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


# Only what could mean something is escaped: some editors show the backslashes.
_MARKUP = re.compile(
    r"""
      \\(?=[!-/:-@\[-`{-~]|$)           # an escape; at the end it would reach what we put behind it
    | [`*~]                             # code, emphasis, strikethrough
    | (?<![^\W_])_ | _(?![^\W_])        # emphasis, but not inside a word
    | <(?=[A-Za-z/!?])                  # HTML
    | &(?=\#?\w+;)                      # an entity
    | \[(?=\^) | \](?=[(\[:])           # a footnote, a link or what it refers to
    | !(?=\[)                           # an image
    | :(?=//) | (?<=www)\. | (?<=\w)@(?=\w)   # an address that would become a link by itself
    | (?<=mailto): | (?<=xmpp):
    """,
    re.VERBOSE | re.IGNORECASE,
)


_LINK_END = re.compile(r"\][(\[:]")
_IN_LABEL = re.compile(_MARKUP.pattern + r"| [\[\]]", _MARKUP.flags)
# What makes a heading, list, quote or rule of a line.
_LINE_MARKUP = re.compile(r"^(\d*)([#>+=.)-])")


def _escape(text: str, markup: re.Pattern[str] = _MARKUP, *, at_start: bool = False) -> str:
    """One line of text that means only itself; `at_start` where a line begins with it."""
    escaped = markup.sub(_backslash, text)
    return _LINE_MARKUP.sub(lambda match: f"{match[1]}\\{match[2]}", escaped) if at_start else escaped


def _backslash(match: re.Match[str]) -> str:
    return f"\\{match[0]}"


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


# Plain text


def _plain(part: Part) -> Iterator[str]:
    heading = _HEADINGS[part.heading]
    for number, claim in enumerate(part.claims):
        first = not number and bool(heading)
        if part.heading in _LISTS:
            yield (f"{heading}:\n" if first else "") + _plain_point(claim)
        else:
            start = f"{heading}: " if first else ""
            yield _plain_claim(claim, start, quoted=part.heading != "here")


def _plain_point(claim: Cited) -> str:
    sources = ", ".join(dict.fromkeys(_source(citation) for citation in claim.citations))
    if claim.text:
        return f"- {_one_line(claim.text)} ({sources})"
    return "- " + "; ".join(
        _source(one) if _is_label(one) else f"{_plain_quote(one)} ({_source(one)})" for one in claim.citations
    )


def _plain_claim(claim: Cited, start: str, *, quoted: bool) -> str:
    text = f"{start}{_one_line(claim.text)}".rstrip()
    if claim.text and not quoted:
        return text
    quotes = []
    for citation in claim.citations:
        web = citation.anchor.web
        quotes.append(f"  {_plain_quote(citation)}")
        quotes.append(f"  {_source(citation)}{', ' + _one_line(web) if web else ''}")
    return "\n".join([text, *quotes] if text else quotes)


def _plain_quote(citation: Citation) -> str:
    return f"“{_one_line(citation.anchor.quote)}”"


def _source(citation: Citation) -> str:
    changed = f", {_CHANGED}" if citation.state == State.DRIFTED else ""
    return f"{_one_line(citation.label)}{changed}"


# Terminal


@frozen
class _InTerminal:
    """Headings in a column of their own. What has `no_wrap` is not broken, so that it can be copied."""

    title: Text
    rows: tuple[tuple[str, tuple[Text, ...]], ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        def broken(text: Text, indent: int = 0) -> Iterator[Text]:
            for line in text.wrap(console, max(options.max_width - indent, _LEAST_COLUMNS)):
                line.rstrip()
                yield line

        yield from broken(self.title)
        yield Text()
        indent = 2 + max(len(heading) for heading, _ in self.rows) + 2
        for heading, texts in self.rows:
            start = f"  {heading}".ljust(indent)
            for text in texts:
                for line in broken(text, indent):
                    yield Text.assemble((start, "dim"), line)
                    start = " " * indent
            yield Text()


def _rich_claim(claim: Cited, *, backticks: bool) -> tuple[Text, ...]:
    lines = [_coloured(claim.text, backticks=backticks)] if claim.text else []
    for link, citations in groupby(claim.citations, key=lambda citation: citation.anchor.link):
        from_one_place = list(citations)
        quotes = " ".join(f"“{_one_line(citation.anchor.quote)}”" for citation in from_one_place)
        lines += [Text(quotes, style="italic"), *_rich_source(from_one_place[0], link)]
    return tuple(lines)


def _rich_source(citation: Citation, link: str) -> tuple[Text, Text]:
    clickable = f" link {link}" if link.startswith("file:///") and " " not in link else ""
    changed = f"  {_CHANGED}" if citation.state == State.DRIFTED else ""
    label = Text.assemble((_one_line(citation.label), f"cyan{clickable}"), (changed, "yellow"))
    address = _one_line(citation.anchor.web or _place(link))
    return label, Text(address, style="dim", no_wrap=True, overflow="ignore")


def _coloured(text: str, *, backticks: bool) -> Text:
    shown = Text()
    for number, part in enumerate(_CODE.split(_one_line(text))):
        is_code = number % 2
        shown.append(f"`{part}`" if is_code and backticks else part, style="bold cyan" if is_code else "")
    return shown


def _place(link: str) -> str:
    """A link to a line of a file as editors and terminals know it."""
    return re.sub(r"#L(\d+)$", r":\1", unquote(link.removeprefix("file://")))
