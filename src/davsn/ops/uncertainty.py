"""Uncertainty of predictions: weighted self-information and its means (ADVENT, CVPR 2019, section 3)."""

import math

from torch import Tensor

_SMALLEST = 1e-30
"""Keeps the logarithm of 0 finite; the self-information of a class with probability 0 is then 0, as it should be."""


def self_information(probabilities: Tensor) -> Tensor:
    """Weighted self-information I(p) = −p · log2(p) / log2(C), element by element.

    Args:
        probabilities: (B, C, h, w), C ≥ 2.

    Returns:
        (B, C, h, w); the sum over classes is the normalised entropy, in [0, 1].
    """
    classes = probabilities.shape[1]
    return -probabilities * (probabilities + _SMALLEST).log2() / math.log2(classes)


def entropy(probabilities: Tensor) -> Tensor:
    """The mean of I(p) over classes, by which DA-VSN compares frames: in [0, 1/C], not the usual sum.

    Args:
        probabilities: (B, C, h, w).

    Returns:
        (B, h, w).
    """
    return self_information(probabilities).mean(1)


def entropy_loss(probabilities: Tensor) -> Tensor:
    """The loss of MinEnt: the normalised entropy, summed over classes, averaged over pixels and samples.

    Args:
        probabilities: (B, C, h, w).

    Returns:
        scalar in [0, 1].
    """
    return self_information(probabilities).sum(1).mean()
