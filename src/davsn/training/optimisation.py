"""Optimisers and schedules: the recommended ones, and those that the public code has in effect.

The public DA-VSN, TPS and ADVENT code has two accidents that its results depend on. They are kept here so that the
results can be repeated (docs/parity.md):

- *repeats*: its optimiser lists a convolution of a bottleneck three times, and that of a shortcut four times. So one
  step updates them three or four times. The result depends on the PyTorch version.
- *positional schedule*: it writes the decayed rate to group 0, and ten times that rate to group 1, whatever group 1 is.
  In a network with a fusion layer, group 1 is the fusion; the classifiers' rate never decays.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor, nn
from torch.optim import Optimizer

from davsn.core import ranks
from davsn.core.errors import ConfigError
from davsn.core.settings import AlsoCalled, Settings
from davsn.training.repeated_sgd import RepeatedSGD, Repeats, times_listed

__all__ = ["Optimisation", "OptimiserSettings", "RepeatedSGD", "times_listed"]


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
    fused: bool = False
    """Update all parameters in one kernel of PyTorch, which rounds a little differently."""
    decayed: Literal["all", "weights"] = "all"
    """The parameters that weight decay acts on: 'all', or only the 'weights' of linear layers and convolutions, as
    published for transformers: no norms, biases, position embeddings and class tokens."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """Factor between the learning rates of one layer of the backbone and of the next deeper layer, so that layers near
    the input learn slowest (BEiT, ICLR 2022); 1 gives all layers one rate. The log shows the deepest layer's rate."""
    warmup: int = Field(0, ge=0)
    """Steps at the start over which all learning rates rise in equal parts to what they are without a warm-up."""
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

    @field_validator("repeats")
    @classmethod
    def _has_one_implementation(cls, repeats: str, info: ValidationInfo) -> str:
        if repeats != "once" and info.data.get("fused"):
            raise ValueError("repeated parameters have an implementation of their own. Set fused to false, or once")
        return repeats

    @field_validator("schedule")
    @classmethod
    def _has_one_group_a_role(cls, schedule: str, info: ValidationInfo) -> str:
        one_group = info.data.get("layer_decay", 1) == 1 and info.data.get("decayed") != "weights"
        if schedule == "positional" and not one_group:
            raise ValueError("positional counts on one group a role. Set layer_decay to 1 and decayed to all, or named")
        if schedule == "positional" and info.data.get("warmup"):
            raise ValueError(
                "positional leaves some rates constant, so they have no warm-up. Set warmup to 0, or named"
            )
        return schedule


class Optimisation:
    """The optimisers of all parts of a method, and their learning rates at every step.

    Args:
        segmenter_groups: role → parameters; the roles are backbone, fusion and classifier.
        segmenter_names: parameter → its name inside the image network, nested as in the public code.
        discriminators: the other parts, by name.
        settings: see :class:`OptimiserSettings`.
        steps: number of steps of the run.
        clip: largest gradient norm, for each part on its own; None does not clip.
        layers: the backbone's parameters by layer, from input to output, for ``layer_decay``.

    Raises:
        ConfigError: the learning rates should fall by layer, and the network does not tell its layers.
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
        layers: Sequence[Sequence[nn.Parameter]] = (),
    ) -> None:
        self.settings = settings
        self.horizon = settings.horizon or steps
        self.clip = clip
        groups = _parameter_groups(segmenter_groups, segmenter_names, layers, settings)
        rate = settings.discriminator_rate
        self.optimisers: dict[str, Optimizer] = {"segmenter": _segmenter_optimiser(groups, settings)}
        for name, part in discriminators.items():
            group = {"params": list(part.parameters()), "role": "discriminator", "initial": rate}
            self.optimisers[name] = torch.optim.Adam([group], lr=rate, betas=(0.9, 0.99), fused=settings.fused or None)

    def begin(self, step: int) -> None:
        """Set the learning rates of a step, counted from 0, and clear all gradients."""
        decay = max(0.0, 1 - step / self.horizon) ** self.settings.power
        if step < self.settings.warmup:
            decay *= (step + 1) / self.settings.warmup
        for optimiser in self.optimisers.values():
            optimiser.zero_grad()
            for position, group in enumerate(optimiser.param_groups):
                group["lr"] = self._rate(group, position, decay)
                if self.settings.repeats == "torch12" and "eps" in group:
                    # PyTorch 1.2 added eps before the bias correction, which equals a larger eps today.
                    group["eps"] = 1e-8 / (1 - group["betas"][1] ** (step + 1)) ** 0.5

    def finish(self) -> dict[str, Tensor]:
        """Average the gradients of every part over all ranks, clip them, and update its parameters.

        This is the one place where ranks exchange gradients. A step has several backward passes into several parts, and
        methods call the segmenter's own functions; DistributedDataParallel allows neither.

        Returns:
            part → norm of its gradient before clipping, scalars; empty without clipping.
        """
        norms = {}
        for name, optimiser in self.optimisers.items():
            parameters = [p for group in optimiser.param_groups for p in group["params"]]
            ranks.average_gradients(parameters)
            if self.clip is not None:
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


def _parameter_groups(
    roles: Mapping[str, list[nn.Parameter]],
    names: Mapping[nn.Parameter, str],
    layers: Sequence[Sequence[nn.Parameter]],
    settings: OptimiserSettings,
) -> list[dict[str, Any]]:
    """The groups of the segmenter's optimiser, with their initial learning rates.

    Without ``layer_decay`` and with ``decayed: all``, each role is one group.

    Args:
        roles: role → parameters; the roles are backbone, fusion and classifier.
        names: parameter → its name inside the image network, nested as in the public code.
        layers: the backbone's parameters by layer, from input to output.
        settings: see :class:`OptimiserSettings`.

    Raises:
        ConfigError: the learning rates should fall by layer, and the network does not tell its layers.
    """
    if settings.layer_decay != 1 and not layers and roles.get("backbone"):
        refused = "layer_decay  the network does not tell its layers. Set it to 1, or choose another encoder"
        raise ConfigError("optimiser", [f"{refused} of encoder_head"])
    # The order is that of the public code, because its positional schedule depends on it.
    factors = {"backbone": 1.0, "fusion": 1.0, "classifier": settings.classifier_factor}
    heights = {parameter: len(layers) - number for number, layer in enumerate(layers) for parameter in layer}
    groups = []
    for role, factor in factors.items():
        for (height, decayed), parameters in _split(roles.get(role), heights, settings).items():
            group: dict[str, Any] = {
                "params": parameters,
                "role": role,
                "initial": settings.learning_rate * factor * settings.layer_decay**height,
                "counts": [times_listed(names[p]) if role == "backbone" else 1 for p in parameters],
            }
            groups.append(group if decayed else {**group, "weight_decay": 0.0})
    return groups


def _split(
    parameters: list[nn.Parameter] | None, heights: Mapping[nn.Parameter, int], settings: OptimiserSettings
) -> dict[tuple[int, bool], list[nn.Parameter]]:
    """Parameters by (layers from there to the output, whether weight decay acts on them); an absent role has none."""
    if parameters is None:
        return {}
    if settings.layer_decay == 1 and settings.decayed == "all":
        return {(0, True): parameters}
    found: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for parameter in parameters:
        height = heights.get(parameter, 0) if settings.layer_decay != 1 else 0
        decayed = settings.decayed == "all" or _is_weight(parameter)
        found.setdefault((height, decayed), []).append(parameter)
    return found


def _is_weight(parameter: nn.Parameter) -> bool:
    """Whether a parameter is the weight of a linear layer or a convolution; scales, shifts and embeddings are not."""
    return parameter.ndim > 1 and parameter.shape[0] > 1


def _segmenter_optimiser(groups: list[dict[str, Any]], settings: OptimiserSettings) -> Optimizer:
    if settings.name == "adamw":
        return torch.optim.AdamW(
            groups, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=settings.fused or None
        )
    shared = {"lr": settings.learning_rate, "momentum": settings.momentum, "weight_decay": settings.weight_decay}
    if settings.repeats == "once":
        return torch.optim.SGD(groups, **shared, fused=settings.fused or None)  # type: ignore[arg-type]
    return RepeatedSGD(groups, repeats=settings.repeats, **shared)
