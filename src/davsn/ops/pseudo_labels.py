"""Pseudo-labels, and measures of how far they can be trusted."""

from typing import NamedTuple

import torch
from torch import Tensor

from davsn.core.clip import IGNORE


class PseudoLabels(NamedTuple):
    """The pseudo-labels of unlabelled frames.

    Attributes:
        main: (B, H, W) int64 train ids for the main classifier, 255 where there is no label.
        aux: (B, H, W) int64 train ids for the auxiliary classifier; most methods use the main classifier's labels.
        trusted: (B, H, W), the weight of each label, in [0, 1].
    """

    main: Tensor
    aux: Tensor
    trusted: Tensor


def most_likely(probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """The likeliest labels, (B, H, W) int64, and their probabilities, (B, H, W), from (B, C, H, W) probabilities."""
    likely, labels = probabilities.max(1)
    return labels, likely


def trusted_share(likely: Tensor, threshold: float) -> Tensor:
    """The share of each sample's pixels whose probability is greater than a threshold, (B,).

    It weights all pseudo-labels of a sample, those below the threshold too. The more pixels are below, the smaller the
    weight (DACS, Tranheden et al., WACV 2021).

    Args:
        likely: (B, H, W), the probability of each pixel's label.
        threshold: in [0, 1].
    """
    return (likely > threshold).flatten(1).float().mean(1)


def only_sure(labels: Tensor, likely: Tensor, threshold: float) -> Tensor:
    """Labels (B, H, W), with 255 where their probability (B, H, W) is not greater than a threshold."""
    return torch.where(likely > threshold, labels, IGNORE)


def class_thresholds(
    thresholds: Tensor, labels: Tensor, likely: Tensor, *, share: float, power: float, memory: float, most: float
) -> Tensor:
    """The thresholds of all classes, updated by a new batch (IAST, Mei et al., ECCV 2020).

    For each class, the share · threshold^power of its pixels with the highest probabilities should pass. The threshold
    for that is a quantile of their probabilities, with the old threshold among them. The new threshold is a moving
    average of these quantiles. So a class with low probabilities gets a low threshold, and a smaller share of its
    pixels passes than for a class with high probabilities.

    Args:
        thresholds: (C,), the old thresholds.
        labels: (B, H, W) int64, the likeliest classes.
        likely: (B, H, W), their probabilities.
        share: share of the pixels that pass for a class with threshold 1 (α).
        power: how fast the share falls with the class's threshold (γ).
        memory: weight of the old threshold in the moving average (β).
        most: upper limit of the thresholds.

    Returns:
        (C,).
    """
    kinds = torch.arange(len(thresholds), device=thresholds.device)
    values, order = torch.cat([likely.flatten().to(thresholds.dtype), thresholds]).sort()
    classes, by_class = torch.cat([labels.flatten(), kinds])[order].sort(stable=True)
    ordered = values[by_class]  # sorted by class, and by value within a class
    count = torch.zeros(len(kinds), dtype=torch.long, device=kinds.device).scatter_add_(
        0, classes, torch.ones_like(classes)
    )
    first = count.cumsum(0) - count
    place = (1 - share * thresholds**power) * (count - 1)
    low, high = (ordered[first + each.long()] for each in (place.floor(), place.ceil()))
    wanted = torch.lerp(low, high, place.frac())
    return (memory * thresholds + (1 - memory) * wanted).clamp(max=most)


def without_margins(weight: Tensor, above: int, below: int) -> Tensor:
    """Weights (B, H, W) with 0 in the first ``above`` and the last ``below`` rows, where pseudo-labels mislead.

    There, the camera of the target shows what the source does not: the edge of the sky, or the ego vehicle (DAFormer,
    Hoyer et al., CVPR 2022).
    """
    row = torch.arange(weight.shape[-2], device=weight.device)[:, None]
    return weight * ((row >= above) & (row < weight.shape[-2] - below))
