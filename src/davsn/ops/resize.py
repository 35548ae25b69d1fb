"""Resizing of logits."""

from torch import Tensor
from torch.nn import functional


def upsample(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resizing with aligned corners, as in all published results of these methods.

    Args:
        logits: (B, C, h, w) of a floating type, which the result keeps.
        size: (H, W).
    """
    return functional.interpolate(logits, size, mode="bilinear", align_corners=True)
