"""The exported graphs say what the model says, or there is no export."""

from pathlib import Path

import numpy as np
import pytest
from attrs import evolve

torch = pytest.importorskip("torch")

from rusta_inference import manifest  # noqa: E402  torch first: without it nothing here runs
from rusta_inference.codec import BOS, VOCAB  # noqa: E402
from rusta_inference.engine import Engine  # noqa: E402
from rusta_training import export, parity, quantize  # noqa: E402
from rusta_training.graphs import Graph  # noqa: E402
from rusta_training.model import Hourglass, ModelConfig  # noqa: E402

CONFIG = ModelConfig(
    d_local=64,
    n_in=2,
    d_global=128,
    n_global=2,
    n_out=3,
    ngram_buckets=256,
    syntax_hints=True,
    multi_byte=True,
)


@pytest.fixture(scope="module")
def model() -> Hourglass:
    torch.manual_seed(1)
    model = Hourglass(CONFIG).eval().requires_grad_(False)
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    model.head.weight.mul_(20)
    return model


def test_float_graphs_say_what_pytorch_says(model: Hourglass, tmp_path: Path) -> None:
    export.write(model, tmp_path / "model", quantize.FLOATS, run="", ledger_sha256="")
    engine = export.opened(tmp_path / "model")
    random = np.random.default_rng(0)
    for n_tokens, cut in ((4, 1), (64, 13), (601, 300)):
        tokens = [BOS, *random.integers(0, VOCAB, n_tokens - 1).tolist()]
        padded = tokens + [0] * (-n_tokens % 4)
        out = model(torch.tensor([padded]))
        prefix = engine.prefill(tokens[:cut])
        step = engine.advance(prefix.forked(1), np.array([tokens[cut:]]))
        said = np.concatenate([prefix.logits[None], step.logits[0]])
        assert np.abs(said - out.logits[0, cut - 1 : n_tokens].numpy()).max() < 2e-3
        confidence = out.confidence[0, cut:n_tokens].numpy()
        assert np.abs(step.confidence[0] - confidence).max() < 1e-3


def test_an_export_is_opened_and_its_figures_are_in_the_manifest(model: Hourglass, tmp_path: Path) -> None:
    samples = parity.committed()
    made = export.export(
        model, tmp_path / "out", run="this", trained={"ledgers": {"s0": "ab", "s1": "ab"}}, samples=samples
    )
    engine = Engine.open(tmp_path / "out")
    assert isinstance(engine, Engine)
    assert engine.manifest == made
    assert made.parity is not None
    assert made.parity.max_error_float < 1e-2
    assert made.parity.bits_int8 == pytest.approx(made.parity.bits_pytorch, rel=0.03)
    assert made.parity.agreement_int8 > 0.9
    assert (made.run, made.ledger_sha256) == ("this", "ab")
    assert model.multi_byte is not None and model.head_syntax is not None
    of_training = model.multi_byte.weight.numel() + model.head_syntax.weight.numel()
    assert made.n_parameters == sum(one.numel() for one in model.parameters()) - of_training
    on_disk = sum(path.stat().st_size for path in (tmp_path / "out").glob("*.onnx"))
    assert on_disk < 1.6 * made.n_parameters, "a weight takes more than a byte, or is there twice"


def test_graphs_of_another_model_are_refused_and_nothing_is_written(model: Hourglass, tmp_path: Path) -> None:
    export.write(model, tmp_path / "a", quantize.FLOATS, run="", ledger_sha256="")
    torch.manual_seed(2)
    other = Hourglass(CONFIG).eval().requires_grad_(False)
    engine = export.opened(tmp_path / "a")
    compared = parity.compare(other, engine, engine, parity.committed()[:1])
    with pytest.raises(parity.Unlike, match="err by"):
        parity.require(compared)


def test_int8_that_loses_too_much_is_refused_and_what_was_there_stays(
    model: Hourglass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = parity.committed()[:2]
    export.export(model, tmp_path / "out", run="first", trained={}, samples=samples)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def wrong(graph: Graph, value: str, name: str, matrix: np.ndarray) -> str:
        return quantize.FLOATS.product(graph, value, name, 2 * matrix)

    monkeypatch.setattr(quantize, "INT8", evolve(quantize.FLOATS, product=wrong))
    with pytest.raises(parity.Unlike, match="bits per byte"):
        export.export(model, tmp_path / "out", run="second", trained={}, samples=samples)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_folder_of_something_else_is_not_overwritten(model: Hourglass, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(FileExistsError):
        export.export(model, tmp_path, run="", trained={}, samples=parity.committed()[:1])
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / manifest.FILE).exists()


def test_the_committed_samples_are_answers_that_can_be_read() -> None:
    samples = parity.committed()
    assert len(samples) >= 8
    assert all(len(sample.answer) > 3 for sample in samples)
