"""UPerNet's head: a feature pyramid over a pyramid of pooled context (Xiao et al., ECCV 2018, section 3.1)."""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from davsn.networks.head import Head, HeadSettings, at_finest, convolution
from davsn.ops.resize import upsample

POOLED = (1, 2, 3, 6)
"""Sides of the grids into which the deepest features are pooled."""


class Upernet(Head):
    """UPerNet's head, the usual one of ConvNeXt, Swin and BEiT.

    Pooled context has no batch normalisation here: with one frame in a batch, a grid of 1×1 gives it a single value a
    channel, which has no variance.
    """

    class Config(HeadSettings):
        """Settings of UPerNet's head; the defaults are those of the ConvNeXt and Swin papers."""

        width: int = Field(512, ge=8, le=4096)
        """Channels of the head."""

    auxiliary = True

    def __init__(self, config: Config, channels: Sequence[int]) -> None:
        super().__init__(config, channels)
        self.width = width = config.width
        *finer, deepest = channels
        self.pooled = nn.ModuleList(nn.Sequential(nn.Conv2d(deepest, width, 1), nn.ReLU()) for _ in POOLED)
        self.context = convolution(deepest + len(POOLED) * width, width, 3)
        self.lateral = nn.ModuleList(convolution(inputs, width) for inputs in finer)
        self.smooth = nn.ModuleList(convolution(width, width, 3) for _ in finer)
        self.fuse = nn.Sequential(convolution(len(channels) * width, width, 3), nn.Dropout2d(config.dropout))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """See :meth:`Head.forward`."""
        *finer, deepest = features
        top = self._with_context(deepest)
        levels = [top]
        for lateral, feature in zip(reversed(self.lateral), reversed(finer), strict=True):
            top = lateral(feature) + upsample(top, (feature.shape[-2], feature.shape[-1]))
            levels.insert(0, top)
        smoothed = [smooth(level) for smooth, level in zip(self.smooth, levels[:-1], strict=True)]
        fused: Tensor = self.fuse(torch.cat(at_finest([*smoothed, levels[-1]]), 1))
        return fused

    def _with_context(self, deepest: Tensor) -> Tensor:
        size = (deepest.shape[-2], deepest.shape[-1])
        pooled = (
            upsample(project(adaptive_avg_pool2d(deepest, side)), size)
            for side, project in zip(POOLED, self.pooled, strict=True)
        )
        seen: Tensor = self.context(torch.cat([deepest, *pooled], 1))
        return seen
