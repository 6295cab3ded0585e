"""Labelled (claim, citation) pairs: what to label, and how faithful the citations are by those labels.

A claim and all quotes it is shown with are one pair. A quote without words of ours is none.

What the labels mean is written in ``eval/citations/guideline.md``.
"""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from rusta_server.errors import RustaError

from .citations_shown import Shown

# The only one that counts as faithful is the first.
LABELS = ("full", "redundant", "partly", "none")
MOST_PAIRS = 400
CONFIDENCE = 0.95


@frozen
class LabelledPair:
    """A line of the labels file.

    Attributes:
        id: of claim, part, anchors and code together: stays the same while all of them do.
        pair: id of the broken program whose diagnostic it was shown for.
        label: one of `LABELS`, or None where nobody has judged it.
    """

    id: str
    pair: str
    code: str
    message: str
    part: str
    claim: str
    anchors: tuple[str, ...]
    quotes: tuple[str, ...]
    label: str | None = None
    reason: str = ""


@frozen
class Fidelity:
    """How many of the pairs that are still shown are fully supported.

    Attributes:
        lower: the 95 % lower bound (Clopper–Pearson, one-sided) of `share`.
        by_corpus: corpus -> (full, labelled).
        stale: ids that are labelled, but not shown any more; they do not count.
        unlabelled: how many of the file's lines nobody has judged.
    """

    n: int
    counts: dict[str, int]
    share: float
    lower: float
    by_corpus: dict[str, tuple[int, int]]
    stale: tuple[str, ...]
    unlabelled: int


def to_label(shown: Iterable[Shown], most: int = MOST_PAIRS) -> list[LabelledPair]:
    """At most so many different pairs, evenly over the codes, the same ones each time."""
    by_code: defaultdict[str, dict[str, LabelledPair]] = defaultdict(dict)
    for pair in _pairs(shown):
        by_code[pair.code].setdefault(pair.id, pair)
    queues = [sorted(pairs.values(), key=lambda pair: pair.id) for _, pairs in sorted(by_code.items())]
    chosen: list[LabelledPair] = []
    for turn in range(max(map(len, queues), default=0)):
        for queue in queues:
            if turn < len(queue) and len(chosen) < most:
                chosen.append(queue[turn])
    return sorted(chosen, key=lambda pair: (pair.code, pair.pair, pair.part, pair.id))


def merge(known: Iterable[LabelledPair], drawn: Iterable[LabelledPair]) -> list[LabelledPair]:
    """All that was labelled, and of what was drawn the rest."""
    kept = {pair.id: pair for pair in known if pair.label is not None}
    return [*kept.values(), *(pair for pair in drawn if pair.id not in kept)]


def fidelity(labelled: Sequence[LabelledPair], shown: Iterable[Shown]) -> Fidelity:
    """Count the labels of the pairs that are still shown."""
    today = {pair.id for pair in _pairs(shown)}
    judged = [pair for pair in labelled if pair.label is not None]
    fresh = [pair for pair in judged if pair.id in today]
    counts = {label: sum(pair.label == label for pair in fresh) for label in LABELS}
    n_full, n = counts["full"], len(fresh)
    by_corpus: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for pair in fresh:
        for corpus in {anchor.partition("/")[0] for anchor in pair.anchors}:
            full, all_ = by_corpus[corpus]
            by_corpus[corpus] = (full + (pair.label == "full"), all_ + 1)
    return Fidelity(
        n=n,
        counts=counts,
        share=n_full / n if n else 0.0,
        lower=lower_bound(n_full, n),
        by_corpus=dict(sorted(by_corpus.items())),
        stale=tuple(pair.id for pair in judged if pair.id not in today),
        unlabelled=len(labelled) - len(judged),
    )


def lower_bound(n_right: int, n: int, confidence: float = CONFIDENCE) -> float:
    """The Clopper–Pearson lower bound of a share: the least p for which so many are not too unlikely.

    One-sided and exact: P(X >= n_right | n, p) = 1 - confidence, solved by bisection.
    """
    if n_right == 0:
        return 0.0
    low, high = 0.0, n_right / n
    for _ in range(60):
        middle = (low + high) / 2
        if _at_least(n_right, n, middle) < 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def read(file: Path) -> list[LabelledPair]:
    """The lines of a labels file.

    Raises:
        RustaError: it cannot be read or a line is no pair; names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RustaError(f"cannot read {file}: {error.strerror}", hint="Give a file of labels.") from error
    return list(_parsed(file, lines))


def write(pairs: Iterable[LabelledPair], file: Path) -> None:
    """Write pairs, one on each line."""
    file.write_text("".join(_line(pair) + "\n" for pair in pairs), encoding="utf-8")


def _parsed(file: Path, lines: Sequence[str]) -> Iterator[LabelledPair]:
    seen = set()
    for number, line in enumerate(lines, 1):
        try:
            raw: dict[str, Any] = json.loads(line)
            pair = LabelledPair(**{**raw, "anchors": tuple(raw["anchors"]), "quotes": tuple(raw["quotes"])})
            if pair.label not in (None, *LABELS):
                raise ValueError(f"no label {pair.label!r}")
            if pair.id in seen:
                raise ValueError("the id was there before")
        except (ValueError, TypeError, KeyError) as error:
            raise RustaError(
                f"{file}:{number} is not a labelled pair: {error}",
                hint=f"Labels are {', '.join(LABELS)}; see eval/citations/guideline.md.",
            ) from error
        seen.add(pair.id)
        yield pair


def _line(pair: LabelledPair) -> str:
    fields = {name: getattr(pair, name) for name in LabelledPair.__annotations__}
    return json.dumps(fields, ensure_ascii=False)


def _pairs(shown: Iterable[Shown]) -> Iterator[LabelledPair]:
    """Each claim with all of its citations."""
    claims: defaultdict[tuple[str, int, str, str], list[Shown]] = defaultdict(list)
    for one in shown:
        if one.claim:
            claims[one.name, id(one.diagnostic), one.part, one.claim].append(one)
    for citations in claims.values():
        one = citations[0]
        code = (one.diagnostic.code or one.diagnostic.level) if one.diagnostic else one.name
        anchors = tuple(citation.anchor.id for citation in citations)
        key = "\n".join((code, one.part, one.claim, *sorted(anchors)))
        yield LabelledPair(
            id=hashlib.sha256(key.encode()).hexdigest()[:12],
            pair=one.name,
            code=code,
            message=one.diagnostic.message if one.diagnostic else "",
            part=one.part,
            claim=one.claim,
            anchors=anchors,
            quotes=tuple(citation.anchor.quote for citation in citations),
        )


def _at_least(k: int, n: int, p: float) -> float:
    """P(X >= k) of a binomial."""
    if p <= 0.0 or p >= 1.0:
        return float(p >= 1.0 or k == 0)
    logs = (
        math.lgamma(n + 1)
        - math.lgamma(i + 1)
        - math.lgamma(n - i + 1)
        + i * math.log(p)
        + (n - i) * math.log1p(-p)
        for i in range(k, n + 1)
    )
    return math.fsum(map(math.exp, logs))
