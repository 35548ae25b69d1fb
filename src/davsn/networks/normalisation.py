"""Batch normalisation: its layers, and its running statistics estimated on frames of one domain (AdaBN)."""

from collections import Counter

import torch
from torch import Tensor, nn

from davsn.networks.video import VideoSegmenter


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
