"""The linear head for foundation encoders: nothing but the classifier on the encoder's features (DINOv2, 2023)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from davsn.core.settings import Settings
from davsn.networks.head import Head, at_finest


class Linear(Head):
    """The linear head: features of all depths are stacked at the finest size, and the classifier reads them.

    With a frozen encoder, a few thousand weights are trained. The logits of a plain ViT have the size of its tokens.
    """

    Config = Settings
    several_scales = False

    def __init__(self, config: Settings, channels: Sequence[int]) -> None:
        super().__init__(config, channels)
        self.width = sum(channels)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """See :meth:`Head.forward`."""
        return torch.cat(at_finest(features), 1)
