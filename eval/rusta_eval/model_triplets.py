"""How often is the byte model right on mistakes in code it has never seen? The model alone, no other source.

Compiler triplets of the split `test`: good programs that a mistake was put into, and what rustc said first.
The model is shown that diagnostic and writes up to eight edits; those that parse worse than what was there,
or change white space alone, are left out, as in use. *Exact*: the files are then what they were before the
mistake (or, for triplets made of rustc's own suggestions, what these make of them). *Clean*: rustc has no
error left to report; where the mistake was a warning, no warning either. Of two mistakes in one program the
model is asked about the one that rustc speaks of first, as it is in use: *exact* and *clean* then leave the
other as it is. Both of the first edit, and of any of the eight.

That the model would rather abstain, or ask for a probe first, is counted apart; its edits are judged all the
same. Intervals count triplets as independent, though some come from the same program.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from hashlib import sha256
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, Literal

from attrs import field, frozen

from rusta_inference import codec
from rusta_inference.decode import generate
from rusta_inference.engine import N_THREADS, Engine
from rusta_inference.manifest import Missing
from rusta_inference.problem import of_diagnostic
from rusta_server.candidates import Source
from rusta_server.candidates.model import is_worth_trying
from rusta_server.errors import RustaError
from rusta_training import compile as compiler
from rusta_training import ledger
from rusta_training.triplets import is_usable, read

from .intervals import Share, share_of

AT: Final = (1, 8)
LEAST_OF_OPERATOR: Final = 10
"""Operators with fewer triplets than this are one line."""

_TOGETHER: Final = 200

Files = Mapping[str, bytes]
Progress = Callable[[int, int], None]
Triplet = Mapping[str, Any]
Said = frozenset[tuple[str, str]]
"""Code and message of each thing that rustc has to say of a program."""


@frozen
class Written:
    """What the model wrote for one triplet.

    Attributes:
        first: `abstain` if that is more probable than all else together; else what its best answer is.
        mended: the files after the fix, of two mistakes; None where nothing is left then.
        left: the files after each of its edits, most probable first.
        exact: of each, whether they are what the fix makes of them.
    """

    klass: str
    operator: str
    origin: str
    edition: str
    is_warning: bool
    first: Literal["edit", "abstain", "probe", "nothing"]
    left: tuple[Files, ...] = field(repr=False)
    exact: tuple[bool, ...]
    mended: Files | None = field(default=None, repr=False)


@frozen
class Judged:
    """One triplet with the compiler's opinion of each edit."""

    written: Written
    clean: tuple[bool, ...]


@frozen
class Row:
    """The figures of some triplets.

    Attributes:
        abstained, probed: how many the model would rather have answered so.
    """

    name: str
    n: int
    exact_at_1: Share
    exact_at_8: Share
    clean_at_1: Share
    clean_at_8: Share
    abstained: int
    probed: int


@frozen
class Report:
    """Figures by what the triplets are.

    Attributes:
        n_there: how many triplets the sample was drawn from.
        n_doubtful: edits that are exact and yet not clean: zero, if the compiler is asked rightly.
    """

    n_there: int
    all: Row
    by_class: tuple[Row, ...]
    by_origin: tuple[Row, ...]
    by_operator: tuple[Row, ...]
    n_doubtful: int


def measure(
    weights: Path,
    folder: Path,
    ledger_file: Path,
    count: int,
    jobs: int,
    asking: Progress,
    compiling: Progress,
) -> tuple[Report, list[Judged]]:
    """Measure a folder of weights on `count` of the triplets in `folder`.

    Raises:
        RustaError: there are none, or the weights cannot be used.
    """
    n_there, triplets = draw(folder, count)
    kinds = {entry.sha256: entry.kind for entry in ledger.read(ledger_file)}
    ask = partial(_ask, weights, max(1, N_THREADS // jobs), kinds)
    # Not forked: a runtime with threads of its own does not survive that.
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        written = [
            *_reported(pool.map(ask, triplets, chunksize=max(1, min(8, count // jobs))), count, asking)
        ]
        judged = judge(written, pool, compiling)
    return report(judged, n_there), judged


def draw(folder: Path, count: int) -> tuple[int, list[Triplet]]:
    """How many triplets there are, and `count` of them: those of the least hashes, always the same."""
    hashed = [(sha256(json.dumps(one, sort_keys=True).encode()).digest(), one) for one in read(folder)]
    if not hashed:
        raise RustaError(f"there are no triplets in {folder}.", hint="make data, or --data FOLDER")
    hashed.sort(key=lambda pair: pair[0])
    return len(hashed), [one for _, one in hashed[:count]]


def attempt(engine: Engine, triplet: Triplet, origin: str = "") -> Written:
    """Let the model write its answers to one triplet."""
    files = {path: text.encode() for path, text in triplet["broken"].items()}
    prompt = codec.encode_problem(of_diagnostic(triplet["diagnostic"], files))
    sources = {path: Source(path, text) for path, text in files.items()}

    def accept(answer: codec.Answer) -> bool:
        return is_worth_trying(sources, applied(files, answer.edits))

    found = generate(engine, prompt, n=max(AT), accept=accept)
    fix = [codec.Edit(e["path"], e["start"], e["end"], e["text"].encode()) for e in triplet["fix"]["edits"]]
    good = applied(files, fix)
    left = [
        applied(files, one.answer.edits) for one in found.candidates if isinstance(one.answer, codec.Answer)
    ]
    best = found.candidates[0] if found.candidates else None
    is_pair = "+" in triplet["operator"]
    first: Literal["edit", "abstain", "probe", "nothing"]
    if found.p_abstain > 0.5:
        first = "abstain"
    elif best is None:
        first = "nothing"
    else:
        first = "edit" if isinstance(best.answer, codec.Answer) else "probe"
    return Written(
        klass=triplet["klass"],
        operator="(two mistakes)" if is_pair else triplet["operator"],
        origin=origin,
        edition=triplet["edition"],
        is_warning=triplet["diagnostic"]["level"] == "warning",
        first=first,
        left=tuple(left),
        exact=tuple(one == good for one in left),
        mended=good if is_pair else None,
    )


def applied(files: Files, edits: Iterable[codec.Edit]) -> dict[str, bytes]:
    """The files after edits that do not meet."""
    left = dict(files)
    for edit in sorted(edits, reverse=True):
        text = left[edit.path]
        left[edit.path] = text[: edit.start] + edit.text + text[edit.end :]
    return left


def judge(written: Sequence[Written], pool: ProcessPoolExecutor, progress: Progress) -> list[Judged]:
    """Ask rustc about every edit of every triplet; the same program only once."""
    asked = sorted(
        {
            _Question.of(one, files)
            for one in written
            for files in (*one.left, *([one.mended] if one.mended else []))
        },
        key=lambda question: (question.edition, question.no_warnings, question.alone, question.files),
    )
    batches = [
        batch
        for _, alike in groupby(asked, key=lambda one: (one.edition, one.no_warnings, one.alone))
        for batch in _batches(list(alike))
    ]
    said: dict[_Question, Said | None] = {}
    for batch, verdicts in zip(batches, pool.map(ask, batches), strict=True):
        said |= zip(batch, verdicts, strict=True)
        progress(len(said), len(asked))

    def is_clean(one: Written, files: Files) -> bool:
        left = said[_Question.of(one, files)]
        allowed = said[_Question.of(one, one.mended)] if one.mended else None
        return left is not None and left <= (allowed or frozenset())

    return [Judged(one, tuple(is_clean(one, files) for files in one.left)) for one in written]


@frozen
class _Question:
    """A program of which is asked whether it is clean.

    Attributes:
        alone: it must not be a module among others, since what it says depends on being a crate's root.
    """

    edition: str
    no_warnings: bool
    alone: bool
    files: tuple[tuple[str, bytes], ...] = field(repr=False)

    @classmethod
    def of(cls, one: Written, files: Files) -> "_Question":
        program = compiler.Program(files, one.edition)
        # One that has lost its `main` would be a good module, and is not a good program.
        is_itself = compiler.main_path(files[program.main]) == program.main
        alone = not (is_itself and all(is_usable(text) for text in files.values()))
        return cls(one.edition, one.is_warning, alone, tuple(sorted(files.items())))


def ask(questions: Sequence[_Question]) -> list[Said | None]:
    """What rustc says of some programs, all of them of one kind; None where it crashes."""
    programs = [compiler.Program(dict(one.files), one.edition) for one in questions]
    alone, no_warnings = questions[0].alone, questions[0].no_warnings
    found = [_said(verdict.errors if verdict else None) for verdict in _verdicts(programs, alone, False)]
    if no_warnings:
        good = [number for number, said in enumerate(found) if said == frozenset()]
        again = _verdicts([programs[number] for number in good], alone, True)
        for number, verdict in zip(good, again, strict=True):
            found[number] = _said(verdict.diagnostics if verdict else None)
    return found


def _said(diagnostics: Sequence[compiler.Diagnostic] | None) -> Said | None:
    if diagnostics is None:
        return None
    return frozenset((one["code"] or "", one["message"]) for one in diagnostics)


def _verdicts(
    programs: Sequence[compiler.Program], alone: bool, warnings: bool
) -> list[compiler.Verdict | None]:
    if alone:
        return [compiler.judge_alone(program, warnings=warnings) for program in programs]
    return compiler.judge(programs, warnings=warnings)


def report(judged: Sequence[Judged], n_there: int) -> Report:
    """The figures of all triplets and of each kind of them."""
    counts = Counter(one.written.operator for one in judged)
    rare = {operator for operator, n in counts.items() if n < LEAST_OF_OPERATOR}
    others = f"({len(rare)} others)"
    by_operator = _rows(judged, lambda one: others if one.operator in rare else one.operator)
    return Report(
        n_there=n_there,
        all=_row("all", judged),
        by_class=_rows(judged, lambda one: one.klass),
        by_origin=_rows(judged, lambda one: one.origin),
        by_operator=tuple(sorted(by_operator, key=lambda row: (row.name == others, -row.n, row.name))),
        n_doubtful=sum(
            is_exact and not is_clean
            for one in judged
            for is_exact, is_clean in zip(one.written.exact, one.clean, strict=True)
        ),
    )


def details(judged: Iterable[Judged]) -> Iterator[str]:
    """A JSON line for each triplet."""
    for one in judged:
        told = {
            name: getattr(one.written, name)
            for name in ("klass", "operator", "origin", "edition", "first", "exact")
        }
        left = [{path: text.decode() for path, text in files.items()} for files in one.written.left]
        yield json.dumps({**told, "clean": one.clean, "left": left}, ensure_ascii=False)


def _rows(judged: Sequence[Judged], name: Callable[[Written], str]) -> tuple[Row, ...]:
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[name(one.written)].append(one)
    return tuple(_row(kind, group) for kind, group in sorted(groups.items()))


def _row(name: str, judged: Sequence[Judged]) -> Row:
    exact = {k: share_of([any(one.written.exact[:k]) for one in judged]) for k in AT}
    clean = {k: share_of([any(one.clean[:k]) for one in judged]) for k in AT}
    first = Counter(one.written.first for one in judged)
    return Row(name, len(judged), exact[1], exact[8], clean[1], clean[8], first["abstain"], first["probe"])


def _batches(questions: Sequence[_Question]) -> Iterator[Sequence[_Question]]:
    return (questions[at : at + _TOGETHER] for at in range(0, len(questions), _TOGETHER))


def _reported(results: Iterable[Written], total: int, progress: Progress) -> Iterator[Written]:
    for done, result in enumerate(results, 1):
        progress(done, total)
        yield result


def _ask(weights: Path, n_threads: int, kinds: Mapping[str, str], triplet: Triplet) -> Written:
    return attempt(_engine(weights, n_threads), triplet, kinds.get(triplet["provenance"][0], "unknown"))


@cache
def _engine(weights: Path, n_threads: int) -> Engine:
    """The engine of this process."""
    engine = Engine.open(weights, n_threads=n_threads)
    if isinstance(engine, Missing):
        raise RustaError(engine.reason)
    return engine
