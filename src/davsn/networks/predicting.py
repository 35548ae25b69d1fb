"""How a network is run when nothing is learned from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn

Precision = Literal["fp32", "bf16"]


@contextmanager
def predicting(network: nn.Module, device: torch.device | str, precision: Precision = "fp32") -> Iterator[None]:
    """Evaluation mode, no gradients, this precision; afterwards every module has the mode it had before.

    Modules are put back one by one, since a network in training may hold frozen ones in evaluation mode.

    Args:
        network: moved to ``device``, and left there.
        device: where the batches will be.
        precision: ``"bf16"`` runs under autocast.
    """
    device = torch.device(device)
    modes = [(module, module.training) for module in network.modules()]
    network.to(device).eval()
    try:
        with (
            torch.inference_mode(),
            torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"),
        ):
            yield
    finally:
        for module, training in modes:
            module.training = training
