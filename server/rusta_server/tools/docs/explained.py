"""Error codes without an index: their pages or, where there are none, what the compiler explains itself."""

import re
from functools import lru_cache
from itertools import islice
from pathlib import Path

from ..process import Finished, run
from .anchor import ORPHAN, Anchor, Resolution, Section, resolve_in, section
from .toolchain import Toolchain

_CODE = re.compile(r"E\d{4}")
_ANSWER_TIMEOUT_S = 10.0
_MOST_CODES = 1000


class Explained:
    """Stands in for `Docs`: knows error codes, and nothing else.

    From their pages as the index would have them (the corpus ``error_codes``); where the toolchain has no
    documentation from ``rustc --explain`` (the corpus ``explain``).
    """

    def __init__(self, toolchain: Toolchain) -> None:
        self.toolchain = toolchain

    def section(self, corpus: str, id: str) -> Section | None:
        """The explanation of an error code."""
        if corpus not in ("explain", "error_codes") or not _CODE.fullmatch(id):
            return None
        page = _page(self.toolchain, id) if corpus == "error_codes" else None
        return page or _said(self.toolchain, id)

    def item(self, path: str) -> Section | None:
        """Nothing: no items are explained."""
        return None

    def similar(self, text: str, k: int = 3) -> tuple[str, ...]:
        """Error codes that are near to one that is not there."""
        from .similar import near_codes

        near = near_codes(text, (f"E{number:04}" for number in range(1, _MOST_CODES)), 3 * k)
        return tuple(islice((code for code in near if self.section("error_codes", code)), k))

    def linked(self, section: Section) -> tuple[Section, ...]:
        """Nothing: where its links lead is not on this machine."""
        return ()

    def resolve(self, anchor: Anchor) -> Resolution:
        """Where the anchor's span is in what this compiler says."""
        corpus = anchor.corpus.partition("@")[0]
        found = self.section(corpus, anchor.structural_id)
        return resolve_in(anchor, found) if found and found.corpus.startswith(f"{corpus}@") else ORPHAN


@lru_cache(maxsize=256)
def _page(here: Toolchain, code: str) -> Section | None:
    from .mdbook import parse  # its parser takes time to load

    page = f"error_codes/{code}.html"
    try:
        html = (here.html / page).read_bytes() if here.html else b""
    except OSError:
        return None
    for entry in parse("error_codes", page, html):
        link = f"{page}#{entry.fragment}"
        return section(
            f"error_codes@{here.version}",
            entry.id,
            kind=entry.kind,
            title=entry.title,
            link=f"{(here.html or Path()).as_uri()}/{link}",
            web=here.web + link,
            texts=entry.blocks,
        )
    return None


def _said(here: Toolchain, code: str) -> Section | None:
    text = _explanation(here.program("rustc"), code)
    if text is None:
        return None
    from .source_markdown import passages  # slow to load, and the index is read without it

    return section(
        f"explain@{here.version}",
        code,
        kind="error",
        title=code,
        link="",
        web=f"{here.web}error_codes/{code}.html",
        texts=[block for passage in passages(text) for block in passage.blocks],
    )


@lru_cache(maxsize=256)
def _explanation(rustc: str, code: str) -> str | None:
    try:
        ended = run((rustc, "--explain", code), cwd=Path.cwd(), timeout_s=_ANSWER_TIMEOUT_S)
    except OSError:
        return None
    if not isinstance(ended, Finished) or ended.code != 0:
        return None
    return ended.stdout.decode(errors="replace")
