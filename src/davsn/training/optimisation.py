"""Optimisers and schedules: the recommended ones, and those that the public code has in effect.

The public DA-VSN, TPS and ADVENT code has two accidents that its results depend on. They are kept here so that the
results can be repeated (docs/parity.md):

- *repeats*: its optimiser lists a convolution of a bottleneck three times, and that of a shortcut four times. So one
  step updates them three or four times. The result depends on the PyTorch version.
- *positional schedule*: it writes the decayed rate to group 0, and ten times that rate to group 1, whatever group 1 is.
  In a network with a fusion layer, group 1 is the fusion; the classifiers' rate never decays.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.optim import Optimizer

from davsn.core.settings import AlsoCalled, Settings

Repeats = Literal["once", "for_loop", "foreach", "torch12"]


class OptimiserSettings(Settings):
    """Optimisers of a method's parts. The defaults are those of DA-VSN, without its accidents."""

    name: Literal["sgd", "adamw"] = "sgd"
    """The segmenter's optimiser; discriminators always use Adam with betas (0.9, 0.99)."""
    learning_rate: Annotated[float, AlsoCalled("lr", "base_lr", "rate")] = Field(2.5e-4, gt=0)
    """The backbone's initial learning rate."""
    classifier_factor: float = Field(10.0, gt=0)
    """The classifiers' learning rate, relative to the backbone's."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Momentum of SGD."""
    weight_decay: float = Field(5e-4, ge=0)
    """Weight decay of the segmenter's optimiser."""
    discriminator_rate: float = Field(1e-4, gt=0)
    """The discriminators' initial learning rate."""
    power: float = Field(0.9, ge=0)
    """Learning rates fall as (1 - step / horizon) ** power; 0 keeps them constant."""
    horizon: int | None = Field(None, ge=1)
    """The step at which learning rates would reach 0; null is the last step. The papers stop at half of it or
    earlier."""
    schedule: Literal["named", "positional"] = "named"
    """'named' gives each group its own rate. 'positional' repeats the accident of the public code, which mixes up the
    groups."""
    repeats: Repeats = "once"
    """'once' updates each parameter once. 'for_loop', 'foreach' and 'torch12' repeat the public code's repeated
    parameters as three PyTorch versions compute them: today's on the CPU, today's on CUDA, and version 1.2, which the
    authors used (for Adam too)."""


class Optimisation:
    """The optimisers of all parts of a method, and their learning rates at every step.

    Args:
        segmenter_groups: role → parameters; the roles are backbone, fusion and classifier.
        segmenter_names: parameter → its name inside the image network, nested as in the public code.
        discriminators: the other parts, by name.
        settings: see :class:`OptimiserSettings`.
        steps: number of steps of the run.
        clip: largest gradient norm, for each part on its own; None does not clip.
    """

    def __init__(
        self,
        segmenter_groups: Mapping[str, list[nn.Parameter]],
        segmenter_names: Mapping[nn.Parameter, str],
        discriminators: Mapping[str, nn.Module],
        settings: OptimiserSettings,
        *,
        steps: int,
        clip: float | None = None,
    ) -> None:
        self.settings = settings
        self.horizon = settings.horizon or steps
        self.clip = clip
        # The order is that of the public code, because its positional schedule depends on it.
        factors = {"backbone": 1.0, "fusion": 1.0, "classifier": settings.classifier_factor}
        groups = [
            {
                "params": parameters,
                "role": role,
                "initial": settings.learning_rate * factors[role],
                "counts": [times_listed(segmenter_names[p]) if role == "backbone" else 1 for p in parameters],
            }
            for role, parameters in ((role, segmenter_groups[role]) for role in factors if role in segmenter_groups)
        ]
        rate = settings.discriminator_rate
        self.optimisers: dict[str, Optimizer] = {"segmenter": _segmenter_optimiser(groups, settings)}
        for name, part in discriminators.items():
            group = {"params": list(part.parameters()), "role": "discriminator", "initial": rate}
            self.optimisers[name] = torch.optim.Adam([group], lr=rate, betas=(0.9, 0.99))

    def begin(self, step: int) -> None:
        """Set the learning rates of a step, counted from 0, and clear all gradients."""
        decay = max(0.0, 1 - step / self.horizon) ** self.settings.power
        for optimiser in self.optimisers.values():
            optimiser.zero_grad()
            for position, group in enumerate(optimiser.param_groups):
                group["lr"] = self._rate(group, position, decay)
                if self.settings.repeats == "torch12" and "eps" in group:
                    # PyTorch 1.2 added eps before the bias correction, which equals a larger eps today.
                    group["eps"] = 1e-8 / (1 - group["betas"][1] ** (step + 1)) ** 0.5

    def finish(self) -> dict[str, Tensor]:
        """Clip the gradients of every part, and update its parameters.

        Returns:
            part → norm of its gradient before clipping, scalars; empty without clipping.
        """
        norms = {}
        for name, optimiser in self.optimisers.items():
            if self.clip is not None:
                parameters = [p for group in optimiser.param_groups for p in group["params"]]
                norms[name] = nn.utils.clip_grad_norm_(parameters, self.clip)
            optimiser.step()
        return norms

    def rates(self) -> dict[str, float]:
        """The learning rates of this step, by part and role."""
        return {
            f"{name}/{group['role']}" if name == "segmenter" else name: group["lr"]
            for name, optimiser in self.optimisers.items()
            for group in optimiser.param_groups
        }

    def state_dict(self) -> dict[str, Any]:
        """The optimisers' states, for a run that resumes."""
        return {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the states that :meth:`state_dict` returned."""
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state[name])

    def _rate(self, group: dict[str, Any], position: int, decay: float) -> float:
        if self.settings.schedule == "named" or group["role"] == "discriminator":
            return float(group["initial"] * decay)
        decayed = self.settings.learning_rate * decay
        return float({0: decayed, 1: 10 * decayed}.get(position, group["initial"]))


def times_listed(name: str) -> int:
    """The number of times that the public code lists a backbone parameter: once for every module that contains it.

    Args:
        name: the name inside the image network, such as ``layer1.0.conv1.weight`` (3) or ``conv1.weight`` (1).
    """
    return name.count(".")


def _segmenter_optimiser(groups: list[dict[str, Any]], settings: OptimiserSettings) -> Optimizer:
    if settings.name == "adamw":
        return torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    shared = {"lr": settings.learning_rate, "momentum": settings.momentum, "weight_decay": settings.weight_decay}
    if settings.repeats == "once":
        return torch.optim.SGD(groups, **shared)  # type: ignore[arg-type]
    return RepeatedSGD(groups, repeats=settings.repeats, **shared)


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
