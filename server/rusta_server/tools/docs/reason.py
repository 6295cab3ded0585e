"""The place that says why an error is one."""

from pathlib import Path

from ..diagnostic import Diagnostic
from .anchor import Anchor, Section, anchor, section
from .diagnosed import of_diagnostic_section
from .explained import Explained
from .store import Docs, open_docs
from .toolchain import Toolchain, toolchain


def anchor_for(diagnostic: Diagnostic, cwd: Path, cache: Path | None = None) -> Anchor:
    """What the documentation says first about the diagnostic's code; without that the diagnostic itself.

    The index in `cache` is used if there is one; none is made. Without it the page of the error code is read,
    or `rustc --explain` asked.
    """
    here = toolchain(cwd)
    found = _explanation(here, diagnostic.code, cache) if here and diagnostic.code else None
    quote = next((block.text for block in found.blocks if block.kind == "text"), None) if found else None
    if found is None or quote is None:
        found = of_diagnostic_section(diagnostic, here.version if here else "-", cwd)
        quote = found.blocks[0].text
    return anchor(found, quote)


def _explanation(here: Toolchain, code: str, cache: Path | None) -> Section | None:
    docs = open_docs(cache, here) if cache else None
    if isinstance(docs, Docs):
        try:
            for corpus in ("error_codes", "clippy", "rustc"):
                found = docs.section(corpus, code)
                if found is not None:
                    return found
        finally:
            docs.close()
    return _page(here, code) or Explained(here).section("explain", code)


def _page(here: Toolchain, code: str) -> Section | None:
    """The section as the index would have it, from the page of the error code alone."""
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
