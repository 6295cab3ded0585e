"""Compiler triplets: working programs broken on purpose, what rustc says of it, and the way back.

Input are programs that compile alone, one JSON object a line: {id, source, edition, text}. They are taken in
blocks, in rounds: each takes a part of every program's mutants, so that what a stopped run leaves is of all
programs. A block whose file is there, made from the same programs by the same code and compiler, is not made
again. The same input gives the same triplets.
"""

import argparse
import hashlib
import json
import lzma
import random
import re
import subprocess
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby, pairwise, product
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from . import error_class
from .compile import Diagnostic, Program, Verdict, judge, judge_alone, main_path
from .mutate import OPERATORS, Code, Edit, Mutation, mutations

VERSION: Final = 3
"""Raised when the same programs should give other triplets."""

SPLITS: Final = ("train", "valid", "test")
BLOCK: Final = 48
"""Programs in a block."""
ROUNDS: Final = 3
TOGETHER: Final = 400
"""Programs that rustc is given at once."""
MAX_ERRORS: Final = 3
DENSITY: Final = 3.6
"""How many mutants a program gets: this times 0.55 times the root of its bytes. 300,000 of 6,600 programs."""
MAX_BYTES: Final = 12_000

_SEED = 2
"""Of what is drawn by chance: which mutants there are."""
_PER_ROOT_BYTE = 0.55
_PAIRS_SHARE = 0.08
_RUSTC_SHARE = 0.06
_SPLIT_FILES_SHARE = 0.5
_ALONE_SHARE = 0.03
_INLINE_MODULE = re.compile(rb"^(?P<head>(?:pub )?mod (?P<name>[a-z_]\w*)) \{\n", re.MULTILINE)
# A crate's root is needed for these, or a compiler of tomorrow.
_ROOT_ONLY = re.compile(
    rb"#!\[(?:feature|no_std|no_main|no_core|recursion_limit)|\bcrate::|\$crate|extern crate|::rustc"
    rb"|no_mangle|\bglobal_asm!|#\[(?:macro_export|global_allocator|panic_handler|lang|start|export_name|link_section|proc_macro)"
)


@frozen
class Source:
    """A program that compiles, and where it is from."""

    id: str
    source: str
    program: Program


@frozen
class Broken:
    """A program after a mutation of one of its files.

    Attributes:
        operators: one name, or two for a pair.
        files: as broken.
        fix: back to the files as they were; offsets are in the broken file.
    """

    origin: Source
    path: str
    operators: tuple[str, ...]
    mutation: Mutation
    program: Program = field(repr=False)
    fix: tuple[Edit, ...]


@frozen
class Pair:
    """Two mistakes in one program, and each alone with what rustc says of it."""

    both: Broken
    first: tuple[Broken, Verdict]
    second: tuple[Broken, Verdict]

    def fix_of(self, verdict: Verdict) -> tuple[Edit, ...]:
        """What mends the mistake that rustc speaks of first when both are there.

        Nobody can mend what was not said: of two mistakes rustc often tells one only. Where what it says is
        said of neither mistake alone, or of either, both are mended.
        """
        if not verdict.diagnostics:
            return self.both.fix
        said = _words(verdict.diagnostics[0])
        of_first, of_second = (
            any(_words(one) == said for one in alone.diagnostics) for _, alone in (self.first, self.second)
        )
        if of_first == of_second:
            return self.both.fix
        own = (self.first if of_first else self.second)[0].mutation.edits
        edits = zip(self.both.mutation.edits, self.both.fix, strict=True)
        return tuple(back for edit, back in edits if edit in own)


def _words(diagnostic: Diagnostic) -> tuple[str | None, str]:
    return diagnostic["code"], diagnostic["message"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the triplets of all splits; what is there already stays."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, default=Path("build/data"))
    parser.add_argument("--inputs", nargs="*", default=["programs"], help="folders below the data folder")
    parser.add_argument("--splits", nargs="*", default=list(SPLITS))
    parser.add_argument(
        "--density", type=float, default=DENSITY, help="how many times as many mutants a program"
    )
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    for split in options.splits:
        for name in options.inputs:
            path = options.data / name / f"{split}.jsonl"
            if path.exists():
                make(path, options.data / "triplets" / split, split, name, options.density, options.jobs)
    print(report(options.data / "triplets"))
    return 0


def make(programs: Path, folder: Path, split: str, name: str, density: float = 1.0, jobs: int = 1) -> None:
    """Make the triplets of one file of programs, in files ``<name>-<round>-NNNNN.jsonl.xz``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in programs.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if is_usable(row["text"].encode())]
    rows.sort(key=lambda row: (row["edition"], hashlib.sha256(row["id"].encode()).digest()))
    blocks = []
    for _, same in groupby(rows, key=lambda row: row["edition"]):
        listed = list(same)
        blocks += [listed[start : start + BLOCK] for start in range(0, len(listed), BLOCK)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[made]} triplets")) as bar:
        task = bar.add_task(f"{name}, {split}", total=ROUNDS * len(blocks), made=0)
        made = 0
        with ProcessPoolExecutor(jobs) as pool:
            waiting = [
                pool.submit(
                    _make_block, block, folder / f"{name}-{nth}-{number:05}.jsonl.xz", split, density, nth
                )
                for nth, (number, block) in product(range(ROUNDS), enumerate(blocks))
            ]
            for done in waiting:
                made += done.result()
                bar.update(task, advance=1, made=made)


def _make_block(block: Sequence[Mapping[str, Any]], path: Path, split: str, density: float, nth: int) -> int:
    """Make the file of one block in one round, unless it is there; returns how many triplets it holds."""
    key = _key(block, density, nth)
    if _key_of(path) != key:
        _write(path, key, [*triplets(block, split, density, nth)])
    return _count_of(path)


def is_usable(text: bytes) -> bool:
    """Whether a program can be a module among others, and is small enough to be shown."""
    return len(text) <= MAX_BYTES and b"\r" not in text and b"\0" not in text and not _ROOT_ONLY.search(text)


def triplets(
    rows: Sequence[Mapping[str, Any]], split: str, density: float = 1.0, nth: int = 0
) -> Iterator[dict[str, Any]]:
    """The triplets of one round of some programs of one edition, each program's together."""
    sources = [_source(row) for row in rows]
    verdicts = _judge([one.program for one in sources])
    good = [one for one, verdict in zip(sources, verdicts, strict=True) if verdict and not verdict.errors]
    quiet = {
        one.id
        for one, verdict in zip(good, _judge([one.program for one in good], warnings=True), strict=True)
        if verdict and not verdict.diagnostics
    }
    singles = [broken for source in good for broken in chosen(source, density)[nth::ROUNDS]]
    judged = list(zip(singles, _judge([one.program for one in singles]), strict=True))
    for broken, verdict in judged:
        yield from _triplet(broken, verdict, split)
    wrong = [
        (broken, verdict) for broken, verdict in judged if verdict and 0 < len(verdict.errors) <= MAX_ERRORS
    ]
    pairs = list(_pairs(wrong))
    for pair, verdict in zip(pairs, _judge([one.both.program for one in pairs]), strict=True):
        yield from _triplet(pair.both, verdict, split, pair.fix_of(verdict) if verdict else None)
    yield from _suggested(wrong, split)
    silent = [
        broken for broken, verdict in judged if verdict and not verdict.errors and broken.origin.id in quiet
    ]
    for broken, verdict in zip(silent, _judge([one.program for one in silent], warnings=True), strict=True):
        if verdict and not verdict.errors and len(verdict.diagnostics) <= MAX_ERRORS:
            yield from _triplet(broken, verdict, split)


def chosen(source: Source, density: float) -> list[Broken]:
    """The mutants of a program that rustc is asked about: drawn by the operators' weights, no two alike."""
    chance = random.Random(f"{_SEED} {source.id}")
    places = [
        (path, name, found)
        for path, text in sorted(source.program.files.items())
        for name, found in mutations(Code(text)).items()
    ]
    size = sum(len(text) for text in source.program.files.values())
    wanted = max(2, round(_PER_ROOT_BYTE * density * size**0.5))
    weights = [OPERATORS[name].weight for _, name, _ in places]
    seen: set[bytes] = {b"".join(source.program.files.values())}
    drawn: list[Broken] = []
    for _ in range(3 * wanted):
        if len(drawn) == wanted or not places:
            break
        path, name, found = chance.choices(places, weights)[0]
        broken = break_(source, path, (name,), chance.choice(found))
        text = b"".join(broken.program.files.values())
        if text not in seen:
            seen.add(text)
            drawn.append(broken)
    return drawn


def break_(source: Source, path: str, operators: tuple[str, ...], mutation: Mutation) -> Broken:
    """Apply a mutation to one file of a program."""
    text = source.program.files[path]
    program = Program({**source.program.files, path: apply(text, mutation.edits)}, source.program.edition)
    return Broken(source, path, operators, mutation, program, inverse(text, mutation.edits))


def apply(text: bytes, edits: Iterable[Edit]) -> bytes:
    """The text after disjoint, sorted edits."""
    pieces, at = [], 0
    for edit in edits:
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return b"".join((*pieces, text[at:]))


def inverse(text: bytes, edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """The edits that take `edits` back, as small as they can be, with offsets in the edited text."""
    back, shift = [], 0
    for edit in edits:
        old, new = text[edit.start : edit.end], edit.text
        head = _n_alike(old, new)
        tail = _n_alike(old[head:][::-1], new[head:][::-1])
        while tail and _is_inside_character(old, len(old) - tail):
            tail -= 1
        start = edit.start + shift
        back.append(Edit(start + head, start + len(new) - tail, old[head : len(old) - tail]))
        shift += len(new) - len(old)
    return tuple(back)


def _n_alike(one: bytes, other: bytes) -> int:
    count = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    while count and (_is_inside_character(one, count) or _is_inside_character(other, count)):
        count -= 1
    return count


def _is_inside_character(text: bytes, offset: int) -> bool:
    return 0 <= offset < len(text) and text[offset] & 0xC0 == 0x80


def _source(row: Mapping[str, Any]) -> Source:
    text = row["text"].encode()
    if not text.endswith(b"\n"):
        text += b"\n"
    files = {main_path(text): text}
    if random.Random(f"files {row['id']}").random() < _SPLIT_FILES_SHARE:
        files = _with_module_file(files)
    return Source(row["id"], row["source"], Program(files, row["edition"]))


def _with_module_file(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The first inline module of a program becomes a file of its own, if it can be told where it ends."""
    (path, text), *_ = files.items()
    found = _INLINE_MODULE.search(text)
    if found is None:
        return dict(files)
    end = text.find(b"\n}\n", found.end() - 1)
    body = text[found.end() : end + 1]
    if end < 0 or (b'"' in body and b"\\\n" in body) or b"mod " in body:
        return dict(files)
    inner = textwrap.dedent(body.decode()).encode()
    return {
        path: text[: found.start()] + found["head"] + b";\n" + text[end + 3 :],
        f"src/{found['name'].decode()}.rs": inner,
    }


def _judge(programs: Sequence[Program], *, warnings: bool = False) -> list[Verdict | None]:
    verdicts: list[Verdict | None] = []
    for start in range(0, len(programs), TOGETHER):
        verdicts += judge(programs[start : start + TOGETHER], warnings=warnings)
    return verdicts


def _triplet(
    broken: Broken,
    verdict: Verdict | None,
    split: str,
    fix: Sequence[Edit] | None = None,
    operator: str | None = None,
) -> Iterator[dict[str, Any]]:
    """The triplet of a mutant, if rustc has something to say of it that can be shown."""
    if verdict is None or not 0 < len(verdict.diagnostics) <= MAX_ERRORS:
        return
    diagnostic = verdict.diagnostics[0]
    files = broken.program.files
    if not any(span["is_primary"] and span["path"] in files for span in diagnostic["spans"]):
        return
    if diagnostic["level"] == "error: internal compiler error":
        return
    back = broken.fix if fix is None else fix
    yield {
        "v": 1,
        "broken": {path: text.decode() for path, text in files.items()},
        "diagnostic": diagnostic,
        "fix": {
            "edits": [
                {"path": broken.path, "start": edit.start, "end": edit.end, "text": edit.text.decode()}
                for edit in back
            ],
            "before": {broken.path: hashlib.sha256(files[broken.path]).hexdigest()},
            "creates": [],
            "deletes": [],
            "minimality": None,
            "result": None,
            "rollback": None,
        },
        "klass": error_class.of(diagnostic["code"], diagnostic["message"]),
        "operator": operator or "+".join(broken.operators),
        "edition": broken.program.edition,
        "split": split,
        "provenance": [broken.origin.source],
    }


def _pairs(wrong: Sequence[tuple[Broken, Verdict]]) -> Iterator[Pair]:
    """Two mutations of one file at once, where both alone are errors and they do not meet."""
    chance = random.Random(f"{_SEED} pairs {wrong[0][0].origin.id if wrong else ''}")
    for (first, of_first), (second, of_second) in pairwise(wrong):
        if (
            first.origin.id != second.origin.id
            or first.path != second.path
            or chance.random() > 2 * _PAIRS_SHARE
        ):
            continue
        edits = tuple(sorted((*first.mutation.edits, *second.mutation.edits)))
        if all(left.end < right.start for left, right in pairwise(edits)):
            operators = first.operators + second.operators
            both = break_(first.origin, first.path, operators, Mutation("+".join(operators), edits))
            yield Pair(both, (first, of_first), (second, of_second))


def _suggested(wrong: Sequence[tuple[Broken, Verdict]], split: str) -> Iterator[dict[str, Any]]:
    """rustc's own suggestions that are not the way back, but after which the program compiles."""
    chance = random.Random(f"{_SEED} rustc {wrong[0][0].origin.id if wrong else ''}")
    tried = []
    for broken, verdict in wrong:
        text = broken.program.files[broken.path]
        for edits in suggestions(verdict.diagnostics[0], broken.path):
            mended = apply(text, edits)
            if mended != broken.origin.program.files[broken.path] and chance.random() < 3 * _RUSTC_SHARE:
                tried.append(
                    (
                        broken,
                        verdict,
                        edits,
                        Program({**broken.program.files, broken.path: mended}, broken.program.edition),
                    )
                )
    for (broken, verdict, edits, _), after in zip(tried, _judge([one[3] for one in tried]), strict=True):
        if after and not after.errors:
            yield from _triplet(broken, verdict, split, edits, "rustc")


def suggestions(diagnostic: Diagnostic, path: str) -> Iterator[tuple[Edit, ...]]:
    """The edits to `path` that rustc is sure of, one tuple for each suggestion."""
    for child in diagnostic["children"]:
        spans = [span for span in child["spans"] if span["replacement"] is not None]
        if not spans or any(
            span["applicability"] != "MachineApplicable" or span["path"] != path for span in spans
        ):
            continue
        edits = tuple(
            sorted({Edit(span["start"], span["end"], span["replacement"].encode()) for span in spans})
        )
        if all(left.end <= right.start for left, right in pairwise(edits)):
            yield edits


def _key(rows: Sequence[Mapping[str, Any]], density: float, nth: int) -> str:
    facts = [
        VERSION,
        density,
        [nth, ROUNDS],
        _compiler_version(),
        sorted((name, one.weight) for name, one in OPERATORS.items()),
        list(rows),
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


_versions: dict[str, str] = {}


def _compiler_version() -> str:
    if not _versions:
        _versions["rustc"] = subprocess.run(
            ["rustc", "--version"], capture_output=True, text=True, check=True
        ).stdout
    return _versions["rustc"]


def _key_of(path: Path) -> str | None:
    beside = path.with_suffix(".json")
    return json.loads(beside.read_text())["key"] if path.exists() and beside.exists() else None


def _count_of(path: Path) -> int:
    return int(json.loads(path.with_suffix(".json").read_text())["n"])


def _write(path: Path, key: str, found: Sequence[Mapping[str, Any]]) -> None:
    lines = b"".join(json.dumps(one, ensure_ascii=False, sort_keys=True).encode() + b"\n" for one in found)
    partial = path.with_suffix(".partial")
    partial.write_bytes(lzma.compress(lines, preset=1))
    partial.rename(path)
    codes = Counter(one["diagnostic"]["code"] or "none" for one in found)
    facts = {
        "key": key,
        "n": len(found),
        "codes": codes,
        "klasses": Counter(one["klass"] for one in found),
        "operators": Counter(one["operator"] if "+" not in one["operator"] else "(pairs)" for one in found),
    }
    path.with_suffix(".json").write_text(json.dumps(facts, sort_keys=True, indent=0))


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """All triplets of a split, in order."""
    for path in sorted(folder.glob("*.jsonl.xz")):
        with lzma.open(path) as lines:
            for line in lines:
                yield json.loads(line)


def report(folder: Path) -> str:
    """How many there are by split, class, code and operator, as text."""
    parts = []
    for split in SPLITS:
        totals: dict[str, Counter[str]] = {"codes": Counter(), "klasses": Counter(), "operators": Counter()}
        count = 0
        for path in sorted((folder / split).glob("*.jsonl.json")):
            facts = json.loads(path.read_text())
            count += facts["n"]
            for name, total in totals.items():
                total.update(facts[name])
        parts.append(f"{split}: {count} triplets, {len(totals['operators'])} operators")
        for name, total in totals.items():
            listed = ", ".join(
                f"{key} {100 * value / max(1, count):.1f} %" for key, value in total.most_common(40)
            )
            parts.append(f"  {name}: {listed}")
    return "\n".join(parts)


def agreement(
    programs: Sequence[Program], verdicts: Sequence[Verdict | None], seed: int = 0
) -> tuple[int, int, int]:
    """How often a program alone gives what it gave among others.

    Returns:
        How many were tried, in how many code, place and message of the first error are the same, and in how
        many everything is.
    """
    chance = random.Random(seed)
    tried = same = equal = 0
    for program, verdict in zip(programs, verdicts, strict=True):
        if verdict is None or verdict.alone or not verdict.diagnostics or chance.random() > _ALONE_SHARE:
            continue
        alone = judge_alone(program)
        tried += 1
        if alone is not None and alone.diagnostics:
            same += _gist(alone.diagnostics[0]) == _gist(verdict.diagnostics[0])
            equal += alone.diagnostics == verdict.diagnostics
    return tried, same, equal


def _gist(diagnostic: Diagnostic) -> tuple[Any, ...]:
    places = [
        (span["path"], span["start"], span["end"]) for span in diagnostic["spans"] if span["is_primary"]
    ]
    return diagnostic["code"], diagnostic["message"], places


if __name__ == "__main__":
    raise SystemExit(main())
