"""What there is to say of a place in a file, without an editor: it is checked in a copy."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from ..candidates import Source
from ..config import Config
from ..errors import RustaError
from ..lsp.citing import STD_WEB, method_of_primitive
from ..lsp.convert import UTF8, UTF16, LineIndex, path_of
from ..orchestrator import cards, explain
from ..orchestrator.explain import Documentation, Explanation
from ..orchestrator.tokens import token_at
from ..patch import crate
from ..patch.shadow import FileShadow, why_not
from ..tools.diagnostic import Checked, Diagnostic
from ..tools.docs import Explained
from ..tools.docs.source import Sources, sections_at
from ..tools.rust_analyzer import Analyzer, AnalyzerError
from ._assists import analyzing
from ._shadow import open_shadow

Json = Any

_PLACE = re.compile(r"(?P<path>.+?):(?P<line>\d+)(?::(?P<column>\d+))?:?$")
# rust-analyzer reads the standard library when it is first asked: ten seconds on a busy machine.
_TIMEOUT_S = 60.0


@frozen
class Place:
    """A line of a file and, if it was given, a column; both count from 1, columns in characters."""

    path: Path
    line: int
    column: int | None

    def offset(self, text: bytes) -> int:
        """The byte at the place; without a column where the line's text begins.

        Raises:
            RustaError: the file has no such place.
        """
        lines = text.removesuffix(b"\n").split(b"\n")
        if not 0 < self.line <= len(lines):
            raise RustaError(
                f"{self.path} has {len(lines)} lines.", hint=f"rusta explain {self.path}:{len(lines)}"
            )
        line = lines[self.line - 1].decode(errors="replace")
        column = len(line) - len(line.lstrip()) + 1 if self.column is None else self.column
        if not 0 < column <= len(line) + 1:
            raise RustaError(
                f"line {self.line} of {self.path} has {len(line)} columns.",
                hint=f"rusta explain {self.path}:{self.line}",
            )
        start = sum(len(one) + 1 for one in lines[: self.line - 1])
        return start + len(line[: column - 1].encode())


def parse(text: str) -> Place | None:
    """``src/lib.rs:5:3`` or ``src/lib.rs:5``; None if it is nothing of that form."""
    found = _PLACE.fullmatch(text)
    if found is None or text.count("::"):
        return None
    return Place(Path(found["path"]), int(found["line"]), int(found["column"]) if found["column"] else None)


def explanations(place: Place, docs: Documentation, config: Config, edition: str) -> tuple[Explanation, ...]:
    """What the diagnostics there say; if there is none, the keyword or operator, or else the symbol.

    The file is checked in a copy; nothing of the user's is written.

    Raises:
        RustaError: there is no such place, or the check could not be made.
    """
    if place.path.suffix != ".rs" or not place.path.is_file():
        lack = "is no Rust file" if place.path.exists() else "does not exist"
        raise RustaError(f"{place.path} {lack}.", hint="rusta explain PATH:LINE:COLUMN")
    text = place.path.read_bytes()
    offset = place.offset(text)
    file = place.path.resolve()
    known = cards.load()
    token = token_at(Source(file.name, text), offset)
    of_token = explain.of_token(token.text, docs, known, token.node) if token else None
    if not config.trusted:
        return (of_token,) if of_token else ()
    with open_shadow(file, config, edition) as (root, copy):
        name = file.relative_to(root.resolve()).as_posix()
        outcome = copy.check({})
        if not isinstance(outcome, Checked):
            raise why_not(outcome)
        found: list[Explanation | None] = [
            explain.of_diagnostic(one, docs, known, root=root)
            for one in _at(outcome.diagnostics, name, place, offset)
        ]
        if not found:
            found.append(of_token)
        if not any(found):
            found.append(_of_symbol(copy, root, name, text, offset, docs, config))
    return tuple(one for one in found if one)


def _at(diagnostics: Iterable[Diagnostic], name: str, place: Place, offset: int) -> list[Diagnostic]:
    """Those that mark the place: by a primary span first, errors first, small spans first."""
    found: dict[Diagnostic, tuple[bool, bool, int]] = {}
    for diagnostic in diagnostics:
        for span in diagnostic.spans:
            on_line = span.line <= place.line <= span.line_end
            touches = span.start <= offset <= max(span.end - 1, span.start)
            if span.path == name and (touches if place.column else on_line and span.is_primary):
                rank = (not span.is_primary, not diagnostic.is_error, span.end - span.start)
                found[diagnostic] = min(rank, found.get(diagnostic, rank))
    return sorted(found, key=lambda one: found[one])


def _of_symbol(
    copy: crate.CrateShadow | FileShadow,
    root: Path,
    name: str,
    text: bytes,
    offset: int,
    docs: Documentation,
    config: Config,
) -> Explanation | None:
    """What is written of the symbol there, as rust-analyzer finds it."""
    with analyzing(copy, config) as analyzer:
        if analyzer is None or not analyzer.wait_until_ready(_TIMEOUT_S):
            return None
        tree = copy.tree if isinstance(copy, crate.CrateShadow) else copy.folder
        here = {
            "textDocument": {"uri": (tree / name).as_uri()},
            "position": LineIndex(text, UTF8).position(offset),
        }
        web = _ask(analyzer, "experimental/externalDocs", here)
        of_std = STD_WEB.fullmatch(web) if isinstance(web, str) else None
        item = None if web else method_of_primitive(_ask(analyzer, "textDocument/hover", here))
        if of_std or item:
            if isinstance(docs, Explained):
                return None
            section = docs.at(of_std[1]) if of_std else docs.item(item or "")
            return explain.of_item(section, docs, cards.load()) if section else None
        definition = _ask(analyzer, "textDocument/definition", here)
        found = _definition(definition, tree, root)
        if found is None:
            return None
        # Their own is the workspace; the folder that is copied may also hold other packages it is built of.
        own = copy.workspace.root if isinstance(copy, crate.CrateShadow) else root
        sections = sections_at(Sources((own,)), *found)
        return explain.of_item(sections[0], docs, cards.load(), sections[1:]) if sections else None


def _ask(analyzer: Analyzer, method: str, here: Json) -> Json:
    try:
        return analyzer.request(method, here, timeout_s=_TIMEOUT_S)
    except AnalyzerError:
        return None


def _definition(definition: Json, tree: Path, root: Path) -> tuple[Path, int, int] | None:
    """The file, and line and column as `sections_at` wants them, where something is defined; not in std."""
    target = definition[0] if isinstance(definition, list) and definition else definition
    path = path_of(target.get("targetUri") or target["uri"]) if isinstance(target, dict) else None
    if path is None or not path.is_file():
        return None
    start = (target.get("targetSelectionRange") or target["range"])["start"]
    text = path.read_bytes()
    at = LineIndex(text, UTF16).position(LineIndex(text, UTF8).offset(start))
    if path.is_relative_to(tree):
        path = root / path.relative_to(tree)
    return path, at["line"] + 1, at["character"] + 1
