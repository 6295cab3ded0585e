"""Turn a checkpoint into a folder of weights that the engine runs.

    python -m rusta_training.export CHECKPOINT --out FOLDER [--held-out SHARDS]

CHECKPOINT is a run's folder, its `checkpoint.pt`, or a folder with its `weights.json`. The model becomes
graphs of floats and of 8-bit integers; both must say what PyTorch says (`parity`), or nothing is written.
FOLDER gets the int8 graphs and the manifest.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from attrs import asdict, evolve
from numpy.typing import NDArray

from rusta_inference import manifest as manifests
from rusta_inference.engine import Engine
from rusta_inference.manifest import Manifest, Missing

from . import graphs, parity, quantize
from .model import HISTORY, Hourglass
from .train import load_model, read_weights

TRAINING_ONLY = ("head_syntax.weight", "multi_byte.weight")
MAX_FILE_BYTES = 48 * 2**20
"""No file in a repository should be larger than 50 MB."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder to write; weights in it are replaced"
    )
    parser.add_argument("--run", default="", help="the run's name, for the manifest; else the folder's")
    parser.add_argument("--held-out", type=Path, help="a folder of held-out shards: parity on triplets too")
    parser.add_argument("--samples", type=int, default=300, help="how many of its samples")
    options = parser.parse_args()
    model, facts = load(options.checkpoint)
    samples = parity.committed()
    held_out = parity.held_out(options.held_out, options.samples) if options.held_out else []
    folder = options.checkpoint.resolve()
    run = options.run or (folder.parent if folder.is_file() else folder).name
    try:
        made = export(model, options.out, run=run, trained=facts, samples=samples, held_out=held_out)
    except parity.Unlike as error:
        sys.exit(f"{options.checkpoint} was not exported: {error}")
    print(json.dumps(asdict(made), indent=2))


def load(path: Path) -> tuple[Hourglass, dict[str, Any]]:
    """A model in float32 from a checkpoint or a folder of weights, and what is known of its training.

    Raises:
        OSError, ValueError: there is none, or it is damaged.
    """
    if path.is_file() or (path / "checkpoint.pt").exists():
        return load_model(path)
    config, state = read_weights(path)
    model = Hourglass(config)
    model.load_state_dict(state)
    facts = json.loads((path / "weights.json").read_text())
    return model.eval().requires_grad_(False), {key: facts[key] for key in facts if key not in ("v", "files")}


def export(
    model: Hourglass,
    out: Path,
    *,
    run: str,
    trained: Mapping[str, Any],
    samples: parity.Samples,
    held_out: parity.Samples = (),
) -> Manifest:
    """Write the int8 graphs of a model to `out`, with a manifest.

    Raises:
        parity.Unlike: the graphs do not say what the model says; `out` is as it was.
        FileExistsError: `out` is a folder of something else.
    """
    facts = {
        "run": run,
        "trained": dict(trained),
        # Stages whose shards were made at different times may name different versions of the ledger.
        "ledger_sha256": ",".join(sorted(set(trained.get("ledgers", {}).values()))),
        "n_parameters": sum(
            parameter.numel() for name, parameter in model.named_parameters() if name not in TRAINING_ONLY
        ),
    }
    with tempfile.TemporaryDirectory() as scratch:
        floats, int8 = Path(scratch, "floats"), Path(scratch, "int8")
        write(model, floats, quantize.FLOATS, **facts)
        made = write(model, int8, quantize.INT8, **facts)
        engines = opened(floats), opened(int8)
        compared = parity.compare(model, *engines, samples)
        parity.require(compared)
        made = evolve(made, parity=compared)
        if held_out:
            on_held_out = parity.compare(model, *engines, held_out)
            parity.require(on_held_out)
            made = evolve(made, held_out=on_held_out)
        manifests.write(int8, made)
        if (out / manifests.FILE).exists():
            shutil.rmtree(out)
        shutil.copytree(int8, out)
    return made


def write(
    model: Hourglass,
    out: Path,
    storage: graphs.Storage,
    **facts: Any,  # noqa: ANN401  what the manifest holds besides
) -> Manifest:
    """Write a model's graphs and a manifest without parity figures; `facts` go into the manifest."""
    out.mkdir(parents=True)
    config = model.config
    weights: dict[str, NDArray[np.float32]] = {
        name: tensor.numpy() for name, tensor in model.state_dict().items()
    }
    parts = {}
    for name, build in zip(
        manifests.GRAPHS, (graphs.local_in, graphs.global_step, graphs.local_out), strict=True
    ):
        graph = build(config, weights, storage).SerializeToString()
        parts[name] = manifests.write_graph(out, name, graph, most_bytes=MAX_FILE_BYTES)
    shape = manifests.Shape(
        d_local=config.d_local,
        n_in=config.n_in,
        d_global=config.d_global,
        n_global=config.n_global,
        n_out=config.n_out,
        vocab=config.vocab,
        n_history=HISTORY if config.ngram_buckets else 0,
    )
    made = Manifest(v=manifests.FORMAT, shape=shape, quantization=storage.name, graphs=parts, **facts)
    manifests.write(out, made)
    return made


def opened(folder: Path) -> Engine:
    """The engine of a folder that was just written.

    Raises:
        RuntimeError: it does not open.
    """
    engine = Engine.open(folder)
    if isinstance(engine, Missing):
        raise RuntimeError(engine.reason)
    return engine


if __name__ == "__main__":
    main()
