"""Memory of each class's last features, and distances to them (CMOM, after SIM, Wang et al., CVPR 2020)."""

import torch
from torch import Tensor, nn

from davsn.core import ranks
from davsn.ops.regions import largest_components, means


class Prototypes(nn.Module):
    """The mean features of the last regions of each class; not trained, and saved with a run.

    Args:
        classes: train ids of the classes.
        length: how many regions of a class are remembered; the oldest are overwritten first.
        channels: channels of a feature.
        components: None takes one region a class and image; a number takes that many of its largest connected
            components.
    """

    def __init__(self, classes: tuple[int, ...], length: int, channels: int, components: int | None) -> None:
        super().__init__()
        self.length, self.components = length, components
        self.register_buffer("classes", torch.tensor(classes, dtype=torch.long), persistent=False)
        self.register_buffer("held", torch.zeros(len(classes), length + 1, channels))  # the last place is never read
        self.register_buffer("written", torch.zeros(len(classes), dtype=torch.long))

    def regions(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The mean features of every region.

        Args:
            features: (B, K, h, w).
            labels: (B, h, w) int64, 255 where a pixel does not count.

        Returns:
            (B, N, M, K) means of N classes with M regions each, and (B, N, M) bool, which regions exist.
        """
        classes = self.get_buffer("classes")
        masks = labels[:, None] == classes.view(1, -1, 1, 1)
        if self.components is not None:
            masks = largest_components(masks.flatten(0, 1), self.components).view(len(labels), -1, *labels.shape[1:])
        found, there = means(features, masks)
        return found.view(len(labels), len(classes), -1, found.shape[-1]), there.view(len(labels), len(classes), -1)

    @torch.no_grad()
    def remember(self, regions: Tensor, accepted: Tensor) -> None:
        """Overwrite the oldest regions with new ones.

        Args:
            regions: (B, N, M, K).
            accepted: (B, N, M) bool, the regions to store.
        """
        held, written = self.get_buffer("held"), self.get_buffer("written")
        regions, accepted = ranks.together(regions), ranks.together(accepted)
        regions, accepted = (each.transpose(0, 1).flatten(1, 2) for each in (regions, accepted))
        order = written[:, None] + accepted.cumsum(1) - 1
        newest = order >= (written + accepted.sum(1) - self.length)[:, None]  # so that no two share a place
        place = torch.where(accepted & newest, order % self.length, self.length)
        held.scatter_(1, place[..., None].expand_as(regions), regions.to(held.dtype))
        written += accepted.sum(1)

    def distance(self, regions: Tensor, there: Tensor) -> Tensor:
        """The distance of regions to the nearest prototype of their class; its gradient pulls them there.

        A class counts once more of its regions have been seen than are remembered.

        Args:
            regions: (B, N, M, K).
            there: (B, N, M) bool, the regions that count.

        Returns:
            scalar: the mean over K of |difference|, averaged over a class's regions, summed over classes and averaged
            over samples.
        """
        held, full = self.get_buffer("held")[:, :-1], self.get_buffer("written") > self.length
        flat = regions.transpose(0, 1).flatten(1, 2)
        nearest = torch.cdist(flat, held, p=1).amin(2) / held.shape[-1]
        each = nearest.view(len(held), len(regions), -1).transpose(0, 1) * (there & full[:, None])
        return (each.sum(2) / there.sum(2).clamp(min=1)).sum() / len(regions)
