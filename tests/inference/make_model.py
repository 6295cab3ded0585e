"""Make the model of the tests, `model/`: random weights, the smallest shape there is, exported as ever.

    python tests/inference/make_model.py

To be run when the format of weights changes; `engine` must read what was committed until then.
"""

from pathlib import Path

import torch

from rusta_inference.codec import END, HUNK, TO
from rusta_training import export, parity
from rusta_training.model import Hourglass, ModelConfig

CONFIG = ModelConfig(
    d_local=64,
    n_in=1,
    d_global=64,
    n_global=1,
    n_out=1,
    local_expansion=1,
    global_expansion=1,
    ngram_buckets=64,
)


def random_model(config: ModelConfig = CONFIG, seed: int = 0) -> Hourglass:
    """A model in which every part has a say, and whose answers come to an end."""
    torch.manual_seed(seed)
    model = Hourglass(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    model.head.weight.mul_(20)
    model.head.weight[[END, TO, HUNK]] *= 3
    return model


if __name__ == "__main__":
    folder = Path(__file__).with_name("model")
    export.export(random_model(), folder, run="random", trained={}, samples=parity.committed())
