"""Labels that a network gives itself, and how far they are to be trusted."""

import torch
from torch import Tensor

from davsn.clip import IGNORE


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


def without_margins(weight: Tensor, above: int, below: int) -> Tensor:
    """Weights (B, H, W) with 0 in so many rows above and below, where pseudo labels mislead.

    There a camera of the target shows what the source never does: the sky's edge, or the own car (DAFormer, Hoyer et
    al., CVPR 2022).
    """
    row = torch.arange(weight.shape[-2], device=weight.device)[:, None]
    return weight * ((row >= above) & (row < weight.shape[-2] - below))
