"""What each class's features were last, and how far others are from them (CMOM, after SIM, Wang et al., CVPR 2020)."""

import torch
from torch import Tensor, nn

from davsn.ops.regions import largest_components, means


class Prototypes(nn.Module):
    """The mean features of the last regions of each class; not trained, and saved with a run.

    Args:
        classes: which, by train id.
        length: how many are remembered of a class; the oldest are forgotten first.
        channels: of a feature.
        components: None for one region a class and picture; else so many of its largest connected components.
    """

    def __init__(self, classes: tuple[int, ...], length: int, channels: int, components: int | None) -> None:
        super().__init__()
        self.length, self.components = length, components
        self.register_buffer("classes", torch.tensor(classes, dtype=torch.long), persistent=False)
        self.register_buffer("held", torch.zeros(len(classes), length + 1, channels))  # the last is never read
        self.register_buffer("written", torch.zeros(len(classes), dtype=torch.long))

    def regions(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The mean features of every region.

        Args:
            features: (B, K, h, w).
            labels: (B, h, w) int64, 255 where a pixel is not to be counted.

        Returns:
            (B, N, M, K) means of N classes with M regions each, and (B, N, M) bool, which regions there are.
        """
        classes = self.get_buffer("classes")
        masks = labels[:, None] == classes.view(1, -1, 1, 1)
        if self.components is not None:
            masks = largest_components(masks.flatten(0, 1), self.components).view(len(labels), -1, *labels.shape[1:])
        found, there = means(features, masks)
        return found.view(len(labels), len(classes), -1, found.shape[-1]), there.view(len(labels), len(classes), -1)

    @torch.no_grad()
    def remember(self, regions: Tensor, accepted: Tensor) -> None:
        """Write regions over the oldest ones.

        Args:
            regions: (B, N, M, K).
            accepted: (B, N, M) bool: which of them.
        """
        held, written = self.get_buffer("held"), self.get_buffer("written")
        regions, accepted = (each.transpose(0, 1).flatten(1, 2) for each in (regions, accepted))
        order = written[:, None] + accepted.cumsum(1) - 1
        newest = order >= (written + accepted.sum(1) - self.length)[:, None]  # or two would be written to one place
        place = torch.where(accepted & newest, order % self.length, self.length)
        held.scatter_(1, place[..., None].expand_as(regions), regions.to(held.dtype))
        written += accepted.sum(1)

    def distance(self, regions: Tensor, there: Tensor) -> Tensor:
        """How far regions are from the nearest prototype of their class; the gradient pulls them there.

        A class counts when more regions of it have been seen than are remembered.

        Args:
            regions: (B, N, M, K).
            there: (B, N, M) bool: which of them count.

        Returns:
            scalar: the mean over K of |difference|, averaged over a class's regions, summed over classes and averaged
            over samples.
        """
        held, full = self.get_buffer("held")[:, :-1], self.get_buffer("written") > self.length
        flat = regions.transpose(0, 1).flatten(1, 2)
        nearest = torch.cdist(flat, held, p=1).amin(2) / held.shape[-1]
        each = nearest.view(len(held), len(regions), -1).transpose(0, 1) * (there & full[:, None])
        return (each.sum(2) / there.sum(2).clamp(min=1)).sum() / len(regions)
