"""`make data`: from the ledger to sources, small programs, and the shards of the first two stages.

Each step writes down what it was made from, and is left out when that has not changed. Nothing here depends
on the time, the machine or the order in which files are found; the programs depend on the compiler as well.
"""

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from attrs import define, frozen
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from . import contamination, corpus, ledger, pack, programs, shards, sources, split
from .documents import Document, fit
from .ledger import Entry

ROOT = Path(__file__).parents[2]
DATA = ROOT / "build/data"
LEDGER = ROOT / "training/ledger.jsonl"
CONTAMINATED = ROOT / "training/contaminated.jsonl"
HOLDOUT = ROOT / "eval/holdout.toml"

# What two processor cores can learn from in an hour or two. For an accelerator take all: --s0-mb 0 --s1-mb 0.
S0_MB = 60
S1_MB = 40


@frozen
class Inputs:
    """What everything is made from.

    Attributes:
        contaminated: hashes of the texts that hold pieces of an evaluation set.
        s0_bytes, s1_bytes: how much to pack for training; None: all there is.
    """

    entries: tuple[Entry, ...]
    held_out: frozenset[str]
    contaminated: frozenset[str]
    s0_bytes: int | None
    s1_bytes: int | None

    def recipe(self, *further: object) -> str:
        """A hash of the inputs, of ``further`` ones, and of the code that makes data of them."""
        digest = hashlib.sha256(ledger.sha256(self.entries).encode())
        for part in (sorted(self.held_out), sorted(self.contaminated), *further):
            digest.update(json.dumps(part).encode())
        for name in sorted(Path(__file__).parent.glob("*.py")):
            if name.stem in _CODE:
                digest.update(name.read_bytes())
        return digest.hexdigest()


# The modules that say what the data is; a change of the others changes none of it.
_CODE = frozenset(
    [
        *("contamination", "corpus", "dedupe", "documents", "excerpts", "infill", "ledger", "listings"),
        *("pack", "programs", "shards", "sources", "split", "syntax"),
    ]
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and make what is missing or out of date."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    if options.lock:
        with _bar(console, "ledger") as (report, _):
            ledger.write(options.ledger, sources.lock(options.data, report, options.least_users))
    entries = ledger.read(options.ledger)
    with _bar(console, "sources") as (report, _):
        sources.fetch(options.data, entries, report)
    held_out = split.holdout(options.holdout)
    heaps = Heaps(options.data / "sources", entries, held_out, console)
    if options.eval:
        _check_contamination(options.contaminated, options.eval, heaps)
    inputs = Inputs(
        entries,
        held_out,
        contamination.read_list(options.contaminated),
        options.s0_mb * 1_000_000 or None,
        options.s1_mb * 1_000_000 or None,
    )
    if not options.no_programs:
        make_programs(options.data, inputs, heaps)
    make_shards(options.data, inputs, heaps)


@define(slots=False)
class Heaps:
    """The texts of the sources: gathered when first asked for, and then kept."""

    sources: Path
    entries: tuple[Entry, ...]
    held_out: frozenset[str]
    console: Console

    @cached_property
    def files(self) -> tuple[list[Document], Counter[str]]:
        """What the shards are made of, and how many files were left out, by reason."""
        counts: Counter[str] = Counter()
        with _bar(self.console, "files") as (report, _):
            return corpus.gather(self.sources, self.entries, self.held_out, counts, report), counts

    @cached_property
    def programs(self) -> list[Document]:
        """What may compile alone."""
        with _bar(self.console, "programs") as (report, _):
            return programs.gather(self.sources, self.entries, self.held_out, report)


def make_shards(data: Path, inputs: Inputs, heaps: Heaps) -> None:
    """Write the shards of s0 and s1 below ``data/shards``."""
    stamp = data / "stamps/shards.json"
    recipe = inputs.recipe(inputs.s0_bytes, inputs.s1_bytes)
    console = heaps.console
    if _is_fresh(stamp, recipe):
        console.print(f"shards: up to date ({_hashes(stamp)})")
        return
    files, counts = heaps.files[0], Counter(heaps.files[1])
    with _bar(console, "shards") as (report, progress):
        report("looking for near-duplicates")
        documents = fit(files, inputs.contaminated, counts)
        made = {}
        for number, side in enumerate(split.SPLITS):
            some = pack.of_side(documents, side)
            for stage, pack_stage, n_bytes in (
                ("s0", pack.s0, inputs.s0_bytes),
                ("s1", pack.s1, inputs.s1_bytes),
            ):
                report(f"packing {stage}-{side}")
                progress(2 * number + (stage == "s1"), 2 * len(split.SPLITS))
                samples = pack_stage(some, n_bytes)
                made[f"{stage}-{side}"] = shards.write_shards(
                    data / "shards", stage, side, samples, ledger.sha256(inputs.entries)
                )
    _write_stamp(stamp, recipe, {name: manifest.sha256 for name, manifest in made.items()}, counts)
    for name, manifest in made.items():
        console.print(
            f"{name}: {manifest.n_tokens / 1e6:.1f} M tokens, {manifest.n_samples} samples,"
            f" manifest {manifest.sha256[:12]}",
            highlight=False,
        )
    console.print(f"corpus: {_listed(counts)}", highlight=False)


def make_programs(data: Path, inputs: Inputs, heaps: Heaps) -> None:
    """Write the small programs that compile alone to ``data/programs``."""
    stamp = data / "stamps/programs.json"
    recipe = inputs.recipe(programs.compiler())
    console = heaps.console
    if _is_fresh(stamp, recipe):
        console.print("programs: up to date")
        return
    counts: Counter[str] = Counter(found=len(heaps.programs))
    with _bar(console, "programs") as (report, progress):
        report("looking for near-duplicates")
        candidates = fit(heaps.programs, inputs.contaminated, counts)
        report("asking the compiler")
        programs.write(data / "programs", candidates, counts, progress)
    hashes: dict[str, str] = {
        side: hashlib.sha256((data / f"programs/{side}.jsonl").read_bytes()).hexdigest()
        for side in split.SPLITS
    }
    _write_stamp(stamp, recipe, hashes, counts)
    console.print(f"programs: {_listed(counts)}", highlight=False)


def _check_contamination(listed: Path, folders: Sequence[Path], heaps: Heaps) -> None:
    """Write anew which texts hold pieces of the evaluation sets in ``folders``."""
    grams = contamination.grams(text for folder in folders for text in contamination.read(folder))
    # Each heap by itself, because a run is an idiom by how many crates have it.
    found = [
        *contamination.overlapping(heaps.files[0], grams),
        *contamination.overlapping(heaps.programs, grams),
    ]
    contamination.write_list(listed, found)
    heaps.console.print(
        f"contamination: {len(found)} texts overlap with {len(grams.hashes)} runs of 13 words",
        highlight=False,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rusta_training.data", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="where everything is put")
    parser.add_argument("--ledger", type=Path, default=LEDGER)
    parser.add_argument("--lock", action="store_true", help="write the ledger anew from the archive")
    parser.add_argument(
        "--least-users",
        type=int,
        default=sources.LEAST_USERS,
        help="with --lock: take crates that so many packages are built on",
    )
    parser.add_argument("--holdout", type=Path, default=HOLDOUT, help="crates never trained on")
    parser.add_argument("--contaminated", type=Path, default=CONTAMINATED, help="texts to leave out")
    parser.add_argument(
        "--eval", type=Path, action="append", help="an evaluation set: write anew which texts overlap with it"
    )
    parser.add_argument("--s0-mb", type=int, default=S0_MB, help="megabytes of files for training; 0: all")
    parser.add_argument("--s1-mb", type=int, default=S1_MB, help="megabytes of infilling; 0: all")
    parser.add_argument("--no-programs", action="store_true", help="leave out what needs the compiler")
    return parser


def _is_fresh(stamp: Path, recipe: str) -> bool:
    try:
        return bool(json.loads(stamp.read_bytes())["recipe"] == recipe)
    except (OSError, ValueError, KeyError):
        return False


def _write_stamp(stamp: Path, recipe: str, hashes: Mapping[str, str], counts: Counter[str]) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    facts = {"recipe": recipe, "sha256": hashes, "counts": dict(sorted(counts.items()))}
    stamp.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _hashes(stamp: Path) -> str:
    facts = json.loads(stamp.read_bytes())
    return ", ".join(f"{name} {sha256[:12]}" for name, sha256 in sorted(facts["sha256"].items()))


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))


@contextmanager
def _bar(console: Console, name: str) -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """A progress bar; gives two functions: one to say what is being done, one how much of it is."""
    columns = (
        TextColumn(f"{name:13s}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield (
            lambda text: progress.update(task, description=text),
            lambda done, total: progress.update(task, completed=done, total=total),
        )


if __name__ == "__main__":
    main()
