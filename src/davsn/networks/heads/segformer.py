"""SegFormer's all-MLP head (Xie et al., NeurIPS 2021, section 3.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from davsn.networks.head import Head, HeadSettings, at_finest, convolution


class Segformer(Head):
    """SegFormer's head: linear layers bring all features to one width, and another one fuses them at the finest size.

    A 1×1 convolution is a linear layer for each pixel. The fusing one has batch normalisation and ReLU.
    """

    class Config(HeadSettings):
        """Settings of SegFormer's head; published widths are 256 for MiT-B0 and B1, and 768 for B2 to B5."""

    def __init__(self, config: Config, channels: Sequence[int]) -> None:
        super().__init__(config, channels)
        self.width = config.width
        self.embed = nn.ModuleList(nn.Conv2d(inputs, config.width, 1) for inputs in channels)
        self.fuse = nn.Sequential(convolution(len(channels) * config.width, config.width), nn.Dropout2d(config.dropout))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """See :meth:`Head.forward`."""
        embedded = [embed(feature) for embed, feature in zip(self.embed, features, strict=True)]
        fused: Tensor = self.fuse(torch.cat(at_finest(embedded), 1))
        return fused
