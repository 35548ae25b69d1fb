"""Regions of an image: connected components, the largest of them, and the mean features of each.

Everything stays on the device: the number of regions varies from image to image, but the sizes of tensors do not.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

_JUMPS = 4


def components(mask: Tensor) -> Tensor:
    """Connected components of masks; pixels that touch at a side or a corner are connected.

    At first every pixel is a component of its own. In every round a component joins its neighbour with the highest
    number, and each pixel looks up the new number of its component. The number of rounds grows with the logarithm of
    the size.

    Args:
        mask: (N, h, w) bool.

    Returns:
        (N, h, w) int64: 0 outside the mask; inside, a number up to h · w, which all pixels of one component share.
    """
    pixels = mask[0].numel()
    number = torch.arange(1, pixels + 1, device=mask.device).view(mask.shape[1:]) * mask
    becomes = torch.arange(pixels + 1, device=mask.device).repeat(len(mask), 1)
    for _ in range(math.ceil(math.log2(pixels + 1)) + 1):
        highest = (max_pool2d(number.float(), 3, 1, 1).long() * mask).flatten(1)  # exact up to 2^24 pixels
        becomes = becomes.scatter_reduce(1, number.flatten(1), highest, "amax")
        for _ in range(_JUMPS):
            becomes = becomes.gather(1, becomes)
        number = becomes.gather(1, number.flatten(1)).view(mask.shape)
    return number


def largest_components(mask: Tensor, most: int) -> Tensor:
    """(N, most, h, w) bool: the largest components of masks (N, h, w); empty masks where there are fewer."""
    number = components(mask).flatten(1)
    sizes = torch.zeros(len(mask), number.shape[1] + 1, device=mask.device)
    sizes = sizes.scatter_add_(1, number, torch.ones_like(number, dtype=sizes.dtype))
    sizes[:, 0] = 0  # the pixels outside the mask
    size, which = sizes.topk(min(most, sizes.shape[1]), 1)
    found = (number[:, None] == which[..., None]) & (size > 0)[..., None]
    return found.view(len(mask), -1, *mask.shape[1:])


def means(features: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """The mean features of regions.

    Args:
        features: (B, K, h, w).
        masks: (B, R, h, w) bool, the regions.

    Returns:
        (B, R, K) float32 means, 0 for an empty region, and (B, R) bool, whether a region has any pixels.
    """
    with torch.autocast(features.device.type, enabled=False):
        weight = masks.flatten(2).float()
        size = weight.sum(2)
        summed = weight @ features.flatten(2).float().transpose(1, 2)
    return summed / size.clamp(min=1)[..., None], size > 0
