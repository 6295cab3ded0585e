"""The three parts of the model say what the whole says, whatever the chunks, and no byte sees its future."""

import pytest
import torch
from attrs import evolve

from rusta_training.model import HEAD_DIM, HISTORY, PATCH, SIZES, TAPS, Hourglass, LocalOut, Past

# Small products gain nothing from more, and lose much when other tests run beside.
torch.set_num_threads(1)

CONFIG = SIZES["smoke"]


@pytest.fixture(scope="module", params=[0, 512], ids=["bytes", "n-grams"])
def model(request: pytest.FixtureRequest) -> Hourglass:
    torch.manual_seed(0)
    model = Hourglass(evolve(CONFIG, ngram_buckets=request.param)).eval()
    # Zeros at the ends of the branches would let any mistake inside them pass.
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return model.requires_grad_(False)


def tokens_of(batch: int, time: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(0, CONFIG.vocab, (batch, time), generator=torch.Generator().manual_seed(seed))


class Stepper:
    """What an engine does: keeps the state of a batch, and feeds chunks of any length."""

    def __init__(self, model: Hourglass, batch: int) -> None:
        self.model = model
        self.n_bytes = 0
        self.conv_in = torch.zeros(batch, CONFIG.n_in, TAPS - 1, CONFIG.d_local)
        self.conv_out = torch.zeros(batch, CONFIG.n_out, TAPS - 1, CONFIG.d_local)
        self.history = torch.zeros(batch, HISTORY, dtype=torch.int64)
        self.waiting = torch.zeros(batch, 0, CONFIG.d_local)
        # Of which byte the first row is: the newest patch speaks of four bytes from its last on.
        self.up = torch.zeros(batch, PATCH - 1, CONFIG.d_local)
        self.up_start = 0
        self.past_global = empty_past(batch, CONFIG.n_global, CONFIG.d_global // HEAD_DIM)
        self.past_bytes = empty_past(batch, 1, CONFIG.d_local // HEAD_DIM)

    def feed(self, tokens: torch.Tensor) -> LocalOut:
        batch, time = tokens.shape
        x, self.conv_in = self.model.local_in(tokens, self.conv_in, self.history)
        self.history = torch.cat([self.history, tokens], dim=1)[:, -HISTORY:]
        self.waiting = torch.cat([self.waiting, x], dim=1)
        first_patch = self.n_bytes // PATCH
        count = self.waiting.shape[1] // PATCH
        if count:
            patches = self.waiting[:, : count * PATCH].reshape(batch, count, -1)
            self.waiting = self.waiting[:, count * PATCH :]
            positions = torch.arange(first_patch, first_patch + count)
            up, block = self.model.global_step(patches, self.past_global, positions)
            self.past_global = extended(self.past_global, block)
            self.up = torch.cat([self.up, up.reshape(batch, count * PATCH, -1)], dim=1)
        here = self.n_bytes - self.up_start
        positions = torch.arange(self.n_bytes, self.n_bytes + time)
        out = self.model.local_out(
            x, self.up[:, here : here + time], self.conv_out, self.past_bytes, positions
        )
        self.conv_out = out.conv_states
        self.past_bytes = extended(self.past_bytes, out.block)
        self.n_bytes += time
        return out

    def forked(self, batch: int) -> "Stepper":
        """The same past for `batch` sequences: shared, and nothing of their own yet."""
        fork = Stepper(self.model, batch)
        fork.n_bytes, fork.up_start = self.n_bytes, self.up_start
        for name in ("conv_in", "conv_out", "history", "waiting", "up"):
            setattr(fork, name, getattr(self, name).expand(batch, -1, *getattr(self, name).shape[2:]))
        for name in ("past_global", "past_bytes"):
            mine, empty = getattr(self, name), getattr(fork, name)
            setattr(fork, name, Past(mine.own_keys, mine.own_values, empty.own_keys, empty.own_values))
        return fork


def empty_past(batch: int, layers: int, heads: int) -> Past:
    prefix = torch.zeros(1, layers, heads, 0, HEAD_DIM)
    own = torch.zeros(batch, layers, heads, 0, HEAD_DIM)
    return Past(prefix, prefix, own, own)


def extended(past: Past, block: tuple[torch.Tensor, torch.Tensor]) -> Past:
    keys = torch.cat([past.own_keys, block[0]], dim=3)
    values = torch.cat([past.own_values, block[1]], dim=3)
    return past._replace(own_keys=keys, own_values=values)


@pytest.mark.parametrize("chunks", [[64], [1] * 64, [33, 1, 1, 1, 1, 1, 26], [4, 60], [3, 5, 2, 54]])
def test_chunks_of_any_length_say_the_same_as_the_whole(model: Hourglass, chunks: list[int]) -> None:
    tokens = tokens_of(2, 64)
    whole = model(tokens)
    stepper = Stepper(model, 2)
    outs = [stepper.feed(chunk) for chunk in tokens.split(chunks, dim=1)]
    logits = torch.cat([out.logits for out in outs], dim=1)
    assert (logits - whole.logits).abs().max() < 1e-4
    confidence = torch.cat([out.confidence for out in outs], dim=1)
    assert (confidence - whole.confidence).abs().max() < 1e-4


def test_candidates_that_share_a_prefix_say_the_same_as_separate_ones(model: Hourglass) -> None:
    prompt, candidates = tokens_of(1, 37), tokens_of(3, 11, seed=2)
    shared = Stepper(model, 1)
    shared.feed(prompt)
    together = shared.forked(3)
    logits = torch.cat([together.feed(candidates[:, t : t + 1]).logits for t in range(11)], dim=1)
    for i in range(3):
        alone = Stepper(model, 1)
        alone.feed(prompt)
        expected = alone.feed(candidates[i : i + 1]).logits
        assert (logits[i] - expected[0]).abs().max() < 1e-4


def test_a_byte_changes_nothing_before_it_and_something_from_it_on(model: Hourglass) -> None:
    tokens = tokens_of(1, 48)
    before = model(tokens).logits
    for t in (0, 1, 2, 3, 4, 21, 22, 23, 47):
        changed = tokens.clone()
        changed[0, t] = (changed[0, t] + 1) % CONFIG.vocab
        after = model(changed).logits
        assert torch.equal(after[:, :t], before[:, :t])
        assert (after[:, t:] != before[:, t:]).any(dim=-1).all()


def test_a_sequence_of_broken_patches_is_refused(model: Hourglass) -> None:
    with pytest.raises(AssertionError, match="no whole number of patches"):
        model(tokens_of(1, 10))


@pytest.mark.parametrize(("size", "least", "most"), [("tiny-cpu", 10e6, 20e6), ("tiny", 30e6, 60e6)])
def test_sizes_are_what_they_are_called(size: str, least: float, most: float) -> None:
    with torch.device("meta"):
        model = Hourglass(SIZES[size])
    assert least < sum(parameter.numel() for parameter in model.parameters()) < most


@pytest.mark.parametrize(("size", "least"), [("base", 300e6), ("large", 1e9)])
def test_large_sizes_build(size: str, least: float) -> None:
    with torch.device("meta"):
        model = Hourglass(SIZES[size])
    assert sum(parameter.numel() for parameter in model.parameters()) >= least
