"""The byte hourglass: a causal byte model whose widest layers run on every fourth byte only.

    tokens ─ embed ─ local layers ──┬──────────────────── + ─ local layers ─ norm ─ logits
                                    └ 4 : 1 ─ global ─ 1 : 4 ─┘   (one of them with attention)

*Local* layers see every byte: a gated causal depthwise convolution of four taps and a squared-ReLU MLP.
Four local vectors make one *patch*; a causal transformer runs over the patches. What it says about patch
``p`` is handed to the bytes ``4p+3 … 4p+6``: byte ``4p+3`` is the first at which the patch is complete, so
no byte sees its future. One local layer behind the global part attends to all earlier bytes; without it
names cannot be copied exactly.

The forward pass is three parts with explicit state (`local_in`, `global_step`, `local_out`), so that each
becomes one exported graph. Without state they treat a whole sequence, as training does. With state they
continue one, and attention then reads three blocks of keys: a *prefix* of batch 1 that all sequences of the
batch share, the sequence's *own* past, and the chunk itself. Each part returns the state or the keys of its
chunk only; putting them behind those of the past is the caller's work.

Sources: RMSNorm arXiv:1910.07467, RoPE arXiv:2104.09864, QK-norm arXiv:2010.04245, squared ReLU
arXiv:2109.08668, hourglass arXiv:2110.13711, multi-token prediction arXiv:2404.19737.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from attrs import field, frozen
from attrs.validators import ge, in_
from torch import Tensor, nn

from .hints import N_KINDS

PATCH = 4
"""Bytes for one global position."""
TAPS = 4
"""Length of the convolutions: this position and three before."""
HEAD_DIM = 64
ROPE_BASE = 10_000.0
NGRAM_ORDERS = (2, 3, 4)
HISTORY = max(NGRAM_ORDERS) - 1
"""Tokens before a chunk that its n-grams need."""


@frozen
class ModelConfig:
    """The shape of a model. Everything else follows from it."""

    d_local: int = field(validator=ge(HEAD_DIM))
    """Width of what runs on every byte; a multiple of 64."""
    n_in: int = field(validator=ge(1))
    """Local layers before the global part."""
    d_global: int = field(validator=ge(HEAD_DIM))
    """Width of what runs on every fourth byte; a multiple of 64."""
    n_global: int = field(validator=ge(1))
    n_out: int = field(validator=ge(1))
    """Local layers behind the global part; the one in the middle has attention."""
    local_expansion: int = 2
    """Width of a local MLP, as a multiple of `d_local`."""
    global_expansion: int = 4
    vocab: int = 352
    ngram_buckets: int = 0
    """Rows of each table of n-gram embeddings; 0 for none."""
    syntax_hints: bool = field(default=False, validator=in_([True, False]))
    """Predict what kind of syntax the next byte is part of as well (`hints`), in training only."""
    multi_byte: bool = field(default=False, validator=in_([True, False]))
    """Predict the byte after the next as well, in training only; did not pay (training/LOG.md, Ablations)."""

    @property
    def attention_layer(self) -> int:
        """Which of the `n_out` local layers attends to all bytes."""
        return self.n_out // 2


SIZES: dict[str, ModelConfig] = {
    "smoke": ModelConfig(
        d_local=64, n_in=1, d_global=128, n_global=2, n_out=2, syntax_hints=True, multi_byte=True
    ),
    "tiny-cpu": ModelConfig(
        d_local=192, n_in=2, d_global=384, n_global=2, n_out=2, ngram_buckets=16_384, syntax_hints=True
    ),
    "tiny": ModelConfig(
        d_local=320, n_in=2, d_global=640, n_global=3, n_out=3, ngram_buckets=16_384, syntax_hints=True
    ),
    "base": ModelConfig(d_local=768, n_in=4, d_global=1536, n_global=12, n_out=6),
    "large": ModelConfig(d_local=1024, n_in=4, d_global=2560, n_global=14, n_out=6),
}
"""tiny-cpu is what two busy cores can train in about an hour, tiny what an accelerator can in minutes."""


class Past(NamedTuple):
    """Keys and values that a chunk attends to, apart from its own. Any of the lengths may be 0."""

    prefix_keys: Tensor
    """[1, layers, heads, prefix length, HEAD_DIM]: shared by the batch."""
    prefix_values: Tensor
    own_keys: Tensor
    """[batch, layers, heads, own length, HEAD_DIM]."""
    own_values: Tensor


class Block(NamedTuple):
    """Keys and values of one chunk."""

    keys: Tensor
    """[batch, layers, heads, chunk length, HEAD_DIM], rotated to their positions."""
    values: Tensor


class LocalOut(NamedTuple):
    """What `Hourglass.local_out` returns."""

    logits: Tensor
    """[batch, time, vocab]."""
    hidden: Tensor
    """[batch, time, d_local]: normalized, for the other heads."""
    confidence: Tensor
    """[batch, time]: the logit of "what I write from here on is right"; trained at EDIT and END."""
    conv_states: Tensor
    """[batch, n_out, TAPS - 1, d_local]."""
    block: Block
    """Of the attention layer; its `layers` is 1."""


class Hourglass(nn.Module):
    """The model. See the module's text."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        d_patch = PATCH * config.d_local
        self.embed = nn.Embedding(config.vocab, config.d_local)
        self.embed_ngrams = nn.ModuleList(
            nn.Embedding(config.ngram_buckets, config.d_local) for _ in NGRAM_ORDERS if config.ngram_buckets
        )
        self.layers_in = nn.ModuleList(
            LocalLayer(config.d_local, config.local_expansion) for _ in range(config.n_in)
        )
        self.patch_in = nn.Linear(d_patch, config.d_global, bias=False)
        self.layers_global = nn.ModuleList(
            GlobalLayer(config.d_global, config.global_expansion) for _ in range(config.n_global)
        )
        self.patch_out = nn.Linear(config.d_global, d_patch, bias=False)
        self.layers_out = nn.ModuleList(
            LocalLayer(config.d_local, config.local_expansion) for _ in range(config.n_out)
        )
        self.byte_attention = Attention(config.d_local)
        self.head = nn.Linear(config.d_local, config.vocab, bias=False)
        self.head_confidence = nn.Linear(config.d_local, 1)
        self.multi_byte = nn.Linear(config.d_local, config.d_local, bias=False) if config.multi_byte else None
        self.head_syntax = nn.Linear(config.d_local, N_KINDS, bias=False) if config.syntax_hints else None
        initialize(self)

    def forward(self, tokens: Tensor) -> LocalOut:
        """Whole sequences from their beginning. tokens [batch, time], time a multiple of PATCH."""
        batch, time = tokens.shape
        assert time % PATCH == 0, f"{time} positions are no whole number of patches"
        x, _ = self.local_in(tokens, None)
        patches = x.reshape(batch, time // PATCH, PATCH * self.config.d_local)
        up, _ = self.global_step(patches, None, torch.arange(time // PATCH, device=tokens.device))
        # The shift: what patch p gives belongs to 4p+3 and the three bytes after it.
        up = F.pad(up.reshape(batch, time, self.config.d_local), (0, 0, PATCH - 1, 0))[:, :time]
        return self.local_out(x, up, None, None, torch.arange(time, device=tokens.device))

    def local_in(
        self, tokens: Tensor, conv_states: Tensor | None, history: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Bytes to local vectors.

        tokens [batch, time]; conv_states [batch, n_in, TAPS - 1, d_local], zeros or None at the beginning;
        history [batch, HISTORY], the tokens before, zeros or None at the beginning (read only with n-grams).
        Returns x [batch, time, d_local] and the new conv_states. Four consecutive x, beginning at a multiple
        of four and laid end to end, are a patch.
        """
        x = self.embed(tokens)
        if self.embed_ngrams:
            if history is None:
                history = tokens.new_zeros(tokens.shape[0], HISTORY)
            ids = ngram_buckets(torch.cat([history, tokens], dim=1), self.config.ngram_buckets)
            for table, bucket in zip(self.embed_ngrams, ids, strict=True):
                x = x + table(bucket)
        x = normalize(x)
        states = []
        for i, layer in enumerate(self.layers_in):
            x, state = layer(x, None if conv_states is None else conv_states[:, i])
            states.append(state)
        return x, torch.stack(states, dim=1)

    def global_step(self, patches: Tensor, past: Past | None, positions: Tensor) -> tuple[Tensor, Block]:
        """Patches to what they tell the bytes behind them.

        patches [batch, count, PATCH * d_local]; positions [count], counted in patches. Returns
        [batch, count, PATCH * d_local], of which each row is the `up` of four bytes, the first being the
        last byte of the patch; and the chunk's keys and values.
        """
        x = normalize(self.patch_in(patches))
        rotation = rotary(positions)
        blocks = []
        for i, layer in enumerate(self.layers_global):
            x, block = layer(x, rotation, layer_past(past, i))
            blocks.append(block)
        keys = torch.stack([block[0] for block in blocks], dim=1)
        values = torch.stack([block[1] for block in blocks], dim=1)
        return self.patch_out(normalize(x)), Block(keys, values)

    def local_out(
        self, x: Tensor, up: Tensor, conv_states: Tensor | None, past: Past | None, positions: Tensor
    ) -> LocalOut:
        """Local vectors and what the global part says of them to the logits of the next bytes.

        x and up [batch, time, d_local], up being zero for the first three bytes of a sequence;
        conv_states [batch, n_out, TAPS - 1, d_local]; past of one layer; positions [time] in bytes.
        """
        x = x + up
        rotation = rotary(positions)
        states = []
        keys = values = x
        for i, layer in enumerate(self.layers_out):
            if i == self.config.attention_layer:
                attended, (keys, values) = self.byte_attention(normalize(x), rotation, layer_past(past, 0))
                x = x + attended
            x, state = layer(x, None if conv_states is None else conv_states[:, i])
            states.append(state)
        hidden = normalize(x)
        return LocalOut(
            logits=self.head(hidden),
            hidden=hidden,
            confidence=self.head_confidence(hidden).squeeze(-1),
            conv_states=torch.stack(states, dim=1),
            block=Block(keys.unsqueeze(1), values.unsqueeze(1)),
        )

    def logits_after_next(self, hidden: Tensor) -> Tensor:
        """Logits of the byte after the next, [batch, time, vocab]. Training only; needs `multi_byte`."""
        assert self.multi_byte is not None, "this model has no multi-byte head"
        logits: Tensor = self.head(normalize(hidden + self.multi_byte(hidden)))
        return logits


class LocalLayer(nn.Module):
    """A gated causal depthwise convolution and an MLP, both residual. State: the last three inputs."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        self.conv_in = nn.Linear(width, 2 * width, bias=False)
        self.taps = nn.Parameter(torch.empty(TAPS, width))
        self.conv_out = nn.Linear(width, width, bias=False)
        self.mlp = Mlp(width, expansion)

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """x [batch, time, width], state [batch, TAPS - 1, width] or None for zeros. Returns both, new."""
        time = x.shape[1]
        mixed, gate = self.conv_in(normalize(x)).chunk(2, dim=-1)
        window = F.pad(mixed, (0, 0, TAPS - 1, 0)) if state is None else torch.cat([state, mixed], dim=1)
        # Four shifted products: with the channels last this is faster than a grouped convolution.
        taps = self.taps.to(window.dtype)
        convolved = window[:, :time] * taps[0]
        for tap in range(1, TAPS):
            convolved = convolved + window[:, tap : tap + time] * taps[tap]
        x = x + self.conv_out(convolved * F.silu(gate))
        return x + self.mlp(normalize(x)), window[:, time:]


class GlobalLayer(nn.Module):
    """Attention and an MLP, both residual."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        self.attention = Attention(width)
        self.mlp = Mlp(width, expansion)

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor], past: Past | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x [batch, count, width]. Returns the new x, and keys and values of this chunk."""
        attended, block = self.attention(normalize(x), rotation, past)
        x = x + attended
        return x + self.mlp(normalize(x)), block


class Mlp(nn.Module):
    """Two matrices with a squared ReLU between them."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, expansion * width, bias=False)
        self.down = nn.Linear(expansion * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[…, width] to the same."""
        y: Tensor = self.down(F.relu(self.up(x)).square())
        return y


class Attention(nn.Module):
    """Causal attention with rotary positions, normalized queries and keys, and a learned sharpness."""

    def __init__(self, width: int) -> None:
        super().__init__()
        assert width % HEAD_DIM == 0, f"width {width} is no multiple of {HEAD_DIM}"
        self.n_heads = width // HEAD_DIM
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        # Normalized queries and keys bound the scores; copying needs them sharper than that.
        self.sharpness = nn.Parameter(torch.empty(self.n_heads, 1, 1))

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor], past: Past | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x [batch, time, width]; past without its layer axis. Returns the output and the chunk's (keys,
        values), [batch, heads, time, HEAD_DIM] each."""
        batch, time, width = x.shape
        heads = self.qkv(x).reshape(batch, time, 3, self.n_heads, HEAD_DIM).permute(2, 0, 3, 1, 4)
        queries, keys, values = heads[0], heads[1], heads[2]
        queries = rotate(normalize(queries) * self.sharpness.to(queries.dtype), rotation)
        keys = rotate(normalize(keys), rotation)
        if past is None:
            mixed = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        else:
            mixed = attend(queries, keys, values, past)
        return self.out(mixed.transpose(1, 2).reshape(batch, time, width)), (keys, values)


def attend(queries: Tensor, keys: Tensor, values: Tensor, past: Past) -> Tensor:
    """Attention of a chunk over a shared prefix, its own past, and itself (causally).

    queries, keys, values [batch, heads, time, HEAD_DIM]; past without its layer axis. Returns the like of
    queries. The prefix is multiplied once for the whole batch, which is what makes sharing it cheap.
    """
    batch, n_heads, time, _ = queries.shape
    queries = queries * HEAD_DIM**-0.5
    keys = torch.cat([past.own_keys, keys], dim=2)
    values = torch.cat([past.own_values, values], dim=2)
    n_own = keys.shape[2]

    folded = queries.transpose(0, 1).reshape(n_heads, batch * time, HEAD_DIM)
    of_prefix = folded @ past.prefix_keys[0].transpose(1, 2)
    of_prefix = of_prefix.reshape(n_heads, batch, time, past.prefix_keys.shape[2]).transpose(0, 1)
    of_own = queries @ keys.transpose(2, 3)
    allowed = torch.ones(time, n_own, dtype=torch.bool, device=queries.device).tril(n_own - time)
    of_own = of_own.masked_fill(~allowed, -1e9)

    weights = torch.cat([of_prefix, of_own], dim=3).softmax(dim=3)
    n_prefix = past.prefix_keys.shape[2]
    folded = weights[..., :n_prefix].transpose(0, 1).reshape(n_heads, batch * time, n_prefix)
    from_prefix = (folded @ past.prefix_values[0]).reshape(n_heads, batch, time, HEAD_DIM).transpose(0, 1)
    return from_prefix + weights[..., n_prefix:] @ values


def ngram_buckets(tokens: Tensor, n_buckets: int) -> list[Tensor]:
    """The bucket of the n-gram that ends at each token but the first HISTORY, for each of NGRAM_ORDERS.

    A polynomial hash in 64 bits, small enough at each step to be the same in every runtime.
    """
    time = tokens.shape[1] - HISTORY
    ids = []
    hashed = tokens[:, HISTORY:]
    for order in range(2, max(NGRAM_ORDERS) + 1):
        before = tokens[:, HISTORY - order + 1 : HISTORY - order + 1 + time]
        hashed = (hashed * 31_337 + before * 7_919 + order) % 1_000_003
        if order in NGRAM_ORDERS:
            ids.append(hashed % n_buckets)
    return ids


def layer_past(past: Past | None, layer: int) -> Past | None:
    """The past of one layer, without the layer axis."""
    return None if past is None else Past(*(block[:, layer] for block in past))


def normalize(x: Tensor) -> Tensor:
    """RMSNorm over the last axis, without a gain: the matrix behind it can scale by itself."""
    return x * torch.rsqrt(x.float().square().mean(dim=-1, keepdim=True) + 1e-6).to(x.dtype)


def rotary(positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines [time, HEAD_DIM / 2] of the rotation at each of positions [time]."""
    exponents = torch.arange(0, HEAD_DIM, 2, dtype=torch.float32, device=positions.device) / HEAD_DIM
    angles = positions.float()[:, None] * (ROPE_BASE**-exponents)[None, :]
    return angles.cos(), angles.sin()


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turn x [batch, heads, time, HEAD_DIM] to its positions; the halves are the pairs."""
    cosines, sines = (part.to(x.dtype) for part in rotation)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], dim=-1)


def initialize(model: Hourglass) -> None:
    """Set all weights: matrices by their fan-in, what ends a residual branch to zero."""
    for name, parameter in model.named_parameters():
        if name.endswith(("conv_out.weight", "down.weight", ".out.weight", "multi_byte.weight")):
            nn.init.zeros_(parameter)
        elif name.endswith("sharpness"):
            nn.init.constant_(parameter, 1.5)
        elif name.endswith("taps"):
            nn.init.uniform_(parameter, -(TAPS**-0.5), TAPS**-0.5)
        elif name.startswith("embed_ngrams"):
            nn.init.zeros_(parameter)
        elif name.startswith("embed"):
            nn.init.normal_(parameter)
        elif name == "head.weight":
            nn.init.normal_(parameter, std=0.02)
        elif name.startswith("head_confidence"):
            nn.init.zeros_(parameter)
        else:
            nn.init.uniform_(parameter, -((3 / parameter.shape[1]) ** 0.5), (3 / parameter.shape[1]) ** 0.5)


def n_parameters(model: nn.Module) -> int:
    """How many numbers a model consists of."""
    return sum(parameter.numel() for parameter in model.parameters())
