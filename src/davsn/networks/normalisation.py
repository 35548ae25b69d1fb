"""Batch normalisation: its layers, its statistics over all ranks, and those estimated on one domain (AdaBN)."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from davsn.core import ranks
from davsn.networks.video import VideoSegmenter


class SharedStatistics(TorchFunctionMode):
    """Inside this context, batch normalisation in training mode uses the statistics of the frames of all ranks.

    It acts on every layer that calls PyTorch's function, those of timm too. PyTorch's SyncBatchNorm refuses the CPU,
    and replaces layers by modules of another class. With one rank nothing changes.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Replace the one function; see PyTorch's documentation of this method."""
        given = kwargs or {}
        if func is functional.batch_norm and ranks.several() and given["training"]:
            return _batch_norm(*args, **{name: value for name, value in given.items() if name != "training"})
        return func(*args, **given)


def _batch_norm(
    values: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    momentum: float,
    eps: float,
) -> Tensor:
    """Compute what PyTorch's function does in training mode, with the mean and variance of all ranks' values."""
    axes = [axis for axis in range(values.dim()) if axis != 1]
    shape = [1, -1, *[1] * (values.dim() - 2)]
    exact = values.to(torch.promote_types(values.dtype, torch.float32))
    mean = ranks.average(exact.mean(axes))
    centred = exact - mean.view(shape)
    variance = ranks.average(centred.square().mean(axes))
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            number = ranks.world() * values.numel() // values.shape[1]
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (number / max(number - 1, 1)), momentum)
    scale = (variance + eps).rsqrt() if weight is None else (variance + eps).rsqrt() * weight
    normalised = centred * scale.view(shape)
    return (normalised if bias is None else normalised + bias.view(shape)).to(values.dtype)


def batch_norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    """The batch normalisation layers of a network; none of a network with layer normalisation."""
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


@torch.no_grad()
def estimate_statistics(segmenter: VideoSegmenter, frames: Tensor, share: float) -> None:
    """Let frames pass, so that the running statistics follow them; no weight changes.

    The network is in evaluation mode afterwards but for these layers, so that it passes without dropout. A layer that
    frames pass several times, as crops of the network ``detail`` do, takes the mean of the passes.

    Args:
        segmenter: the network.
        frames: (B, 3, H, W) RGB in [0, 1].
        share: weight of these frames in the running statistics, in (0, 1]; 1 / k for the k-th batch gives the mean.
    """
    segmenter.eval()
    passes = Counter[nn.BatchNorm2d]()

    def count(norm: nn.BatchNorm2d, _: object) -> None:
        passes[norm] += 1
        norm.momentum = (
            1 / passes[norm]
        )  # with None, PyTorch computes the mean itself, but copies a counter to the host

    norms = batch_norms(segmenter)
    before = [[value.clone() for value in _running(norm)] for norm in norms]
    hooks = [norm.train().register_forward_pre_hook(count) for norm in norms]
    try:
        segmenter.image(frames)
    finally:
        for hook in hooks:
            hook.remove()
    for norm, values in zip(norms, before, strict=True):
        for new, old in zip(_running(norm), values, strict=True):
            new.copy_(old.lerp(new, share))


def _running(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    return norm.get_buffer("running_mean"), norm.get_buffer("running_var")
