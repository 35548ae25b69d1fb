"""Painting train ids in the colours of their classes."""

import numpy as np
from numpy.typing import NDArray

from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.legend import legend

ALPHA = 0.55
"""The usual share of the class colour in an overlay."""


def colourise(mask: NDArray[np.integer], taxonomy: Taxonomy) -> NDArray[np.uint8]:
    """Paint a mask in the colours of its classes.

    Args:
        mask: (H, W) train ids in [0, 255].
        taxonomy: the class table with the colours.

    Returns:
        (H, W, 3) uint8 RGB; black where a pixel has no class, as for 255.
    """
    painted: NDArray[np.uint8] = taxonomy.palette[mask]
    return painted


def overlay(
    frame: NDArray[np.uint8],
    mask: NDArray[np.integer],
    taxonomy: Taxonomy,
    alpha: float = ALPHA,
    with_legend: bool = False,
) -> NDArray[np.uint8]:
    """Tint a frame by its mask. Pixels without a class do not change.

    Args:
        frame: (H, W, 3) uint8 RGB.
        mask: (H, W) train ids.
        taxonomy: the class table with the colours.
        alpha: share of the class colour in [0, 1].
        with_legend: whether to add a legend of the classes below the frame, which covers nothing.

    Returns:
        (H, W, 3) uint8 RGB; with a legend, it is higher.

    Raises:
        ValueError: frame and mask differ in size.
    """
    if frame.shape[:2] != mask.shape:
        raise ValueError(f"the frame is {frame.shape[:2]}, but its mask is {mask.shape}")
    # Tables of products keep the arithmetic in bytes. This takes a third of the time of blending in floating point.
    share = np.where(np.arange(256) < len(taxonomy), alpha, 0.0)
    tint = (taxonomy.palette * share[:, None]).round().astype(np.uint8)
    kept = np.outer(1 - share, np.arange(256)).round().astype(np.uint8)
    blended: NDArray[np.uint8] = kept[mask[..., None], frame]
    blended += np.minimum(tint[mask], 255 - blended)  # both are rounded, so their sum may be 256
    return np.concatenate([blended, legend(taxonomy, frame.shape[1])]) if with_legend else blended
