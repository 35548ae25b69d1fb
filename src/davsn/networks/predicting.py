"""A network run for prediction, and the precisions to run it in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

Precision = Literal["fp32", "bf16"]


def bf16_slowdown() -> float:
    """The CPU's time for a small convolution and its gradient in bf16, divided by the time in fp32.

    It is measured, which takes some tenths of a second if bf16 is slow. PyTorch itself answers for x86 processors only,
    under names that change from version to version, and some of them say yes where instructions are only emulated.

    Returns:
        below 1 where bf16 is worth choosing; 15 to 30 were measured on a processor with AVX2 alone.
    """
    images = torch.ones(1, 32, 32, 32)  # not random: a run's random numbers stay as they would be
    weight = torch.ones(32, 32, 3, 3, requires_grad=True)

    def seconds(bf16: bool) -> float:
        begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            total = functional.conv2d(images, weight, padding=1).sum()
        torch.autograd.grad(total, weight)
        return time.perf_counter() - begun

    fp32, bf16 = (min(seconds(chosen) for _ in range(4)) for chosen in (False, True))  # the first prepares kernels
    return bf16 / fp32


def faster_precision(wished: Precision, device: torch.device) -> Precision:
    """The wished precision; fp32, and a line that says so, in place of bf16 on a CPU that is measured to be slower."""
    if wished == "fp32" or device.type != "cpu" or (times := bf16_slowdown()) < 1:
        return wished
    from davsn.core.console import say  # training itself needs no terminal

    say(f"bf16 takes {times:.1f} times as long as fp32 on this processor, so the network runs in fp32")
    return "fp32"


@contextmanager
def without_gradients(device: torch.device | str, precision: Precision = "fp32") -> Iterator[None]:
    """Compute without gradients, in the given precision.

    Args:
        device: the device of the tensors.
        precision: ``"bf16"`` computes under autocast.
    """
    kind = torch.device(device).type
    with torch.inference_mode(), torch.autocast(kind, dtype=torch.bfloat16, enabled=precision == "bf16"):
        yield


@contextmanager
def predicting(network: nn.Module, device: torch.device | str, precision: Precision = "fp32") -> Iterator[None]:
    """Run a network in evaluation mode, without gradients, in the given precision. Then restore every module's mode.

    Modes are restored module by module, because a network in training may hold frozen modules in evaluation mode.

    Args:
        network: the network; it is moved to ``device`` and stays there.
        device: the device of the batches.
        precision: ``"bf16"`` runs under autocast.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.to(device).eval()
    try:
        with without_gradients(device, precision):
            yield
    finally:
        for module, training in modes:
            module.training = training
