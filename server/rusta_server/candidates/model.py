"""The byte model: it ranks what the other sources propose, fills their holes, and writes edits of its own.

It runs in a process of its own, which is started when it is first asked. Without weights, or with weights
that cannot be used, nothing else is lost.
"""

import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import tree_sitter
from attrs import asdict, define, evolve, field, frozen

import rusta_inference
from rusta_inference import codec
from rusta_inference.codec import Mark, Problem
from rusta_inference.confidence import calibration, logit
from rusta_inference.manifest import Missing, read, read_graph
from rusta_inference.problem import of_diagnostic

from ..patch import diff
from ..patch.edit import Edit, EditError, apply
from ..tools.process import Cancel, is_cancelled
from . import LANGUAGE, Candidate, Context, Rank, Score, Source, elsewhere, rustc

if TYPE_CHECKING:
    from rusta_inference.decode import Generated
    from rusta_inference.worker import Worker

log = logging.getLogger(__name__)

SHIPPED = Path(rusta_inference.__file__).parent / "weights" / "tiny"

_N_OWN = 8
_N_FILLED = 4
_MAX_SCORED = 16
_MAX_HOLES = 2
_REMEMBERED = 16
_TITLE_WIDTH = 60


@frozen
class Weights:
    """What lies in a folder of weights, in a line for a person."""

    usable: bool
    said: str


def look(folder: Path = SHIPPED) -> Weights:
    """Whether the weights in a folder are there, whole, and of a format that can be read. Starts nothing."""
    manifest = read(folder)
    if isinstance(manifest, Missing):
        return Weights(False, manifest.reason)
    n_bytes = 0
    for parts in manifest.graphs.values():
        graph = read_graph(folder, parts)
        if isinstance(graph, Missing):
            return Weights(False, graph.reason)
        n_bytes += len(graph)
    n_millions = manifest.n_parameters / 1e6
    return Weights(True, f"{manifest.run}, {n_millions:.0f} M parameters, {n_bytes / 1e6:.0f} MB ({folder})")


@frozen
class Opinion:
    """A candidate with what the model makes of it.

    Attributes:
        features: what its new prior is computed from.
    """

    candidate: Candidate
    features: dict[str, float] = field(repr=False)


_Question = tuple[object, ...]


@define(slots=False, eq=False)
class ByteModel:
    """A folder of weights, used from the first question on. May be asked from several threads, in turn."""

    folder: Path = SHIPPED
    n_threads: int = 2
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)
    _known: OrderedDict[_Question, tuple[Opinion, ...]] = field(factory=OrderedDict, repr=False)

    @cached_property
    def worker(self) -> "Worker | Missing":
        """The process that runs the weights."""
        from rusta_inference.worker import Worker

        started = Worker.start(self.folder, n_threads=self.n_threads)
        if not isinstance(started, Worker):
            log.warning("no byte model: %s", started.reason)
        return started

    def ranking(self, cancel: Cancel | None = None) -> Rank:
        """The candidates with the model's opinion in score and prior, its own and filled ones among them.

        They come back as they are if the model cannot be asked, or is no longer to be.
        """

        def rank(context: Context, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
            try:
                opinions = self.opinions(context, candidates, cancel)
            except Exception as error:  # whatever goes wrong in there, the other sources are still good
                if not is_cancelled(cancel):
                    log.warning("the byte model failed: %r", error)
                opinions = None
            if opinions is None:
                return tuple(candidates)
            return tuple(evolve(one.candidate, prior=_before(one.features)) for one in opinions)

        return rank

    def opinions(
        self, context: Context, candidates: Sequence[Candidate], cancel: Cancel | None = None
    ) -> tuple[Opinion, ...] | None:
        """What a ranking is made of: scored candidates and the features of their new priors.

        None without a model, or where there is no code to show to it.

        Raises:
            rusta_inference.worker.Lost: its process died.
            rusta_inference.engine.Cancelled: somebody raised `cancel`.
        """
        from rusta_inference.worker import Worker

        with self._lock:
            worker = self.worker
            if not isinstance(worker, Worker):
                return None
            files = {
                span.path: context.files[span.path].text
                for span in context.diagnostic.all_spans()
                if span.path in context.files
            }
            problem = of_diagnostic(asdict(context.diagnostic), files)
            prompt = codec.encode_problem(problem)
            if not prompt.lines:
                return None
            # The same prompt may come of another text, in which what it shows lies elsewhere.
            question = (prompt.tokens, frozenset(problem.files.items()), *candidates)
            if question not in self._known:
                consulted = _Consulted(worker, context, problem, cancel)
                opinions = tuple(consulted.opinions(candidates))
                if consulted.saw_more:
                    return opinions  # of files that are no part of the question
                self._known[question] = opinions
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
            return self._known[question]


class _Consulted:
    """One question to the model: a prompt that was read once, or twice if it asks for a definition."""

    def __init__(self, worker: "Worker", context: Context, problem: Problem, cancel: Cancel | None) -> None:
        self._worker, self._context, self._cancel = worker, context, cancel
        self.saw_more = False
        self._show(problem)

    def _show(self, problem: Problem) -> None:
        self._problem, self._prompt = problem, codec.encode_problem(problem)
        self._read = self._worker.prefill(self._prompt.tokens, cancelled=self._is_cancelled)

    def opinions(self, candidates: Sequence[Candidate]) -> Iterator[Opinion]:
        """Scored candidates: the given ones first."""
        written = self._generate(_N_OWN)
        mark = _definition_wanted(written, self._context)
        if mark is not None:
            files = {**self._problem.files, mark.path: self._context.files[mark.path].text}
            self.saw_more = True
            self._show(evolve(self._problem, marks=(*self._problem.marks, mark), files=files))
            written = self._generate(_N_OWN)
        own = list(self._own(written))
        given = self._scored(candidates)
        told = {_effect(one, self._context) for one in given}
        filled = self._scored(list(self._filled()))
        fresh = [one for one in (*own, *filled) if _effect(one, self._context) not in told]
        found = (*given, *fresh)
        best = max((one.score.total for one in found if one.score), default=0.0)
        for candidate in found:
            yield Opinion(candidate, _features(candidate, best, written.p_abstain))

    def _own(self, written: "Generated") -> Iterator[Candidate]:
        for one in written.candidates:
            if isinstance(one.answer, codec.Answer):
                yield self._candidate("model", one.answer, one.tokens, one.score.token_log_probabilities)

    def _candidate(
        self, source: str, answer: codec.Answer, tokens: Sequence[int], logs: Sequence[float]
    ) -> Candidate:
        edits = tuple(Edit(edit.path, edit.start, edit.end, edit.text) for edit in answer.edits)
        return Candidate(source, _title(edits, self._context), edits, score=_score(logs))

    def _scored(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates, with a score those that can be said to the model and are likely enough."""
        said: dict[int, tuple[int, ...]] = {}
        likely = sorted(range(len(candidates)), key=lambda number: -candidates[number].prior)
        for number in likely[:_MAX_SCORED]:
            tokens = self._tokens(candidates[number])
            if tokens is not None:
                said[number] = tokens
        result = list(candidates)
        if not said:
            return result
        scores = self._worker.score(self._read, list(said.values()), cancelled=self._is_cancelled)
        for number, score in zip(said, scores, strict=True):
            result[number] = evolve(result[number], score=_score(score.token_log_probabilities))
        return result

    def _tokens(self, candidate: Candidate) -> tuple[int, ...] | None:
        """The candidate as the model would have written it; None if it cannot."""
        if any(edit.path not in self._prompt.files for edit in candidate.edits):
            return None
        edits = [codec.Edit(edit.path, edit.start, edit.end, edit.text) for edit in candidate.edits]
        return codec.encode_edits(self._prompt, edits)

    def _filled(self) -> Iterator[Candidate]:
        """The compiler's suggestions with a hole in them, the hole filled."""
        holed = [one for one in rustc.propose(self._context) if one.has_placeholder]
        for candidate in holed[:_MAX_HOLES]:
            tokens = self._tokens(candidate)
            begin = _up_to_hole(tokens) if tokens else ()
            if not begin:
                continue
            written = self._generate(_N_FILLED, begin)
            for one in written.candidates:
                if isinstance(one.answer, codec.Answer) and not _up_to_hole(one.tokens):
                    yield self._candidate(
                        "rustc+model", one.answer, one.tokens, one.score.token_log_probabilities
                    )

    def _generate(self, n: int, begin: Sequence[int] = ()) -> "Generated":
        from rusta_inference.engine import Cancelled

        written = self._worker.generate(
            self._prompt, n=n, begin=begin, accept=self._is_worth_trying, cancelled=self._is_cancelled
        )
        if written.cancelled:
            raise Cancelled
        return written

    def _is_cancelled(self) -> bool:
        return is_cancelled(self._cancel)

    def _is_worth_trying(self, answer: codec.Answer) -> bool:
        edits = [Edit(edit.path, edit.start, edit.end, edit.text) for edit in answer.edits]
        before = {path: self._context.files[path] for path in self._prompt.files}
        try:
            after = apply({path: source.text for path, source in before.items()}, edits)
        except EditError:
            return False
        return is_worth_trying(before, after)


def _definition_wanted(written: "Generated", context: Context) -> Mark | None:
    """Where the definition is that the model would rather see first; None if it has a better answer.

    None, too, if nothing of this name is defined in the file of the error or near it, or more than one thing.
    """
    best = written.candidates[0].answer if written.candidates else None
    if not isinstance(best, codec.NeedsProbe) or best.tool != "ra.goto_def":
        return None
    found = elsewhere.definitions(context, best.target)
    if len(found) != 1:
        return None
    ((path, item),) = found
    return Mark(path, item.start_byte, item.end_byte, "note")


def is_worth_trying(before: Mapping[str, Source], after: Mapping[str, bytes]) -> bool:
    """Whether more than white space changes, and no file parses worse than before."""
    return any(before[path].text.split() != text.split() for path, text in after.items()) and all(
        _parses_as_well(before[path], text) for path, text in after.items()
    )


def _parses_as_well(before: Source, after: bytes) -> bool:
    tree = tree_sitter.Parser(LANGUAGE).parse(after)
    return not tree.root_node.has_error or _n_faults(tree.root_node) <= _n_faults(before.root)


def _n_faults(node: tree_sitter.Node) -> int:
    """The places at which the parser did not know what to do."""
    if not node.has_error:
        return 0
    return int(node.is_error or node.is_missing) + sum(_n_faults(child) for child in node.children)


def _score(logs: Sequence[float]) -> Score:
    total = math.fsum(logs)
    return Score(total, total / max(len(logs), 1), min(logs, default=0.0))


def _up_to_hole(tokens: Sequence[int]) -> tuple[int, ...]:
    """The tokens before a placeholder; none if there is none."""
    if codec.TO not in tokens:
        return ()
    text = bytes(token if token < 256 else 0 for token in tokens)
    hole = rustc.PLACEHOLDER.search(text.decode("latin-1"), tokens.index(codec.TO))
    return tuple(tokens[: hole.start()]) if hole else ()


def _features(candidate: Candidate, best: float, p_abstain: float) -> dict[str, float]:
    """What the probability before verification is computed from; `best` is the highest score of all."""
    score = candidate.score
    n_lines = sum(edit.text.count(b"\n") + 1 for edit in candidate.edits)
    return {
        "prior": logit(candidate.prior),
        "from_rustc": float(candidate.source == "rustc"),
        "from_assist": float(candidate.source == "assist"),
        "from_model": float(candidate.source == "model"),
        "from_filled": float(candidate.source == "rustc+model"),
        "lines": math.log2(1 + n_lines),
        "places": float(min(len(candidate.edits), 4)),
        "unscored": float(score is None),
        "total": max(score.total, -40.0) if score else 0.0,
        "mean": max(score.mean, -4.0) if score else 0.0,
        "least": max(score.least, -12.0) if score else 0.0,
        "behind": max(score.total - best, -20.0) if score else 0.0,
        "abstains": p_abstain,
    }


def _before(features: dict[str, float]) -> float:
    return calibration("before_model").probability(features)


def _effect(candidate: Candidate, context: Context) -> object:
    """The same for candidates that lead to the same bytes."""
    paths = {edit.path for edit in candidate.edits}
    try:
        after = apply({path: context.files[path].text for path in paths}, candidate.edits)
    except (EditError, KeyError):
        return candidate.edits
    return tuple(sorted(after.items()))


def _title(edits: Sequence[Edit], context: Context) -> str:
    """What the edits do, in the imperative."""
    first = min(edits)
    text = context.files[first.path].text
    old, new = (part.decode(errors="replace").strip() for part in (text[first.start : first.end], first.text))
    if len(old) + len(new) > _TITLE_WIDTH or "\n" in old + new:
        old, new = _smallest(first, text)
    more = len(edits) - 1
    also = f" (and {more} more change{'s' if more > 1 else ''})" if more else ""
    if not old:
        return f"Insert {_quoted(new)}{also}"
    if not new:
        return f"Remove {_quoted(old)}{also}"
    return f"Replace {_quoted(old)} by {_quoted(new)}{also}"


def _smallest(edit: Edit, text: bytes) -> tuple[str, str]:
    """Old and new words, without what stays the same."""
    after = text[: edit.start] + edit.text + text[edit.end :]
    (old, new), *_ = diff.word_changes(edit.path, text, after) or [(b"", b"")]
    return old.decode(errors="replace").strip(), new.decode(errors="replace").strip()


def _quoted(text: str) -> str:
    first, *rest = text.splitlines() or [""]
    shown = first if len(first) <= _TITLE_WIDTH else first[: _TITLE_WIDTH - 1] + "…"
    return f"`{shown}`" + (f" and {len(rest)} more line{'s' if len(rest) > 1 else ''}" if rest else "")
