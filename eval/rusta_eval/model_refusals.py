"""Does the byte model know when it cannot know? Held-out problems whose fix is out of sight, beside others.

Stage s3 has prompts that were made so small that what the fix needs is not in them. The right answer to those
is a refusal: to abstain, or to ask for the definition that is missing. Asked is how probable a refusal is as
the first token of the answer. Compared is with problems of s2 and s3 that can be mended: for each refusal one
whose prompt is as long, so that the length alone says nothing.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from attrs import frozen

from rusta_inference.codec import ABSTAIN, EDIT, NEED_PROBE
from rusta_inference.engine import Engine, log_softmax
from rusta_training.calibrate import auc
from rusta_training.samples import SMALL_TOKENS
from rusta_training.shards import Tokens, read_shards, samples_of

from .intervals import Share, share_of

N_EACH: Final = 250
"""Refusals of each kind, if there are so many."""
FALSE_ALARMS: Final = 0.05

Kind = Literal["edit", "abstain", "probe"]
_REFUSALS: Final[tuple[Kind, ...]] = ("abstain", "probe")
Progress = Callable[[int, int], None]


@frozen
class Asked:
    """How probable the model finds both refusals, before it writes anything."""

    kind: Kind
    p_abstain: float
    p_probe: float

    @property
    def p_refusal(self) -> float:
        """Of one or the other."""
        return self.p_abstain + self.p_probe


@frozen
class Report:
    """Figures of refusals.

    Attributes:
        auc: how often one that cannot be mended gets a higher probability of refusal than one that can.
        refused: of those that cannot be mended, what is refused (more probable than all edits together).
        refused_wrongly: of those that can be.
        found: of those that cannot be, what is refused if 5 % of the others may be.
        probed: of those where a definition lacks, for what a probe is likelier than to abstain.
    """

    n_edit: int
    n_abstain: int
    n_probe: int
    auc: float
    refused: Share
    refused_wrongly: Share
    found: Share
    probed: Share


def measure(engine: Engine, shards: Path, split: str, progress: Progress) -> Report:
    """Ask about `N_EACH` refusals of each kind and as many edits, the same every time.

    Raises:
        ShardError: the shards are not there.
    """
    problems = draw(shards, split, N_EACH)
    asked = []
    for done, (kind, prompt) in enumerate(problems):
        progress(done, len(problems))
        p = np.exp(log_softmax(engine.prefill(prompt).logits))
        asked.append(Asked(kind, float(p[ABSTAIN]), float(p[NEED_PROBE])))
    progress(len(problems), len(problems))
    return report(asked)


def draw(shards: Path, split: str, n_each: int) -> list[tuple[Kind, list[int]]]:
    """Short prompts with the kind of their answers: refusals, and for each of them an edit as long."""
    found: dict[Kind, list[list[int]]] = {"edit": [], "abstain": [], "probe": []}
    for stage in ("s2", "s3"):
        for tokens in read_shards(shards / f"{stage}-{split}"):
            for sample in samples_of(tokens):
                kind, prompt = _taken_apart(sample)
                if len(prompt) <= SMALL_TOKENS[1]:
                    found[kind].append(prompt)
    chance = np.random.default_rng(0)
    drawn: list[tuple[Kind, list[int]]] = [
        (kind, found[kind][number])
        for kind in _REFUSALS
        for number in chance.permutation(len(found[kind]))[:n_each].tolist()
    ]
    edits = sorted((found["edit"][number] for number in chance.permutation(len(found["edit"]))), key=len)
    for _, prompt in list(drawn):
        if edits:
            at = bisect_left(edits, len(prompt), key=len)
            near = min(
                (n for n in (at - 1, at) if 0 <= n < len(edits)), key=lambda n: _apart(edits[n], prompt)
            )
            drawn.append(("edit", edits.pop(near)))
    return drawn


def _apart(one: Sequence[int], other: Sequence[int]) -> int:
    return abs(len(one) - len(other))


def report(asked: Sequence[Asked]) -> Report:
    """The figures of some answers."""
    p = np.array([one.p_refusal for one in asked])
    is_edit = np.array([one.kind == "edit" for one in asked], bool)
    edits, others = p[is_edit], p[~is_edit]
    probes = [one for one in asked if one.kind == "probe"]
    bound = float(np.quantile(edits, 1 - FALSE_ALARMS)) if len(edits) else 1.0
    return Report(
        n_edit=len(edits),
        n_abstain=len(others) - len(probes),
        n_probe=len(probes),
        auc=auc(p, 1.0 - is_edit),
        refused=share_of((others > 0.5).tolist()),
        refused_wrongly=share_of((edits > 0.5).tolist()),
        found=share_of((others > bound).tolist()),
        probed=share_of([one.p_probe > one.p_abstain for one in probes]),
    )


def _taken_apart(sample: Tokens) -> tuple[Kind, list[int]]:
    """The kind of a sample's answer, and its prompt."""
    at = int(np.flatnonzero(sample == EDIT)[0]) + 1
    kinds: dict[int, Kind] = {ABSTAIN: "abstain", NEED_PROBE: "probe"}
    return kinds.get(int(sample[at]), "edit"), sample[:at].tolist()
