"""How often is the byte model right on mistakes in crates it has never seen?

    python -m rusta_eval.triplets [--triplets FOLDER] [--weights FOLDER] [--count N] [--json FILE]

Held-out compiler triplets: good code that a mistake was put into, and what rustc said. The model writes up to
eight answers. *Exact*: the answer makes the code what it was. *Compiles*: rustc has no error left, where the
code is a single file. Both for the first answer and for any of the eight. Nothing else of Rusta takes part.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import rich_click as click
from attrs import asdict, frozen
from rich.console import Console
from rich.progress import track
from rich.table import Table

from rusta_inference import codec
from rusta_inference.decode import N_CANDIDATES, generate
from rusta_inference.engine import N_THREADS, Engine
from rusta_inference.manifest import Missing
from rusta_inference.problem import of_diagnostic
from rusta_server.candidates.model import SHIPPED
from rusta_server.errors import RustaError
from rusta_training.rustc import which_compile
from rusta_training.triplets import read


@frozen
class Tried:
    """What the model wrote for one triplet.

    Attributes:
        texts: the only file after each answer; None if there are several files, or the answer is no edit.
        exact: of each answer, whether the files are what they were before the mistake.
        p_abstain: how probable the model found it that it does not know.
    """

    klass: str
    operator: str
    edition: str
    texts: tuple[str | None, ...]
    exact: tuple[bool, ...]
    p_abstain: float
    is_single: bool


@frozen
class Share:
    """Shares of the triplets of a kind.

    Attributes:
        n_single: how many are a single file; `compiles` is among them.
    """

    n: int
    exact_at_1: float
    exact_at_8: float
    n_single: int
    compiles_at_1: float
    compiles_at_8: float


@click.command()
@click.option(
    "--triplets",
    type=click.Path(path_type=Path, exists=True),
    default=Path("build/data/triplets/test"),
    show_default=True,
    help="A folder of triplets that were not trained on.",
)
@click.option("--weights", type=click.Path(path_type=Path), default=SHIPPED, help="A folder of weights.")
@click.option("--count", default=500, show_default=True, help="How many triplets, drawn by lot.")
@click.option("--threads", default=N_THREADS, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here.")
def command(triplets: Path, weights: Path, count: int, threads: int, file: Path | None) -> None:
    """Measure the byte model alone on held-out triplets."""
    engine = Engine.open(weights, n_threads=threads)
    if isinstance(engine, Missing):
        raise RustaError(engine.reason)
    drawn = draw(triplets, count)
    tried = [attempt(engine, one) for one in track(drawn, "asking the model")]
    compiled = compile_all(tried)
    kinds = {
        "class": shares(tried, compiled, [one.klass for one in tried]),
        "operator": shares(tried, compiled, [one.operator for one in tried]),
    }
    everything = shares(tried, compiled, ["all"] * len(tried))["all"]
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        told = {kind: {name: asdict(one) for name, one in each.items()} for kind, each in kinds.items()}
        file.write_text(json.dumps({"run": engine.manifest.run, "all": asdict(everything), **told}, indent=2))
    table = Table(title=f"{len(tried)} triplets of {triplets}, the model alone ({engine.manifest.run})")
    for column in ("", "triplets", "exact@1", "exact@8", "compiles@1", "compiles@8"):
        table.add_column(column, justify="right" if column else "left")
    for name, one in {**dict(sorted(kinds["class"].items())), "all": everything}.items():
        figures = (one.exact_at_1, one.exact_at_8, one.compiles_at_1, one.compiles_at_8)
        table.add_row(name, str(one.n), *(f"{figure:.0%}" for figure in figures))
    Console().print(table)


def draw(folder: Path, count: int) -> list[dict[str, Any]]:
    """As many triplets, the same ones every time: those whose hashes are least."""
    hashed = [(sha256(json.dumps(one, sort_keys=True).encode()).digest(), one) for one in read(folder)]
    return [one for _, one in sorted(hashed, key=lambda pair: pair[0])[:count]]


def attempt(engine: Engine, triplet: Mapping[str, Any]) -> Tried:
    """Let the model write its answers."""
    files = {path: text.encode() for path, text in triplet["broken"].items()}
    prompt = codec.encode_problem(of_diagnostic(triplet["diagnostic"], files))
    written = generate(engine, prompt, n=N_CANDIDATES)
    fix = [codec.Edit(e["path"], e["start"], e["end"], e["text"].encode()) for e in triplet["fix"]["edits"]]
    good = applied(files, fix)
    left = [
        applied(files, one.answer.edits) if isinstance(one.answer, codec.Answer) else None
        for one in written.candidates
    ]
    is_single = len(files) == 1
    return Tried(
        klass=triplet["klass"],
        operator=triplet["operator"] if "+" not in triplet["operator"] else "(two mistakes)",
        edition=triplet["edition"],
        texts=tuple(
            next(iter(one.values())).decode() if one is not None and is_single else None for one in left
        ),
        exact=tuple(one == good for one in left),
        p_abstain=written.p_abstain,
        is_single=is_single,
    )


def applied(files: Mapping[str, bytes], edits: Iterable[codec.Edit]) -> dict[str, bytes]:
    """The files after some edits."""
    left = dict(files)
    for edit in sorted(edits, reverse=True):
        text = left[edit.path]
        left[edit.path] = text[: edit.start] + edit.text + text[edit.end :]
    return left


def compile_all(tried: Sequence[Tried]) -> list[list[bool]]:
    """Of each triplet, which of its answers compile."""
    verdicts: dict[tuple[str, str], bool] = {}
    for edition in sorted({one.edition for one in tried}):
        texts = sorted(
            {text for one in tried if one.edition == edition for text in one.texts if text is not None}
        )
        for text, verdict in zip(texts, which_compile(texts, edition), strict=True):
            verdicts[edition, text] = verdict
    return [[text is not None and verdicts[one.edition, text] for text in one.texts] for one in tried]


def shares(
    tried: Sequence[Tried], compiled: Sequence[Sequence[bool]], kinds: Sequence[str]
) -> dict[str, Share]:
    """The shares for each kind of triplet."""
    groups: dict[str, list[tuple[Tried, Sequence[bool]]]] = defaultdict(list)
    for kind, one, verdicts in zip(kinds, tried, compiled, strict=True):
        groups[kind].append((one, verdicts))

    def share(values: Iterable[bool]) -> float:
        counted = list(values)
        return sum(counted) / len(counted) if counted else 0.0

    return {
        kind: Share(
            n=len(group),
            exact_at_1=share(any(one.exact[:1]) for one, _ in group),
            exact_at_8=share(any(one.exact) for one, _ in group),
            n_single=sum(one.is_single for one, _ in group),
            compiles_at_1=share(any(verdicts[:1]) for one, verdicts in group if one.is_single),
            compiles_at_8=share(any(verdicts) for one, verdicts in group if one.is_single),
        )
        for kind, group in groups.items()
    }


if __name__ == "__main__":
    command()
