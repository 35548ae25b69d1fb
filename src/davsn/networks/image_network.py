"""The interface of every image network; ``video.py`` builds a video network around one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from davsn.core.clip import Levels
from davsn.core.plugins import Choice, Plugin
from davsn.core.settings import Settings


class ImageNetwork(nn.Module, Plugin, ABC, package="davsn.networks.image"):
    """Base class of image networks. One segments single frames with a main and perhaps an auxiliary classifier.

    Args:
        config: the network's own settings.
        num_classes: ``C``.
    """

    num_classes: int
    feature_channels: int | None = None
    """Channels of the features that the main classifier reads; None if the network does not offer its features."""
    auxiliary: bool = True
    """Whether the network has an auxiliary classifier. Without one, ``Levels.aux`` is None."""
    main_alone: bool = False
    """Whether :meth:`forward` may leave the auxiliary classifier out and return ``Levels(main)``; see
    :func:`main_alone`."""

    @abstractmethod
    def __init__(self, config: Settings, num_classes: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, images: Tensor) -> Levels:
        """Logits of both classifiers.

        Args:
            images: (B, 3, H, W) RGB in [0, 1]; the network itself normalises them.

        Returns:
            main and auxiliary logits, both (B, C, h, w) at the same reduced resolution; see :attr:`auxiliary`.
        """

    @abstractmethod
    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Trainable parameters by role, each once: ``"backbone"`` and ``"classifier"``."""

    def layers(self) -> list[list[nn.Parameter]]:
        """The trainable parameters of the backbone by layer, from input to output, for ``optimiser.layer_decay``.

        An empty list says that the network does not tell its layers.
        """
        return []

    def with_features(self, images: Tensor) -> tuple[Levels, Tensor]:
        """Logits as in :meth:`forward`, and the features that the main classifier read, for methods that align them.

        A network whose ``feature_channels`` is None need not implement this.

        Returns:
            the logits, and the features (B, feature_channels, h, w).
        """
        raise NotImplementedError(f"{type(self).__name__} offers no features")

    def classify(self, features: Tensor) -> Tensor:
        """The main classifier's logits (B, C, h, w) from features (B, feature_channels, h, w), down to one pixel."""
        raise NotImplementedError(f"{type(self).__name__} offers no features")


@contextmanager
def main_alone(network: nn.Module) -> Iterator[None]:
    """Leave the auxiliary classifiers of all image networks in a module out inside the block: prediction uses none."""
    parts = [module for module in network.modules() if isinstance(module, ImageNetwork)]
    before = [part.main_alone for part in parts]
    for part in parts:
        part.main_alone = True
    try:
        yield
    finally:
        for part, value in zip(parts, before, strict=True):
            part.main_alone = value


def weights_of(network: Choice) -> Any:
    """The initial weights that a chosen network, or the network inside it, has in its settings; None without any."""
    settings = dict(network.settings)
    inside = (weights_of(value) for value in settings.values() if isinstance(value, Choice))
    return settings["weights"] if "weights" in settings else next(inside, None)


def without_weights(network: Choice) -> Choice:
    """A chosen network that starts from random weights, and so does the network inside it; nothing is loaded."""
    settings = dict(network.settings)
    changes: dict[str, Any] = {
        name: without_weights(value) for name, value in settings.items() if isinstance(value, Choice)
    }
    if "weights" in settings:
        changes["weights"] = None
    return network.model_copy(update={"settings": network.settings.model_copy(update=changes)})
