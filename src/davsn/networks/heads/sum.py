"""The light head: encoder features are projected and added up from coarse to fine, as in FPN."""

from collections.abc import Iterable, Sequence

from pydantic import Field
from torch import Tensor, nn

from davsn.core.settings import Settings
from davsn.networks.head import Head, convolution
from davsn.ops.resize import upsample


class Sum(Head):
    """The light head of the network ``light``: projected features, added up from coarse to fine, and smoothed."""

    class Config(Settings):
        """Settings of the light head."""

        width: int = Field(64, ge=8, le=1024)
        """Channels of the head."""

    auxiliary = True

    def __init__(self, config: Config, channels: Sequence[int]) -> None:
        super().__init__(config, channels)
        self.width = config.width
        self.lateral = nn.ModuleList(nn.Conv2d(inputs, config.width, 1) for inputs in channels)
        self.smooth = convolution(config.width, config.width, 3)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """See :meth:`Head.forward`."""
        return added_up(features, self.lateral, self.smooth)


def added_up(features: Sequence[Tensor], lateral: Iterable[nn.Module], smooth: nn.Module) -> Tensor:
    """Add up projected features from coarse to fine.

    Args:
        features: from the finest to the deepest.
        lateral: the projection of each feature.
        smooth: what the sum passes.
    """
    *finer, summed = (project(feature) for project, feature in zip(lateral, features, strict=True))
    for feature in reversed(finer):
        summed = feature + upsample(summed, feature.shape[-2:])
    smoothed: Tensor = smooth(summed)
    return smoothed
