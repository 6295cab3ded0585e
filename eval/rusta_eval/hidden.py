"""Held-out programs that are broken on purpose and whose behaviour is known: hidden tests of a repair.

A program's own assertions, and what it prints, say whether a repaired version of it is right. The repair loop
never sees them run, or only some of them: then those play the part of a crate's tests.

    python -m rusta_eval.hidden --programs build/data/programs/valid.jsonl --mistakes 3 --out FILE

writes pairs for `rusta eval --pairs FILE`: each program with so many mistakes, and as it was.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random

import rich_click as click
import tree_sitter
from attrs import frozen

from rusta_server.candidates import LANGUAGE
from rusta_server.errors import RustaError
from rusta_server.patch import diff
from rusta_server.patch.edit import Edit, EditError, apply
from rusta_server.patch.shadow import FileShadow, Tested, TestOutcome
from rusta_server.tools import process, rustc, sandbox
from rusta_server.tools.process import Cancel, Finished
from rusta_training.mutate import OPERATORS, Code, mutations
from rusta_training.mutate import Edit as MutationEdit

NAME = "main.rs"
TAIL = b"""
fn unrelated() {
    let first = String::new();
    let second = first;
    drop((first, second));
}
"""
"""An error that no repair of the program itself mends, of the compiler's last stage."""

_COMPILE_S, _RUN_S = 20.0, 5.0
# What differs from run to run, or waits for somebody.
_UNSTEADY = re.compile(
    r"Instant|SystemTime|thread|rand|stdin|TcpStream|UdpSocket|env::|\{:p\}|RandomState|Command"
)


@frozen
class Program:
    """A program that compiles, runs to its end, and says whether it did the right thing."""

    id: str
    text: bytes
    edition: str


@frozen
class Broken:
    """A program with mistakes in it, one or several.

    Attributes:
        operator, family: how it was broken; names of several mistakes are joined by a plus.
        mistakes: where they are: the bytes [start, end) of the program as it was that each changes.
        text: as the repair loop sees it; assertions that are hidden are blanks in it.
        whole: the same with all its assertions; as long as `text` without `tail`.
        tail: what was appended.
    """

    program: Program
    operator: str
    family: str
    mistakes: tuple[tuple[int, int], ...]
    text: bytes
    whole: bytes
    tail: bytes = b""


def load(file: Path) -> list[Program]:
    """The programs of a JSONL file that can tell right from wrong when they are run.

    Raises:
        RustaError: the file cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RustaError(
            f"cannot read {file}: {error.strerror}", hint="Make the data first: make data"
        ) from error
    raw = [json.loads(line) for line in lines if line.strip()]
    return [
        Program(one["id"], one["text"].encode(), one["edition"])
        for one in raw
        if "fn main" in one["text"]
        and ("assert" in one["text"] or "print" in one["text"])
        and not _UNSTEADY.search(one["text"])
    ]


def break_(
    program: Program, chance: Random, *, n_mistakes: int = 1, hide: bool = False, tail: bytes = b""
) -> Broken | None:
    """Make mistakes outside of the assertions, apart from each other; None if there is no place for so many.

    Args:
        hide: blank every other assertion.
    """
    text = program.text
    asserts = list(_assertions(text))
    places = {name: list(found) for name, found in mutations(Code(text)).items()}
    names: list[str] = []
    edits: list[Edit] = []
    mistakes: list[tuple[int, int]] = []
    for _ in range(n_mistakes):
        taken = [*asserts, *(_with_lines_around(text, *mistake) for mistake in mistakes)]
        free = {
            name: [one for one in found if not _any_meets(one.edits, taken)] for name, found in places.items()
        }
        able = [name for name, found in free.items() if found]
        if not able:
            return None
        name = chance.choices(able, [OPERATORS[name].weight for name in able])[0]
        chosen = chance.choice(free[name]).edits
        names.append(name)
        edits += [Edit(NAME, edit.start, edit.end, edit.text) for edit in chosen]
        mistakes.append((chosen[0].start, chosen[-1].end))
    hidden = asserts[1::2] if hide else []
    seen = text
    for start, end in hidden:
        seen = seen[:start] + re.sub(rb"[^\n]", b" ", seen[start:end]) + seen[end:]
    return Broken(
        program=program,
        operator="+".join(names),
        family="+".join(OPERATORS[name].family for name in names),
        mistakes=tuple(mistakes),
        text=apply({NAME: seen}, edits)[NAME] + tail,
        whole=apply({NAME: text}, edits)[NAME],
        tail=tail,
    )


def mistake_of(broken: Broken, before: bytes, after: bytes) -> int:
    """Which mistake a step is for, that made `after` of `before`: the one nearest to what it changes."""
    known = diff.edits(NAME, broken.program.text, before)
    return _nearest(broken, *(_origin_of(edit.start, known) for edit in diff.edits(NAME, before, after)))


def with_only(broken: Broken, whole: bytes, number: int) -> bytes:
    """The program as it was, but for what a repaired text makes of one of its mistakes: that one alone."""
    text = broken.program.text
    own = [edit for edit in diff.edits(NAME, text, whole) if _nearest(broken, edit.start) == number]
    return apply({NAME: text}, own).get(NAME, text)


def restored(broken: Broken, repaired: bytes) -> bytes | None:
    """A repaired text with all assertions and without the tail; None if the repair changed those."""
    if not repaired.endswith(broken.tail):
        return None
    body = broken.text.removesuffix(broken.tail)
    edits = diff.edits(NAME, body, repaired.removesuffix(broken.tail))
    if any(broken.whole[edit.start : edit.end] != body[edit.start : edit.end] for edit in edits):
        return None
    try:
        return apply({NAME: broken.whole}, edits).get(NAME, broken.whole)
    except EditError:
        return None


def output_of(text: bytes, edition: str, folder: Path) -> bytes | None:
    """What a program prints; None if it does not compile, or does not end well."""
    file = folder / "run.rs"
    file.write_bytes(text)
    program = folder / "run"
    command = (
        *("rustc", f"--edition={edition}", "--crate-type=bin", "--cap-lints=allow"),
        *("-Cdebuginfo=0", "-Cprefer-dynamic", "-o", str(program), file.name),
    )
    launcher = _launcher(folder)
    built = process.run((*launcher, *command), cwd=folder, env=_environment(), timeout_s=_COMPILE_S)
    if not isinstance(built, Finished) or built.code != 0:
        return None
    ran = process.run((*launcher, str(program)), cwd=folder, env=_environment(), timeout_s=_RUN_S)
    program.unlink(missing_ok=True)
    return ran.stdout if isinstance(ran, Finished) and ran.code == 0 else None


@frozen
class RunnableShadow(FileShadow):
    """A lone program whose own assertions are its tests."""

    def test(self, variant: Mapping[str, bytes], cancel: Cancel | None = None) -> TestOutcome:
        """Run the variant: green if it ends well."""
        text = variant.get(self.name, self.files[self.name])
        is_green = output_of(text, self.edition, self.folder) is not None
        return Tested(int(is_green), int(not is_green))


@cache
def _launcher(folder: Path) -> tuple[str, ...]:
    return sandbox.prefix((folder,))


@cache
def _environment() -> dict[str, str]:
    """The compiler's own, and where its standard library is, which the programs need to run."""
    asked = process.run(
        ("rustc", "--print=target-libdir"), cwd=Path.cwd(), env=rustc.environment(), timeout_s=_COMPILE_S
    )
    folder = asked.stdout.decode().strip() if isinstance(asked, Finished) else ""
    name = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    paths = [folder, *filter(None, [os.environ.get(name)])]
    return {**rustc.environment(), name: os.pathsep.join(paths)}


def _assertions(text: bytes) -> Iterator[tuple[int, int]]:
    """Where `assert…!(…);` stands as a statement."""
    pending = [tree_sitter.Parser(LANGUAGE).parse(text).root_node]
    while pending:
        node = pending.pop()
        statement = (
            node.named_children[0] if node.type == "expression_statement" and node.named_children else None
        )
        if statement is not None and statement.type == "macro_invocation":
            name = statement.child_by_field_name("macro")
            if name is not None and (name.text or b"").startswith((b"assert", b"debug_assert")):
                yield node.start_byte, node.end_byte
                continue
        pending.extend(reversed(node.named_children))


def _any_meets(edits: Iterable[MutationEdit], spans: Sequence[tuple[int, int]]) -> bool:
    return any(
        edit.start < other_end and other_start <= edit.end
        for edit in edits
        for other_start, other_end in spans
    )


def _with_lines_around(text: bytes, start: int, end: int) -> tuple[int, int]:
    """From the start of the line before to the end of the line after: what a line's diff can tell apart."""
    above = text.rfind(b"\n", 0, max(text.rfind(b"\n", 0, start), 0)) + 1
    below = text.find(b"\n", text.find(b"\n", end) + 1) if b"\n" in text[end:] else -1
    return above, len(text) if below < 0 else below


def _origin_of(offset: int, edits: Iterable[Edit]) -> int:
    """Where an offset was before the edits, which are in order."""
    shift = 0
    for edit in edits:
        start = edit.start + shift
        if offset < start:
            break
        if offset <= start + len(edit.text):
            return edit.start
        shift += len(edit.text) - (edit.end - edit.start)
    return offset - shift


def _nearest(broken: Broken, *offsets: int) -> int:
    """The number of the mistake that one of the offsets is nearest to; the first one without any."""
    return min(
        range(len(broken.mistakes)),
        key=lambda number: min((_distance(at, broken.mistakes[number]) for at in offsets), default=0),
    )


def _distance(offset: int, span: tuple[int, int]) -> int:
    return max(span[0] - offset, offset - span[1], 0)


@click.command()
@click.option("--programs", "files", multiple=True, required=True, type=click.Path(path_type=Path))
@click.option("--mistakes", default=3, show_default=True, help="In each program, apart from each other.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", required=True, type=click.Path(path_type=Path))
def main(files: tuple[Path, ...], mistakes: int, seed: int, out: Path) -> None:
    """Break programs and write them as pairs; those without room for so many mistakes are left out."""
    lines = []
    for program in (program for file in files for program in load(file)):
        broken = break_(program, Random(f"{seed}:{program.id}"), n_mistakes=mistakes)
        if broken is not None:
            pair = {
                "id": f"{program.id} {broken.operator}",
                "broken": broken.text.decode(),
                "fixed": program.text.decode(),
                "klass": f"{mistakes} mistakes",
                "edition": program.edition,
            }
            lines.append(json.dumps(pair, ensure_ascii=False) + "\n")
    out.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
