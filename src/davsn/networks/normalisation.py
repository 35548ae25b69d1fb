"""Batch normalisation: its layers, and its running statistics estimated on frames of one domain (AdaBN)."""

import torch
from torch import Tensor, nn

from davsn.networks.video import VideoSegmenter


def batch_norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    """The batch normalisation layers of a network; none of a network with layer normalisation."""
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


@torch.no_grad()
def estimate_statistics(segmenter: VideoSegmenter, frames: Tensor, share: float) -> None:
    """Let frames pass, so that the running statistics follow them; no weight changes.

    The network is in evaluation mode afterwards but for these layers, so that it passes without dropout.

    Args:
        segmenter: the network.
        frames: (B, 3, H, W) RGB in [0, 1].
        share: weight of these frames in the running statistics, in (0, 1]; 1 / k for the k-th batch gives the mean.
    """
    segmenter.eval()
    for norm in batch_norms(segmenter):
        norm.train()
        norm.momentum = share  # with None, PyTorch computes the mean itself, but copies a counter to the host
    segmenter.image(frames)
