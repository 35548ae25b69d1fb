"""Parts of a picture that belong together: connected components, the largest ones, and the mean features of each.

All on the device: numbers of parts differ from picture to picture, sizes of tensors do not.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

_JUMPS = 4


def components(mask: Tensor) -> Tensor:
    """Which connected component, over sides and corners, each pixel of a mask is in.

    Every pixel starts as a component of its own. In every round a component joins its neighbour of the highest number
    and pixels look up what the number of theirs has become. Rounds grow with the logarithm of the size.

    Args:
        mask: (N, h, w) bool.

    Returns:
        (N, h, w) int64: 0 outside, inside the same number, up to h · w, where a path leads from one to the other.
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
    """(N, most, h, w) bool: the largest components of masks (N, h, w), empty where there are not so many."""
    number = components(mask).flatten(1)
    sizes = torch.zeros(len(mask), number.shape[1] + 1, device=mask.device)
    sizes = sizes.scatter_add_(1, number, torch.ones_like(number, dtype=sizes.dtype))
    sizes[:, 0] = 0  # what is outside
    size, which = sizes.topk(min(most, sizes.shape[1]), 1)
    found = (number[:, None] == which[..., None]) & (size > 0)[..., None]
    return found.view(len(mask), -1, *mask.shape[1:])


def means(features: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """The mean features of parts of a picture.

    Args:
        features: (B, K, h, w).
        masks: (B, R, h, w) bool, the parts.

    Returns:
        (B, R, K) float32 means, 0 of an empty part, and (B, R) bool, whether there is anything in it.
    """
    with torch.autocast(features.device.type, enabled=False):
        weight = masks.flatten(2).float()
        size = weight.sum(2)
        summed = weight @ features.flatten(2).float().transpose(1, 2)
    return summed / size.clamp(min=1)[..., None], size > 0
