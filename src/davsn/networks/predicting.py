"""A context manager that runs a network for prediction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn

Precision = Literal["fp32", "bf16"]


@contextmanager
def predicting(network: nn.Module, device: torch.device | str, precision: Precision = "fp32") -> Iterator[None]:
    """Run a network in evaluation mode, without gradients, in the given precision. Then restore every module's mode.

    Modes are restored module by module, because a network in training may hold frozen modules in evaluation mode.

    Args:
        network: the network; it is moved to ``device`` and stays there.
        device: the device of the batches.
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
