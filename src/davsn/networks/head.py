"""The interface of every head, which decodes an encoder's features. One file in ``heads/`` is a head."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn

from davsn.core.plugins import Plugin
from davsn.core.settings import Settings
from davsn.ops.resize import upsample


class HeadSettings(Settings):
    """Settings of a head; each head has its own published defaults."""

    width: int = Field(256, ge=8, le=4096)
    """Channels of the head."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Probability with which a channel is left out before the classifier, in training."""


class Head(nn.Module, Plugin, ABC, package="davsn.networks.heads"):
    """Base class of heads. The main classifier, a 1×1 convolution, follows the head.

    Args:
        config: the head's own settings.
        channels: channels of the encoder's features, from the finest to the deepest.
    """

    auxiliary: ClassVar[bool] = False
    """Whether the network has an auxiliary classifier by default, as published with this head."""
    several_scales: ClassVar[bool] = True
    """Whether the head needs features at several scales; those of one scale are then resized by 4, 2, 1, 1/2 …"""
    width: int
    """Channels of the decoded features."""

    @abstractmethod
    def __init__(self, config: Settings, channels: Sequence[int]) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Decode features.

        Args:
            features: (B, channels[i], h_i, w_i), from the finest to the deepest.

        Returns:
            (B, width, h, w) at the size of the finest features.
        """


def convolution(inputs: int, outputs: int, kernel: int = 1, dilation: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution that keeps the size, batch normalisation and ReLU."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def at_finest(features: Sequence[Tensor]) -> list[Tensor]:
    """Features resized to the size of the first."""
    first, *others = features
    size = (first.shape[-2], first.shape[-1])
    return [first, *(upsample(feature, size) for feature in others)]
