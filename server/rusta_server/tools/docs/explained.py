"""What the compiler itself explains: the source of citations where the HTML documentation is missing."""

import re
from functools import lru_cache
from pathlib import Path

from ..process import Finished, run
from .anchor import ORPHAN, Anchor, Resolution, Section, resolve_in, section
from .source_markdown import passages
from .toolchain import Toolchain

_CODE = re.compile(r"E\d{4}")
_ANSWER_TIMEOUT_S = 10.0


class Explained:
    """`rustc --explain` in the place of `Docs`: error codes, as the corpus ``explain``, and nothing else."""

    def __init__(self, toolchain: Toolchain) -> None:
        self.toolchain = toolchain

    def section(self, corpus: str, id: str) -> Section | None:
        """The explanation of an error code; asked for as the corpus ``error_codes`` too."""
        if corpus not in ("explain", "error_codes") or not _CODE.fullmatch(id):
            return None
        text = _explanation(self.toolchain.program("rustc"), id)
        if text is None:
            return None
        return section(
            f"explain@{self.toolchain.version}",
            id,
            kind="error",
            title=id,
            link="",
            web=f"{self.toolchain.web}error_codes/{id}.html",
            texts=[block for passage in passages(text) for block in passage.blocks],
        )

    def item(self, path: str) -> Section | None:
        """Nothing: no items are explained."""
        return None

    def linked(self, section: Section) -> tuple[Section, ...]:
        """Nothing: where its links lead is not on this machine."""
        return ()

    def resolve(self, anchor: Anchor) -> Resolution:
        """Where the anchor's span is in what this compiler says."""
        found = self.section(anchor.corpus.partition("@")[0], anchor.structural_id)
        return resolve_in(anchor, found) if found and anchor.corpus.startswith("explain@") else ORPHAN


@lru_cache(maxsize=256)
def _explanation(rustc: str, code: str) -> str | None:
    try:
        ended = run((rustc, "--explain", code), cwd=Path.cwd(), timeout_s=_ANSWER_TIMEOUT_S)
    except OSError:
        return None
    if not isinstance(ended, Finished) or ended.code != 0:
        return None
    return ended.stdout.decode(errors="replace")
