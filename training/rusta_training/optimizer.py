"""Muon for the matrices, AdamW for the rest.

Muon (https://kellerjordan.github.io/posts/muon/) replaces the momentum of a matrix by the nearest matrix
with orthonormal rows or columns, found by Newton-Schulz iterations. The iterations' coefficients are those of
Polar Express (arXiv:2505.16932): the best ones for each step, not the same ones for all.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_COEFFICIENTS = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)


def orthogonalized(matrices: Tensor) -> Tensor:
    """The nearest (semi-)orthogonal matrices of a stack [count, rows, columns], in bfloat16, roughly."""
    x: Tensor = matrices.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) * 1.02 + 1e-6)
    for a, b, c in _COEFFICIENTS:
        gram = x @ x.mT
        # b · gram + c · gram², and a · x + that · x, each in one pass.
        gram = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, gram, x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalized. Each parameter is one matrix, or several square ones on top of each other
    (as queries, keys and values are), which are treated one by one."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all parameters that have a gradient."""
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                # Nesterov's look ahead.
                update = parameter.grad.lerp(state["momentum"], group["momentum"])
                for part, change in zip(_squares(parameter.data), _squares(update), strict=True):
                    by_shape.setdefault((part.shape[0], part.shape[1]), []).append((part, change))
            for (rows, columns), pairs in by_shape.items():
                # One stack for each shape: few large products instead of many small ones.
                changes = orthogonalized(torch.stack([change for _, change in pairs]))
                scale = group["lr"] * max(1.0, rows / columns) ** 0.5
                for (part, _), change in zip(pairs, changes, strict=True):
                    part.add_(change, alpha=-scale)


def _squares(matrix: Tensor) -> tuple[Tensor, ...]:
    rows, columns = matrix.shape
    fused = rows // columns if rows in (2 * columns, 3 * columns) else 1
    return matrix.chunk(fused)


class Optimizers:
    """Both optimizers of a model, as one: a step, a state to keep, a common factor on the learning rates."""

    def __init__(
        self, model: nn.Module, *, muon_lr: float, adam_lr: float, device: str, use_muon: bool = True
    ) -> None:
        matrices: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            is_hidden = parameter.ndim == 2 and not name.startswith(("embed", "head")) and "taps" not in name
            (matrices if is_hidden and use_muon else others).append(parameter)
        adam = torch.optim.AdamW(
            others, lr=adam_lr, betas=(0.8, 0.95), eps=1e-10, weight_decay=0.0, fused=device == "cuda"
        )
        self._all: list[torch.optim.Optimizer] = [adam, *([Muon(matrices, muon_lr)] if matrices else [])]
        self._rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in self._all]

    def step(self, rate: float) -> None:
        """Move the parameters with `rate` (0 to 1) times the learning rates; forget the gradients."""
        for optimizer, rates in zip(self._all, self._rates, strict=True):
            for group, lr in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = lr * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, Any]]:
        """What `load_state_dict` takes."""
        return [optimizer.state_dict() for optimizer in self._all]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Go on from a state."""
        for optimizer, state in zip(self._all, states, strict=True):
            optimizer.load_state_dict(state)
