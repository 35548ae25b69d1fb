"""What every segmentation network of single frames offers; ``video.py`` makes a video network of it."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from davsn.core.clip import Levels
from davsn.core.plugins import Plugin
from davsn.core.settings import Settings


class ImageNetwork(nn.Module, Plugin, ABC, package="davsn.networks.image"):
    """A network that labels single frames at two levels: a main and an auxiliary classifier.

    Args:
        config: the network's own settings.
        num_classes: ``C``.
    """

    num_classes: int
    feature_channels: int | None = None
    """Channels of the features that the main classifier reads; None of a network that does not offer them."""

    @abstractmethod
    def __init__(self, config: Settings, num_classes: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, images: Tensor) -> Levels:
        """Logits of both classifiers.

        Args:
            images: (B, 3, H, W) RGB in [0, 1]; normalising them is the network's own business.

        Returns:
            main and aux logits, both (B, C, h, w) at the same reduced resolution.
        """

    @abstractmethod
    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Trainable parameters by role, each once: ``"backbone"`` and ``"classifier"``."""

    def with_features(self, images: Tensor) -> tuple[Levels, Tensor]:
        """Logits as of :meth:`forward`, and what the main classifier read, for methods that align features.

        A network may do without, where ``feature_channels`` is None.

        Returns:
            the logits, and (B, feature_channels, h, w).
        """
        raise NotImplementedError(f"{type(self).__name__} offers no features")

    def classify(self, features: Tensor) -> Tensor:
        """The main classifier's logits (B, C, h, w) of features (B, feature_channels, h, w), be they one pixel's."""
        raise NotImplementedError(f"{type(self).__name__} offers no features")
