"""Anchors: exact, content-hashed spans of the documentation on this machine.

An anchor is only ever made from text that was read here and now; so a made up citation cannot occur.
"""

import hashlib
import subprocess
from functools import cache
from pathlib import Path

from attrs import frozen
from selectolax.lexbor import LexborHTMLParser

from ..diagnostic import Diagnostic


@frozen
class Anchor:
    """A span that says what a claim says.

    Attributes:
        corpus: what was read and its version, such as ``error_codes@1.95.0``.
        structural_id: the place in it, such as ``E0382``.
        quote: the exact text of the span, white space folded.
        sha256: of the quote.
        link: where a person can read it, with a fragment.
        offset: the byte in the file at which the span starts, if it is a file.
    """

    corpus: str
    structural_id: str
    quote: str
    sha256: str
    link: str
    offset: int | None = None

    @property
    def id(self) -> str:
        """Short, stable and printable."""
        return f"{self.corpus.split('@')[0]}/{self.structural_id}#{self.sha256[:8]}"


def anchor_for(diagnostic: Diagnostic, cwd: Path) -> Anchor:
    """The page of the error index for the diagnostic's code, or else the diagnostic itself."""
    toolchain = _toolchain(cwd)
    if toolchain and diagnostic.code:
        anchor = _error_index(toolchain, diagnostic.code)
        if anchor:
            return anchor
    version = toolchain[1] if toolchain else "unknown"
    primary = diagnostic.primary
    return _anchor(
        f"rustc@{version}",
        f"diagnostic/{diagnostic.fingerprint}",
        diagnostic.message,
        f"{primary.path}:{primary.line}:{primary.column}" if primary else "",
    )


def html_folder(cwd: Path) -> Path | None:
    """The toolchain's HTML documentation, if it is installed."""
    toolchain = _toolchain(cwd)
    folder = toolchain[0] / "share/doc/rust/html" if toolchain else None
    return folder if folder and folder.is_dir() else None


@cache
def _error_index(toolchain: tuple[Path, str], code: str) -> Anchor | None:
    sysroot, version = toolchain
    page = sysroot / "share/doc/rust/html/error_codes" / f"{code}.html"
    try:
        html = page.read_bytes()
    except OSError:
        return None
    main = LexborHTMLParser(html).css_first("main")
    first = next((p for p in main.css("p") if p.text().strip()), None) if main else None
    if first is None:
        return None
    fragment = f"error-code-{code.lower()}"
    offset = html.find(b"<p>", max(html.find(b"<main"), 0))
    quote = " ".join(first.text().split())
    return _anchor(f"error_codes@{version}", code, quote, f"{page.as_uri()}#{fragment}", offset)


def _anchor(corpus: str, structural_id: str, quote: str, link: str, offset: int | None = None) -> Anchor:
    return Anchor(corpus, structural_id, quote, hashlib.sha256(quote.encode()).hexdigest(), link, offset)


@cache
def _toolchain(cwd: Path) -> tuple[Path, str] | None:
    """The sysroot and version of the rustc that is used in `cwd`."""
    try:
        sysroot, version = (
            subprocess.run(
                ["rustc", *query], cwd=cwd, capture_output=True, text=True, timeout=20, check=True
            ).stdout.split("\n")[0]
            for query in (["--print", "sysroot"], ["--version"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return Path(sysroot), version.split()[1]
