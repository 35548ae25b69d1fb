"""Feature alignment of regions: stuff class by class, things object by object (CMOM, Cho et al., WACV 2023)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from davsn.core.clip import IGNORE
from davsn.learning.prototypes import Prototypes

OBJECTS = 10
"""Number of objects of a class that count in an image, the largest ones; a thing's memory is longer by this factor."""

Classify = Callable[[Tensor], Tensor]
"""The main classifier: features (B, K, h, w) → logits (B, C, h, w)."""


class FeatureAlignment(nn.Module):
    """Remembers features of labelled regions, and measures how far other features are from them.

    It is not trained, and it is saved with a run.

    Args:
        num_classes: ``C``.
        things: train ids of the classes that are taken object by object; all other classes are stuff.
        length: how many regions of each stuff class are remembered.
        channels: channels of a feature.
    """

    def __init__(self, num_classes: int, things: tuple[int, ...], length: int, channels: int) -> None:
        super().__init__()
        stuff = tuple(number for number in range(num_classes) if number not in things)
        self.banks = nn.ModuleDict()
        if stuff:
            self.banks["stuff"] = Prototypes(stuff, length, channels, None)
        if things:
            self.banks["things"] = Prototypes(things, OBJECTS * length, channels, OBJECTS)

    @torch.no_grad()
    def remember(self, features: Tensor, predicted: Tensor, labels: Tensor, classify: Classify) -> None:
        """Store the regions that are predicted correctly, and whose mean feature is classified correctly too.

        Args:
            features: (B, K, h, w).
            predicted: (B, h, w) int64.
            labels: (B, H, W) int64 train ids, 255 = ignore; each feature takes the label of the nearest pixel.
            classify: see :data:`Classify`.
        """
        height, width = predicted.shape[-2:]
        small = interpolate(labels[:, None].float(), (height, width))[:, 0].long()
        right = torch.where(small == predicted, small, IGNORE)
        for bank in self._banks.values():
            regions, there = bank.regions(features, right)
            bank.remember(regions, there & _recognised(regions, bank, classify))

    def losses(self, features: Tensor, labels: Tensor, classify: Classify) -> dict[str, Tensor]:
        """The distance of regions to the remembered regions; see :meth:`Prototypes.distance`.

        As published, a region of stuff counts only if the classifier classifies its mean feature correctly; things
        always count.

        Args:
            features: (B, K, h, w).
            labels: (B, h, w) int64, 255 where a feature is not aligned.
            classify: see :data:`Classify`.

        Returns:
            scalars by name, ``stuff`` and ``things``; a kind without classes is absent.
        """
        found = {}
        for name, bank in self._banks.items():
            regions, there = bank.regions(features, labels)
            if name == "stuff":
                there = there & _recognised(regions, bank, classify)
            found[name] = bank.distance(regions, there)
        return found

    @property
    def _banks(self) -> dict[str, Prototypes]:
        return {name: bank for name, bank in self.banks.items() if isinstance(bank, Prototypes)}


@torch.no_grad()
def _recognised(regions: Tensor, bank: Prototypes, classify: Classify) -> Tensor:
    """(B, N, M) bool: whether the classifier assigns the mean features of regions (B, N, M, K) to their own class."""
    best = classify(regions.flatten(0, 2)[..., None, None]).flatten(1).argmax(1)
    return best.view(regions.shape[:3]) == bank.get_buffer("classes").view(1, -1, 1)
