"""Labels that a network gives itself, and how far they are to be trusted."""

from typing import NamedTuple

import torch
from torch import Tensor

from davsn.core.clip import IGNORE


class PseudoLabels(NamedTuple):
    """What is said of frames without labels of their own.

    Attributes:
        main: (B, H, W) int64 train ids for the main classifier, 255 where nothing is said.
        aux: the same for the auxiliary classifier; most methods give it the main one's.
        trusted: (B, H, W) how much each label counts, in [0, 1].
    """

    main: Tensor
    aux: Tensor
    trusted: Tensor


def most_likely(probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """(B, H, W) int64 labels and (B, H, W) their probabilities, of (B, C, H, W)."""
    likely, labels = probabilities.max(1)
    return labels, likely


def trusted_share(likely: Tensor, threshold: float) -> Tensor:
    """(B,) the share of each sample's pixels whose probability is beyond a threshold.

    It weighs a sample's pseudo labels, all of them: the unsure ones too, the less the more of them there are (DACS,
    Tranheden et al., WACV 2021).

    Args:
        likely: (B, H, W) the probability of each pixel's label.
        threshold: in [0, 1].
    """
    return (likely > threshold).flatten(1).float().mean(1)


def only_sure(labels: Tensor, likely: Tensor, threshold: float) -> Tensor:
    """Labels with 255 where their probability is not beyond a threshold (B, H, W)."""
    return torch.where(likely > threshold, labels, IGNORE)


def class_thresholds(
    thresholds: Tensor, labels: Tensor, likely: Tensor, *, share: float, power: float, memory: float, most: float
) -> Tensor:
    """The thresholds of all classes, moved towards what a new batch says (IAST, Mei et al., ECCV 2020).

    Of a class's pixels, the surest share · threshold^power are wanted: the threshold that gives them is a quantile of
    their probabilities, with the old threshold among them. The new threshold is a moving average of these. A class
    that is found with little probability so gets a low threshold, and still fewer of its pixels than a sure one.

    Args:
        thresholds: (C,) so far.
        labels: (B, H, W) int64, the likeliest classes.
        likely: (B, H, W) their probabilities.
        share: of the pixels of a class with threshold 1 (α).
        power: how much fewer of a class with a lower one (γ).
        memory: the old threshold's part in the moving average (β).
        most: thresholds are cut there.

    Returns:
        (C,).
    """
    kinds = torch.arange(len(thresholds), device=thresholds.device)
    values, order = torch.cat([likely.flatten().to(thresholds.dtype), thresholds]).sort()
    classes, by_class = torch.cat([labels.flatten(), kinds])[order].sort(stable=True)
    ordered = values[by_class]  # by class, and by value within it
    count = torch.zeros(len(kinds), dtype=torch.long, device=kinds.device).scatter_add_(
        0, classes, torch.ones_like(classes)
    )
    first = count.cumsum(0) - count
    place = (1 - share * thresholds**power) * (count - 1)
    low, high = (ordered[first + each.long()] for each in (place.floor(), place.ceil()))
    wanted = torch.lerp(low, high, place.frac())
    return (memory * thresholds + (1 - memory) * wanted).clamp(max=most)


def without_margins(weight: Tensor, above: int, below: int) -> Tensor:
    """Weights (B, H, W) with 0 in so many rows above and below, where pseudo labels mislead.

    There a camera of the target shows what the source never does: the sky's edge, or the own car (DAFormer, Hoyer et
    al., CVPR 2022).
    """
    row = torch.arange(weight.shape[-2], device=weight.device)[:, None]
    return weight * ((row >= above) & (row < weight.shape[-2] - below))
