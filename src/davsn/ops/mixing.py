"""Mixing of images: masks that choose parts of one image, and pasting of these parts into another.

Draws come from PyTorch's and Python's global generators, whose states a checkpoint holds. Nothing is copied to the
host: the classes of a label map are found on its device. Random numbers are drawn on the host, so that every device
gets the same ones, and are copied without waiting for the device.
"""

import random

import torch
from torch import Tensor

from davsn.core import ranks


def half_of_the_classes(labels: Tensor, num_classes: int) -> Tensor:
    """The pixels of a random half of the classes in each label map (ClassMix, Olsson et al., WACV 2021).

    If the number of classes is odd, it is the larger half. Pixels without a class are never chosen.

    Args:
        labels: (B, H, W) int64 train ids, 255 = ignore.
        num_classes: ``C``.

    Returns:
        (B, H, W) bool.
    """
    held = classes_held(labels, num_classes)
    return pixels_of(labels, _chosen(held, (held.sum(1) + 1) // 2))


def share_of_the_classes(labels: Tensor, num_classes: int, share: float) -> Tensor:
    """The pixels of a random share of the classes in each label map.

    The number of classes is rounded to a whole number, halves to even.

    Args:
        labels: (B, H, W) int64 train ids, 255 = ignore.
        num_classes: ``C``.
        share: in [0, 1].

    Returns:
        (B, H, W) bool.
    """
    held = classes_held(labels, num_classes)
    return pixels_of(labels, _chosen(held, (held.sum(1) * share).round()))


def _chosen(held: Tensor, number: Tensor) -> Tensor:
    """(B, C) bool: a random choice of ``number`` (B,) classes among those present, ``held`` (B, C)."""
    draw = ranks.rand(*held.shape).to(held.device, non_blocking=True).masked_fill(~held, 2.0)
    return (draw.argsort(1).argsort(1) < number[:, None]) & held


def classes_held(labels: Tensor, num_classes: int) -> Tensor:
    """(B, C) bool: the classes that each label map (B, H, W) contains."""
    batch = len(labels)
    counted = (labels >= 0) & (labels < num_classes)
    seen = torch.zeros(batch, num_classes + 1, dtype=torch.bool, device=labels.device)
    index = torch.where(counted, labels, num_classes).flatten(1)
    return seen.scatter_(1, index, torch.ones_like(index, dtype=torch.bool))[:, :num_classes]


def pixels_of(labels: Tensor, chosen: Tensor) -> Tensor:
    """(B, H, W) bool: the pixels whose class is one of the chosen classes.

    Args:
        labels: (B, H, W) int64 train ids, 255 = ignore.
        chosen: (B, C) bool.
    """
    batch, num_classes = chosen.shape
    table = torch.cat([chosen, chosen.new_zeros(batch, 1)], 1)
    counted = (labels >= 0) & (labels < num_classes)
    index = torch.where(counted, labels, num_classes).flatten(1)
    return table.gather(1, index).view_as(labels)


def rectangle(size: tuple[int, int], low: float = 0.25, high: float = 0.5) -> tuple[slice, slice]:
    """The rows and columns of a random rectangle (CutMix, Yun et al., ICCV 2019).

    Args:
        size: (H, W) of the image.
        low: the smallest share of its area, in (0, 1].
        high: the largest share of its area.
    """
    height, width = size
    area, shape = random.uniform(low, high), random.uniform(-0.5, 0.5)  # a ratio of width to height from 1/e to e
    across = min(1.0, area**0.5 * 2.718281828459045**shape)
    rows, columns = max(1, round(height * min(1.0, area / across))), max(1, round(width * across))
    top, left = random.randint(0, height - rows), random.randint(0, width - columns)
    return slice(top, top + rows), slice(left, left + columns)


def random_blocks(picture: Tensor, block: int, share: float) -> Tensor:
    """A random choice of the square blocks of an image; the last blocks may reach beyond its edge.

    Args:
        picture: (B, K, H, W), for the size and the device.
        block: side length in pixels.
        share: probability that a block is chosen, in [0, 1].

    Returns:
        (B, H, W) bool, with a separate draw for each sample.
    """
    batch, _, height, width = picture.shape
    chosen = ranks.rand(batch, -(-height // block), -(-width // block)) < share
    chosen = chosen.to(picture.device, non_blocking=True)
    return chosen.repeat_interleave(block, 1).repeat_interleave(block, 2)[:, :height, :width]


def paste(mask: Tensor, front: Tensor, back: Tensor) -> Tensor:
    """The front where the mask is true, the back elsewhere.

    Args:
        mask: (B, H, W) bool.
        front: (B, K, H, W) or (B, H, W): images, flows, labels or weights.
        back: the shape of ``front``.
    """
    return torch.where(mask[:, None] if front.dim() == mask.dim() + 1 else mask, front, back)
