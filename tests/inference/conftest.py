"""Two engines of the same random weights: the committed one of 8-bit integers, and one of floats."""

from pathlib import Path

import pytest

from rusta_inference.engine import Engine

MODEL = Path(__file__).with_name("model")


@pytest.fixture(scope="session")
def model() -> Path:
    """The folder of the committed weights."""
    return MODEL


@pytest.fixture(scope="session")
def engine() -> Engine:
    return opened(MODEL)


@pytest.fixture(scope="session")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Without the roundings of int8, which depend on what shares a product."""
    pytest.importorskip("torch")
    from rusta_training import export, quantize

    from .make_model import random_model

    folder = tmp_path_factory.mktemp("floats") / "model"
    export.write(random_model(), folder, quantize.FLOATS, run="random", ledger_sha256="")
    return opened(folder)


def opened(folder: Path) -> Engine:
    engine = Engine.open(folder)
    assert isinstance(engine, Engine), engine.reason
    return engine
