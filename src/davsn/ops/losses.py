"""The losses that methods share."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from davsn.core import ranks
from davsn.core.clip import IGNORE

SOURCE = 0.0
"""The label of the source domain for discriminators."""
TARGET = 1.0
"""The label of the target domain for discriminators."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy, averaged over the pixels whose label is a class.

    Where an image has no labelled pixel at all, the public code averages over no pixels, and the result is not a
    number. A random crop can be such an image. Here its loss is 0, and it has no gradient.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 train ids. Pixels with 255, negative values and any other value that is no class are
            ignored.

    Returns:
        scalar.
    """
    counted = (labels >= 0) & (labels < logits.shape[1])
    total = functional.cross_entropy(logits, labels.masked_fill(~counted, IGNORE), ignore_index=IGNORE, reduction="sum")
    return total / ranks.counted(counted.sum())


def weighted_cross_entropy(logits: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy with a weight for each pixel, averaged over *all* pixels whose label is a class.

    A weight of 0 removes a pixel from the sum, but not from the mean. So an image with small weights has a small loss.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 train ids; see :func:`cross_entropy`.
        weight: (B, H, W), or a shape that broadcasts to it.

    Returns:
        scalar.
    """
    counted = (labels >= 0) & (labels < logits.shape[1])
    each = functional.cross_entropy(logits, labels.masked_fill(~counted, IGNORE), ignore_index=IGNORE, reduction="none")
    return (weight * each).sum() / ranks.counted(counted.sum())


def domain_loss(logits: Tensor, label: float) -> Tensor:
    """Binary cross entropy of a discriminator's output with the label of one domain, averaged over all outputs.

    Args:
        logits: any shape.
        label: :data:`SOURCE` or :data:`TARGET`.

    Returns:
        scalar.
    """
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def weighted_l1(p: Tensor, q: Tensor, weight: Tensor) -> Tensor:
    """The mean over *all* elements of weight · |p − q|; elements with weight 0 still count in the mean.

    Args:
        p: any shape.
        q: the shape of ``p``.
        weight: a shape that broadcasts to that of ``p``.

    Returns:
        scalar.
    """
    return (weight * (p - q).abs()).mean()


def weight_discrepancy(a: nn.Module, b: nn.Module) -> Tensor:
    """Similarity of two networks of one shape: the mean over their parameters of cos + 1.

    DA-VSN minimises it for its two discriminators, so that they judge differently (section 3.2).

    Args:
        a: a network.
        b: another network with the same parameters in the same order.

    Returns:
        scalar in [0, 2].
    """
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    cosines = [functional.cosine_similarity(p.flatten(), q.flatten(), dim=0) for p, q in pairs]
    return torch.stack(cosines).mean() + 1
