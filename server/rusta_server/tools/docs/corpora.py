"""Which folders of the documentation are read, as which corpus."""

import os
from collections.abc import Iterator
from pathlib import Path

from . import rustdoc

# The folders of each corpus; of two that have a page of the same name the first is read.
CORPORA = {
    "error_codes": ("error_codes",),
    "book": ("book",),
    "reference": ("reference",),
    "rust-by-example": ("rust-by-example",),
    "nomicon": ("nomicon",),
    "cargo": ("cargo",),
    "edition-guide": ("edition-guide",),
    "rustc": ("rustc",),
    "clippy": ("clippy",),
    rustdoc.CORPUS: rustdoc.CRATES,
}
# Old editions, whose text is no longer kept up, and translations.
_UNREAD = {
    "book/2018-edition",
    "book/second-edition",
    "book/first-edition",
    "rust-by-example/es",
    "rust-by-example/ja",
    "rust-by-example/ko",
    "rust-by-example/zh",
}
CORPUS_OF = {folder: corpus for corpus, folders in CORPORA.items() for folder in folders}
_NOT_PAGES = {"print.html", "toc.html", "404.html", *rustdoc.NOT_PAGES}


def pages(html: Path, corpus: str) -> Iterator[tuple[str, int]]:
    """The pages of a corpus and their sizes; a book's index.html last, as it often repeats another page."""
    seen = set()
    for folder in CORPORA[corpus]:
        later = []
        for at, folders, files in os.walk(html / folder):
            here = Path(at).relative_to(html)
            folders[:] = sorted(name for name in folders if f"{here.as_posix()}/{name}" not in _UNREAD)
            for name in sorted(files):
                inner = (here / name).relative_to(folder).as_posix()
                if not name.endswith(".html") or name in _NOT_PAGES or inner in seen:
                    continue
                if folder in rustdoc.RE_EXPORTED and inner != "index.html":
                    seen.add(inner)
                try:
                    found = (here / name).as_posix(), (html / here / name).stat().st_size
                except OSError:
                    continue  # has gone since
                if inner == "index.html":
                    later.append(found)
                else:
                    yield found
        yield from later
