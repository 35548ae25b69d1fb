"""Feature alignment of regions: of stuff by class, of things by object (CMOM, Cho et al., WACV 2023)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from davsn.core.clip import IGNORE
from davsn.learning.prototypes import Prototypes

OBJECTS = 10
"""The largest objects of a class that count in a picture; that many times as many are remembered of a thing."""

Classify = Callable[[Tensor], Tensor]
"""The main classifier: features (B, K, h, w) → logits (B, C, h, w)."""


class FeatureAlignment(nn.Module):
    """Remembers features of labelled regions, and says how far others are from them; not trained, saved with a run.

    Args:
        num_classes: ``C``.
        things: train ids of the classes that are taken object by object; all others are stuff.
        length: how many regions of each stuff class are remembered.
        channels: of a feature.
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
        """Keep the regions that are predicted right, and whose mean feature the classifier gets right too.

        Args:
            features: (B, K, h, w).
            predicted: (B, h, w) int64.
            labels: (B, H, W) int64 train ids, 255 = ignore; of each feature the nearest pixel counts.
            classify: see :data:`Classify`.
        """
        height, width = predicted.shape[-2:]
        small = interpolate(labels[:, None].float(), (height, width))[:, 0].long()
        right = torch.where(small == predicted, small, IGNORE)
        for bank in self._banks.values():
            regions, there = bank.regions(features, right)
            bank.remember(regions, there & _recognised(regions, bank, classify))

    def losses(self, features: Tensor, labels: Tensor, classify: Classify) -> dict[str, Tensor]:
        """How far regions are from those remembered; see :meth:`Prototypes.distance`.

        As published, stuff counts where the classifier gets its mean feature right, and things count always.

        Args:
            features: (B, K, h, w).
            labels: (B, h, w) int64, 255 where a feature is not to be aligned.
            classify: see :data:`Classify`.

        Returns:
            scalars of ``stuff`` and ``things``, as far as there are such classes.
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
    """(B, N, M) bool: whether the classifier gives regions' mean features (B, N, M, K) their own class."""
    best = classify(regions.flatten(0, 2)[..., None, None]).flatten(1).argmax(1)
    return best.view(regions.shape[:3]) == bank.get_buffer("classes").view(1, -1, 1)
