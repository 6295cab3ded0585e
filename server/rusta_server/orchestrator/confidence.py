"""How sure Rusta is that a fix which the compiler accepted is right.

The probability is a logistic function of what is known of the fix. Its coefficients are fitted on held-out
programs with hidden tests (`rusta_eval.calibrate`), with and without the byte model's opinion. How many other
candidates were refused before, or accepted as well, was tried as evidence and told nothing more.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen

from rusta_inference.confidence import calibration, logit

from ..candidates import Candidate, Score
from ..patch import diff
from ..patch.proof import Level
from ..tools.diagnostic import BORROWS, RESOLUTION, SIGNATURES, SYNTAX, Diagnostic

_WORD = re.compile(rb"\w+")
# Text that compiles in many places and is seldom what was meant.
_MADE_UP = re.compile(
    rb"\b(todo|unimplemented|unreachable|panic)!|\bDefault::default\(|::(new|default)\(\)|\bNone\b|\bunsafe\b"
    rb"|\"\"|\b0(\.0)?\b|\[\]|\bfalse\b"
)
# A variable that was not there, with a value that somebody must have made up.
_DECLARATION = re.compile(rb"\s*let\s+(mut\s+)?\w+\s*(:[^=]*)?=")
_MUT = re.compile(rb"\bmut\b")
_COPIES = re.compile(rb"\.(clone|cloned|copied|to_owned|to_vec|to_string)\(\)")
_NAME = re.compile(rb"[A-Za-z_]\w*")
_KEYWORD = re.compile(
    rb"fn|let|static|const|mut|struct|enum|trait|impl|mod|pub|use|type|match|if|else|loop|return"
)
_MANY = 12


@frozen
class Near:
    """What else is close to a fix, by number. One mistake may be behind all of it, or each has its own.

    Attributes:
        beside: other candidates, for errors that were there from the start.
        later: other candidates, for errors of a later stage of the compiler: the first ones hid them.
        stacked: other candidates where this one, or they, mend what one of them brought in.
        left: errors that are left.
    """

    beside: int = 0
    later: int = 0
    stacked: int = 0
    left: int = 0


@frozen
class Evidence:
    """What is known of one accepted candidate.

    Attributes:
        stage: of the compiler, in which the error was reported.
        changes: old and new text of each place it changes, widened to whole words.
        n_new_warnings: warnings that the compiler gave only afterwards.
        n_mended: errors that went away with it.
    """

    source: str
    prior: float
    score: Score | None
    stage: int
    changes: tuple[tuple[bytes, bytes], ...]
    n_lines: int
    n_new_warnings: int = 0
    n_mended: int = 1
    near: Near = Near()

    def of_change(
        self,
        before: Mapping[str, bytes],
        after: Mapping[str, bytes],
        *,
        n_new_warnings: int,
        n_mended: int,
        near: Near,
    ) -> "Evidence":
        """The same candidate, once the compiler has judged it: it may have been made smaller."""
        return evolve(
            self,
            changes=tuple(_changes(before, after)),
            n_lines=diff.n_changed_lines(before, after),
            n_new_warnings=n_new_warnings,
            n_mended=n_mended,
            near=near,
        )


def evidence(
    candidate: Candidate,
    error: Diagnostic,
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    *,
    n_new_warnings: int = 0,
    n_mended: int = 1,
    near: Near = Near(),
) -> Evidence:
    """What is known of a candidate for `error` that made `after` of `before`."""
    return Evidence(
        source=candidate.source,
        prior=candidate.prior,
        score=candidate.score,
        stage=error.stage,
        changes=tuple(_changes(before, after)),
        n_lines=diff.n_changed_lines(before, after),
        n_new_warnings=n_new_warnings,
        n_mended=n_mended,
        near=near,
    )


def confidence(parts: Sequence[Evidence], level: Level) -> float:
    """The probability that a fix of these candidates, proven to `level`, is right: its weakest part's."""
    return min((_of_part(part, level) for part in parts), default=0.0)


def _of_part(part: Evidence, level: Level) -> float:
    return calibration(calibration_of(part)).probability(features(part, level), part.source)


def calibration_of(part: Evidence) -> str:
    """Which coefficients it is judged by."""
    return "after" if part.score is None else "after_model"


def features(part: Evidence, level: Level) -> dict[str, float]:
    """What the probability is computed from."""
    old = b"".join(old for old, _ in part.changes)
    new = b"".join(new for _, new in part.changes)
    found = {
        "prior": logit(part.prior),
        "v1": float(level == Level.V1),
        "v3": float(level >= Level.V3),
        "from_rustc": float(part.source.startswith("rustc")),
        "from_assist": float(part.source == "assist"),
        "from_model": float(part.source.endswith("model")),
        "syntax": float(part.stage == SYNTAX),
        "names": float(part.stage in (RESOLUTION, SIGNATURES)),
        "borrows": float(part.stage == BORROWS),
        "lines": math.log2(1 + part.n_lines),
        "bytes": math.log2(1 + len(old) + len(new)),
        "places": float(min(len(part.changes), 4)),
        "warnings": float(min(part.n_new_warnings, 2)),
        "mended": math.log2(min(max(part.n_mended, 1), 8)),
        "beside": math.log2(1 + part.near.beside),
        "later": math.log2(1 + part.near.later),
        "stacked": math.log2(1 + part.near.stacked),
        "left": math.log2(1 + min(part.near.left, 7)),
        "renames": float(any(_is_rename(*change) for change in part.changes)),
        "deletes": float(any(_is_deletion(*change) for change in part.changes)),
        "made_up": float(_counts_more(_MADE_UP, old, new)),
        "declares": float(any(not old.strip() and _DECLARATION.match(new) for old, new in part.changes)),
        "copies": float(_counts_more(_COPIES, old, new)),
        "imports": float(
            any(change.lstrip().startswith((b"use ", b"pub use ")) for _, change in part.changes)
        ),
        "marks_only": float(
            not any(_WORD.search(_MUT.sub(b"", one)) for pair in part.changes for one in pair)
        ),
    }
    if part.score is not None:
        found["mean"] = max(part.score.mean, -3.0)
        found["least"] = max(part.score.least, -8.0)
        found["total"] = max(part.score.total, -24.0)
    return found


def _changes(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[tuple[bytes, bytes]]:
    for path in sorted(after):
        yield from diff.word_changes(path, before[path], after[path])


def _is_rename(old: bytes, new: bytes) -> bool:
    return bool(_NAME.fullmatch(old.strip()) and _NAME.fullmatch(new.strip())) and not _KEYWORD.fullmatch(
        new.strip()
    )


def _is_deletion(old: bytes, new: bytes) -> bool:
    """Whether code goes and nothing comes in its place; a word or two do not count."""
    return not new.strip() and (b";" in old or len(old.strip()) > _MANY)


def _counts_more(pattern: re.Pattern[bytes], old: bytes, new: bytes) -> bool:
    return len(pattern.findall(new)) > len(pattern.findall(old))
