"""The lints of Clippy, in Clippy's own words: its HTML book does not have them, so the program is asked.

The texts are written into one Markdown file beside the index, so that a person can be shown a place.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from ..process import Finished, run
from .schema import Entry
from .toolchain import Toolchain

CORPUS = "clippy"
# Stands for the file beside the index in the column `page`.
PAGE = "clippy-lints.md"

_ANSWER_TIMEOUT_S = 20.0
_LINT = re.compile(r"^ +clippy::([\w-]+) +(?:allow|warn|deny|forbid) ", re.MULTILINE)


def program(toolchain: Toolchain) -> Path:
    """The program that explains lints; it may not be there."""
    return toolchain.sysroot / "bin" / "cargo-clippy"


def web(toolchain: Toolchain, name: str) -> str:
    """The lint's place on the canonical site."""
    release, _, channel = toolchain.version.partition("-")
    version = {"nightly": "master", "beta": "beta"}.get(channel.partition(".")[0], f"rust-{release}")
    return f"https://rust-lang.github.io/rust-clippy/{version}/index.html#{name}"


def names(toolchain: Toolchain) -> tuple[str, ...]:
    """All lints that this version of Clippy knows; none if it is not installed."""
    said = _said(toolchain.sysroot, "clippy-driver", "-W", "help")
    return tuple(sorted({name.replace("-", "_") for name in _LINT.findall(said)}))


def explanations(sysroot: Path, lints: Iterable[str]) -> list[tuple[str, str]]:
    """The (name, Markdown) of lints; those that Clippy does not explain are left out."""
    found = ((name, _said(sysroot, "cargo-clippy", "clippy", "--explain", name)) for name in lints)
    return [(name, text) for name, text in found if text.strip()]


def page(explained: Iterable[tuple[str, str]]) -> tuple[str, list[Entry]]:
    """The text of the file, and a section for each lint that links to its line in the file."""
    from .source_markdown import passages  # slow to load, and the index is read without it

    lines = ["# What Clippy says about its lints"]
    entries = []
    for name, markdown in explained:
        lines += ["", f"## {name}", ""]
        blocks = tuple(block for passage in passages(markdown) for block in passage.blocks)
        if blocks:
            entries.append(
                Entry(
                    corpus=CORPUS,
                    id=name,
                    kind="lint",
                    title=f"clippy::{name}",
                    page=PAGE,
                    fragment=f"L{len(lines) - 1}",
                    blocks=blocks,
                    fragments=(f"L{len(lines) - 1}",),
                    aliases=(f"clippy::{name}",),
                    code=(name,),
                )
            )
        lines += markdown.strip().split("\n")
    return "\n".join(lines) + "\n", entries


def _said(sysroot: Path, name: str, *arguments: str) -> str:
    """What one of the toolchain's programs prints; nothing if it fails or is not there."""
    try:
        ended = run((str(sysroot / "bin" / name), *arguments), cwd=sysroot, timeout_s=_ANSWER_TIMEOUT_S)
    except OSError:
        return ""
    if not isinstance(ended, Finished) or ended.code != 0:
        return ""
    return ended.stdout.decode(errors="replace")
