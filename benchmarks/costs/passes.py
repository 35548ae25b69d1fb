"""The passes of a training step through its networks, each alone: the least that the step can take."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from davsn.core.clip import Levels
from davsn.networks.image_network import ImageNetwork
from davsn.training.loop import Trainer


@dataclass(frozen=True)
class Pass:
    """One pass.

    Attributes:
        network: an image network or a discriminator.
        shape: of its input.
        learns: what the backward pass ends at; None for a pass without one.
    """

    network: nn.Module
    shape: tuple[int, ...]
    learns: Literal["weights", "input"] | None


def recorded(trainer: Trainer, *pair: Any) -> list[Pass]:
    """The passes of one step, in their order. The step is taken.

    Args:
        trainer: whose networks to watch: the image networks of segmenter and teacher, and the discriminators.
        pair: the source batch and the target batch.
    """
    found: list[Pass] = []

    def note(network: nn.Module, given: tuple[Any, ...]) -> None:
        learns: Literal["weights", "input"] = "input" if given[0].requires_grad else "weights"
        found.append(Pass(network, tuple(given[0].shape), learns if torch.is_grad_enabled() else None))

    watched = [
        module for kept in trainer.modules.values() for module in kept.modules() if isinstance(module, ImageNetwork)
    ]
    watched += [part for name, part in trainer.parts.items() if name != "segmenter"]
    hooks = [network.register_forward_pre_hook(note) for network in watched]
    try:
        trainer.step(*pair)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def run(passes: list[Pass], device: torch.device, bf16: bool) -> None:
    """Take every pass on random input, with ones as the gradient of its output."""
    for each in passes:
        given = torch.rand(each.shape, device=device).requires_grad_(each.learns == "input")
        with torch.set_grad_enabled(each.learns is not None), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            made = each.network(given)
        if each.learns is not None:
            outputs = list(made.named.values()) if isinstance(made, Levels) else [made]
            weights = [parameter for parameter in each.network.parameters() if parameter.requires_grad]
            ends: list[Tensor] = [given] if each.learns == "input" else weights
            torch.autograd.grad(outputs, ends, [torch.ones_like(output) for output in outputs])
