"""DAFormer's head: context-aware feature fusion (Hoyer et al., CVPR 2022, section 3.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from davsn.networks.head import Head, HeadSettings, at_finest, convolution

DILATIONS = (1, 6, 12, 18)
"""Dilations of the parallel branches; the first branch is a 1×1 convolution."""


class Daformer(Head):
    """DAFormer's head: features of all depths are stacked at the finest size and see context of several widths.

    The atrous spatial pyramid has depthwise separable 3×3 convolutions and no pooling over the image. HRDA and MIC use
    this head too.
    """

    class Config(HeadSettings):
        """Settings of DAFormer's head; the defaults are the published ones."""

    def __init__(self, config: Config, channels: Sequence[int]) -> None:
        super().__init__(config, channels)
        self.width = width = config.width
        self.embed = nn.ModuleList(nn.Conv2d(inputs, width, 1) for inputs in channels)
        stacked = len(channels) * width
        self.context = nn.ModuleList(
            convolution(stacked, width) if dilation == 1 else _separable(stacked, width, dilation)
            for dilation in DILATIONS
        )
        self.fuse = nn.Sequential(convolution(len(DILATIONS) * width, width, 3), nn.Dropout2d(config.dropout))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """See :meth:`Head.forward`."""
        embedded = [embed(feature) for embed, feature in zip(self.embed, features, strict=True)]
        stacked = torch.cat(at_finest(embedded), 1)
        fused: Tensor = self.fuse(torch.cat([branch(stacked) for branch in self.context], 1))
        return fused


def _separable(inputs: int, outputs: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(convolution(inputs, inputs, 3, dilation, groups=inputs), convolution(inputs, outputs))
