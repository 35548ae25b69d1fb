"""The losses that the methods share."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from davsn.core.clip import IGNORE

SOURCE = 0.0
"""The discriminators' label of the source domain."""
TARGET = 1.0
"""The discriminators' label of the target domain."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy, averaged over the pixels whose label is a class.

    The published code averages over no pixels, which is not a number, where a picture has no labelled pixel at
    all; here such a picture, which a random crop can well be, costs 0 and pulls at nothing.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 train ids; 255, negative ones and any other that is no class count nowhere.

    Returns:
        scalar.
    """
    counted = (labels >= 0) & (labels < logits.shape[1])
    total = functional.cross_entropy(logits, labels.masked_fill(~counted, IGNORE), ignore_index=IGNORE, reduction="sum")
    return total / counted.sum().clamp(min=1)


def weighted_cross_entropy(logits: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy with a weight for each pixel, averaged over *all* pixels whose label is a class.

    A weight of 0 takes a pixel out of the sum and not out of the mean, so that a picture that is hardly trusted
    pulls hardly at all.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 train ids; see :func:`cross_entropy`.
        weight: (B, H, W), or a shape that broadcasts to it.

    Returns:
        scalar.
    """
    counted = (labels >= 0) & (labels < logits.shape[1])
    each = functional.cross_entropy(logits, labels.masked_fill(~counted, IGNORE), ignore_index=IGNORE, reduction="none")
    return (weight * each).sum() / counted.sum().clamp(min=1)


def domain_loss(logits: Tensor, label: float) -> Tensor:
    """Binary cross entropy of a discriminator's output against one domain, averaged over all outputs.

    Args:
        logits: of any shape.
        label: :data:`SOURCE` or :data:`TARGET`.

    Returns:
        scalar.
    """
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def weighted_l1(p: Tensor, q: Tensor, weight: Tensor) -> Tensor:
    """The mean over *all* elements of weight · |p − q|; elements of weight 0 still count in the mean.

    Args:
        p: of any shape.
        q: the same shape.
        weight: a shape that broadcasts to it.

    Returns:
        scalar.
    """
    return (weight * (p - q).abs()).mean()


def weight_discrepancy(a: nn.Module, b: nn.Module) -> Tensor:
    """How alike two networks of one shape are: the mean over their parameters of cos + 1; scalar in [0, 2].

    Minimising it drives the two discriminators of DA-VSN apart, so that they judge differently (section 3.2).

    Args:
        a: a network.
        b: another with the same parameters in the same order.
    """
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    cosines = [functional.cosine_similarity(p.flatten(), q.flatten(), dim=0) for p, q in pairs]
    return torch.stack(cosines).mean() + 1
