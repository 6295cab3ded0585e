"""Run the repair loop on pairs of broken and fixed single-file programs."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import asdict, frozen

from rusta_server.candidates import Propose, rustc
from rusta_server.candidates.model import ByteModel
from rusta_server.commands._assists import asking
from rusta_server.config import Config
from rusta_server.errors import RustaError
from rusta_server.orchestrator.propose import SOURCES, model_of
from rusta_server.orchestrator.repair import Budget, Repair, repair_with_help
from rusta_server.patch import diff
from rusta_server.patch.shadow import FileShadow

NAME = "main.rs"


@frozen
class Pair:
    """A broken program and, for some, the program its author mended it to."""

    id: str
    broken: str
    fixed: str | None
    klass: str
    codes: tuple[str, ...]
    edition: str
    mode: str
    flags: tuple[str, ...]


@frozen
class Result:
    """What became of one pair.

    Attributes:
        clean: the compiler accepts the repaired file.
        confidence: how sure Rusta is of the repair; a guess below τ_answer.
        was_broken: the compiler rejects the original; pairs that it accepts are not counted.
        as_author: the repaired file equals the author's, apart from comments and white space.
        n_lines: lines removed plus lines added.
        sources: where the accepted candidates came from.
    """

    id: str
    klass: str
    codes: tuple[str, ...]
    was_broken: bool
    clean: bool
    confidence: float
    as_author: bool
    n_errors_before: int
    n_errors_after: int
    n_lines: int
    n_checks: int
    seconds: float
    sources: tuple[str, ...]
    titles: tuple[str, ...]
    remaining: tuple[str, ...]
    repaired: str


def load(file: Path) -> list[Pair]:
    """Read a JSONL file of pairs.

    Raises:
        RustaError: the file is missing or a line is not a pair; names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RustaError(
            f"cannot read {file}: {error.strerror}", hint="Give a JSONL file of pairs."
        ) from error
    return [_pair(file, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _pair(file: Path, number: int, line: str) -> Pair:
    try:
        raw: Mapping[str, Any] = json.loads(line)
        return Pair(
            id=raw["id"],
            broken=raw["broken"],
            fixed=raw.get("fixed"),
            klass=raw.get("klass", "unknown"),
            codes=tuple(raw.get("codes", ())),
            edition=raw.get("edition", "2021"),
            mode=raw.get("mode", "auto"),
            flags=tuple(raw.get("flags", ())),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RustaError(
            f"{file}:{number} is not a pair: {error!r}",
            hint='Each line is an object with at least "id" and "broken".',
        ) from error


def run(pair: Pair, *, budget: Budget, config: Config, analyzer: bool = True, rules: bool = True) -> Result:
    """Repair one pair in a folder of its own.

    Args:
        config: says which byte model to ask, if any; one for all pairs of this process.
        analyzer: ask rust-analyzer too, one for all pairs of this process.
        rules: use the hand-written rules; without them rustc's suggestions stand alone.
    """
    text = pair.broken.encode()
    model = _model(config)
    started = time.monotonic()
    with TemporaryDirectory(prefix="rusta-eval-") as folder:
        file = FileShadow(Path(folder), NAME, {NAME: text}, pair.edition, pair.mode, pair.flags)
        found = repair_with_help(
            file,
            lambda: nullcontext(_assists(pair.edition) if analyzer else ()),
            budget=budget,
            proposers=SOURCES if rules else (rustc.propose,),
            rank=model.ranking() if model else None,
        )
    seconds = time.monotonic() - started
    if not isinstance(found, Repair):
        raise RustaError(f"{pair.id} could not be checked: {found}")
    repaired = found.state.variant.get(NAME, text)
    n_before = len(found.baseline.errors)
    return Result(
        id=pair.id,
        klass=pair.klass,
        codes=pair.codes,
        was_broken=n_before > 0,
        clean=not found.remaining,
        confidence=round(min(found.confidences(file.files), default=1.0), 4),
        as_author=pair.fixed is not None and _bare(repaired.decode()) == _bare(pair.fixed),
        n_errors_before=n_before,
        n_errors_after=len(found.remaining),
        n_lines=diff.n_changed_lines({NAME: text}, {NAME: repaired}),
        n_checks=found.n_checks,
        seconds=seconds,
        sources=tuple(step.candidate.source for step in found.state.steps),
        titles=tuple(step.candidate.title for step in found.state.steps),
        remaining=tuple(f"{error.code}: {error.message}" for error in found.remaining),
        repaired=repaired.decode(),
    )


@cache
def _model(config: Config) -> ByteModel | None:
    return model_of(config)


@cache
def _assists(edition: str) -> Sequence[Propose]:
    """rust-analyzer's assists for single files of one edition; it runs until this process ends."""
    stack = ExitStack()
    Finalize(None, stack.close, exitpriority=0)
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="rusta-eval-")))
    (folder / NAME).write_text("")
    return stack.enter_context(asking(Config(), folder, editions={folder / NAME: edition}))


def to_json(result: Result) -> str:
    """One line of the details file."""
    return json.dumps(asdict(result), ensure_ascii=False)


def _bare(text: str) -> str:
    return "".join("".join(_without_comments(text)).split()).replace(",}", "}").replace(",)", ")")


def _without_comments(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield line.split("//")[0]
