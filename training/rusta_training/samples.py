"""Triplets as samples to learn from: a prompt, and an answer that mends it or says that it cannot be known.

Stage s2 holds the answers of one hunk in one file, s3 the rest: two hunks, several files, and refusals. Some
prompts are made so small that what is needed is not in them. Then the right answer is to ask for the
definition that the diagnostic names, or to abstain.
"""

import argparse
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from rusta_inference import codec, problem

from . import ledger, shards, split
from .triplets import read

SMALL_SHARE: Final = 0.2
SMALL_TOKENS: Final = (128, 420)
"""The bounds of a prompt that is made small on purpose."""

MAX_SHARE: Final[Mapping[str, float]] = {"": 0.16, "E0425": 0.10, "E0308": 0.14}
MAX_SHARE_OF_OTHERS: Final = 0.08
"""No code makes up more of the samples than this; what is too much is left out by chance."""

_DEFINED = r"\b(?:struct|enum|union|trait|type|fn|mod|const|static)\s+{}\b"
_QUOTED = re.compile(r"`(?:&|mut |struct |enum |trait )*([A-Z]\w*)")
# Errors that speak of a type whose definition holds the answer.
_ASKS_FOR_DEFINITION = frozenset(
    [
        *("E0004", "E0023", "E0026", "E0027", "E0046", "E0050", "E0053", "E0061", "E0063", "E0107", "E0407"),
        *("E0451", "E0559", "E0560", "E0599", "E0609", "E0616"),
    ]
)


@frozen
class Sample:
    """Tokens to learn from.

    Attributes:
        stage: ``s2`` or ``s3``.
        answer: ``edit``, ``abstain`` or ``probe``.
    """

    tokens: tuple[int, ...]
    stage: str
    answer: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Turn the triplets of all splits into the shards of s2 and s3."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, default=Path("build/data"))
    parser.add_argument("--ledger", type=Path, default=Path("training/ledger.jsonl"))
    options = parser.parse_args(arguments)
    sha256 = ledger.sha256(ledger.read(options.ledger))
    for side in split.SPLITS:
        made = Counter[str]()
        found: dict[str, list[tuple[int, ...]]] = {"s2": [], "s3": []}
        for sample in samples(options.data / "triplets" / side):
            found[sample.stage].append(sample.tokens)
            made[f"{sample.stage} {sample.answer}"] += 1
        for stage, tokens in found.items():
            random.Random(f"{stage} {side}").shuffle(tokens)
            manifest = shards.write_shards(options.data / "shards", stage, side, tokens, sha256)
            print(
                f"{stage}-{side}: {manifest.n_samples} samples, {manifest.n_tokens} tokens,"
                f" manifest {manifest.sha256[:12]}"
            )
        print(f"  {dict(sorted(made.items()))}")
    return 0


def samples(folder: Path) -> Iterator[Sample]:
    """The samples of one split's triplets, in their order; codes that are too frequent are thinned."""
    counts = counts_of(folder)
    kept = shares(counts)
    for triplet in read(folder):
        name = hashlib.sha256(json.dumps(triplet["broken"], sort_keys=True).encode()).hexdigest()
        chance = random.Random(f"{name} {triplet['operator']}")
        if chance.random() < kept[triplet["diagnostic"]["code"] or ""]:
            sample = sample_of(triplet, chance)
            if sample is not None:
                yield sample


def counts_of(folder: Path) -> Counter[str]:
    """How many triplets of each code there are; without code: the empty string."""
    counts = Counter[str]()
    for path in sorted(folder.glob("*.jsonl.json")):
        for code, count in json.loads(path.read_text())["codes"].items():
            counts["" if code == "none" else code] += count
    return counts


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """The share of each code's triplets to keep, so that none makes up more than it may."""
    kept = dict.fromkeys(counts, 1.0)
    for _ in range(20):  # thinning one makes the others' part larger
        total = sum(count * kept[code] for code, count in counts.items())
        for code, count in counts.items():
            most = MAX_SHARE.get(code, MAX_SHARE_OF_OTHERS) * total
            kept[code] = min(1.0, most / count) if count else 1.0
    return kept


def sample_of(triplet: Mapping[str, Any], chance: random.Random) -> Sample | None:
    """One sample of a triplet; None if its fix cannot be said, though all that it needs is shown."""
    files = {path: text.encode() for path, text in triplet["broken"].items()}
    edits = tuple(
        codec.Edit(edit["path"], edit["start"], edit["end"], edit["text"].encode())
        for edit in triplet["fix"]["edits"]
    )
    asked = problem.of_diagnostic(triplet["diagnostic"], files)
    size = chance.randint(*SMALL_TOKENS) if chance.random() < SMALL_SHARE else codec.MAX_PROMPT
    prompt = codec.encode_problem(asked, max_tokens=size, first_line=chance.randrange(codec.N_LINES))
    answer = codec.encode_edits(prompt, edits) if all(edit.path in prompt.files for edit in edits) else None
    if answer is None:
        if _is_shown(prompt, edits):
            return None
        probe = _wanted_definition(triplet, prompt, files)
        refusal = codec.encode_probe("ra.goto_def", probe) if probe else codec.ABSTENTION
        return Sample((*prompt.tokens, *refusal), "s3", "probe" if probe else "abstain")
    is_simple = len(edits) == 1 and len(files) == 1 and codec.HUNK not in answer
    if not _is_derivable(triplet, prompt, edits, files) and (
        probe := _wanted_definition(triplet, prompt, files)
    ):
        return Sample((*prompt.tokens, *codec.encode_probe("ra.goto_def", probe)), "s3", "probe")
    return Sample((*prompt.tokens, *answer), "s2" if is_simple else "s3", "edit")


def _is_shown(prompt: codec.Prompt, edits: Sequence[codec.Edit]) -> bool:
    """Whether every edit lies in lines that the prompt shows."""
    shown = [(line.path, line.start, line.region_end) for line in prompt.lines.values()]
    return all(
        any(path == edit.path and start <= edit.start and edit.end <= end for path, start, end in shown)
        for edit in edits
    )


def _is_derivable(
    triplet: Mapping[str, Any], prompt: codec.Prompt, edits: Sequence[codec.Edit], files: Mapping[str, bytes]
) -> bool:
    """Whether the names that the fix writes are in the prompt, or are not the program's own."""
    said = bytes(token for token in prompt.tokens if token < 256)
    own = b"".join(files.values())
    names = {name for edit in edits for name in re.findall(rb"[A-Za-z_]\w+", edit.text)}
    return all(name in said or name not in own for name in names)


def _wanted_definition(
    triplet: Mapping[str, Any], prompt: codec.Prompt, files: Mapping[str, bytes]
) -> str | None:
    """The type that the diagnostic speaks of, if the program defines it out of sight."""
    if triplet["diagnostic"]["code"] not in _ASKS_FOR_DEFINITION:
        return None
    shown = b"\n".join(prompt.files[line.path][line.start : line.end] for line in prompt.lines.values())
    for name in _QUOTED.findall(triplet["diagnostic"]["message"]):
        definition = re.compile(_DEFINED.format(re.escape(name)).encode())
        if any(definition.search(text) for text in files.values()) and not definition.search(shown):
            return str(name)
    return None


if __name__ == "__main__":
    raise SystemExit(main())
