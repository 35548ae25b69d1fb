"""SGD as the public code applies it: its optimiser lists a parameter several times, and updates it as often."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer

Repeats = Literal["once", "for_loop", "foreach", "torch12"]


def times_listed(name: str) -> int:
    """The number of times that the public code lists a backbone parameter: once for every module that contains it.

    Args:
        name: the name inside the image network, such as ``layer1.0.conv1.weight`` (3) or ``conv1.weight`` (1).
    """
    return name.count(".")


class RepeatedSGD(Optimizer):
    """SGD with momentum that updates a parameter as often as the public code lists it, in one pass.

    One update is a linear map of (weight, momentum buffer, gradient). All updates of a step are a power of this map. So
    every tensor is read and written once, however often it is listed.

    Args:
        groups: parameter groups with the usual keys, and ``counts``: how often each parameter is listed.
        repeats: the PyTorch version whose result to repeat.
        lr: learning rate of groups that have none of their own.
        momentum: momentum of SGD.
        weight_decay: weight decay of SGD.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], *, repeats: Repeats, lr: float, momentum: float, weight_decay: float
    ) -> None:
        self.repeats = repeats
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    def __getstate__(self) -> dict[str, Any]:
        """The state for a copy; PyTorch's own method leaves out attributes that it does not know."""
        return {**super().__getstate__(), "repeats": self.repeats}

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter, count in zip(group["params"], group["counts"], strict=True):
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, count, group)

    def _update(self, weight: Tensor, gradient: Tensor, count: int, group: Mapping[str, Any]) -> None:
        state = self.state[weight]
        first = "buffer" not in state
        buffer = state.setdefault("buffer", torch.zeros_like(weight) if first else None)
        to_weight, to_buffer = _update_map(
            self.repeats, count, group["lr"], group["momentum"], group["weight_decay"], first
        )
        # The change is added: in float32, the weight's factor is within one rounding of 1, and would lose the change.
        change = (to_weight[0] - 1) * weight
        change.add_(buffer, alpha=to_weight[1]).add_(gradient, alpha=to_weight[2])
        buffer.mul_(to_buffer[1]).add_(weight, alpha=to_buffer[0]).add_(gradient, alpha=to_buffer[2])
        weight.add_(change)


def _update_map(
    repeats: Repeats, count: int, rate: float, momentum: float, decay: float, first: bool
) -> tuple[list[float], list[float]]:
    """New weight and new buffer as linear combinations of the old (weight, buffer, gradient).

    ``first`` says whether this is the run's first step, in which PyTorch creates the momentum buffer.
    """
    if repeats == "foreach":  # all decays use the old weight; then all buffer updates, then all weight updates
        kept = 0.0 if first else momentum**count
        times = 1 if first else count
        buffer = np.array([times * decay, kept, times])
        return list(np.array([1.0, 0, 0]) - count * rate * buffer), list(buffer)

    def one(momentum: float) -> NDArray[np.float64]:
        direction = np.array([decay, 0.0, 1.0])
        buffer = np.array([decay, momentum, 1.0])
        gradient = direction if repeats == "torch12" else np.array([0.0, 0, 1])
        return np.stack([np.array([1.0, 0, 0]) - rate * buffer, buffer, gradient])

    if not first:
        whole = np.linalg.matrix_power(one(momentum), count)
    elif repeats == "torch12":  # the buffer exists from the second repeat on
        whole = np.linalg.matrix_power(one(momentum), count - 1) @ one(0.0)
    else:
        whole = np.linalg.matrix_power(one(0.0), count)
    return whole[0].tolist(), whole[1].tolist()
