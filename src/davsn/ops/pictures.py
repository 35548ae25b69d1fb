"""Changes of images as numbers: the colours of other images, hidden parts, and an accident of TPS with the mean.

Images are (B, 3, H, W) RGB in [0, 1], with 8 bits: multiples of 1/255.
"""

import torch
from torch import Tensor

MEAN_BGR = (104.00698793, 116.66876762, 122.67891434)
"""The mean colour of ImageNet, as the Caffe models have it: blue, green, red, from 0 to 255."""

_LEVELS = 256


def match_histograms(pictures: Tensor, reference: Tensor) -> Tensor:
    """Give images the colours of other images: each channel gets the distribution of the reference's channel.

    A value becomes the reference's value of the same rank. Between two values of the reference the result is
    interpolated, so it no longer has 8 bits. TPS (ECCV 2022) changes its source images this way.

    Args:
        pictures: (B, 3, H, W).
        reference: (B, 3, H', W'), one image for each.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    values = _bytes(pictures)
    rank, wanted = _cumulative(values), _cumulative(_bytes(reference))
    level = torch.arange(_LEVELS, device=pictures.device)
    # The reference's distribution has a step at each of its levels; ranks between two steps are interpolated.
    upper = torch.searchsorted(wanted, rank).clamp(max=_LEVELS - 1)
    present = wanted.diff(dim=-1, prepend=wanted.new_zeros(*wanted.shape[:-1], 1)) > 0
    last = torch.where(present, level, -1).cummax(-1).values
    below = last.roll(1, -1).index_fill(-1, level[:1], -1).gather(-1, upper)
    lower = torch.where(below < 0, upper, below)
    low, high = wanted.gather(-1, lower), wanted.gather(-1, upper)
    share = ((rank - low) / (high - low).clamp(min=torch.finfo(rank.dtype).tiny)).clamp(0, 1)
    matched = torch.lerp(lower.to(rank.dtype), upper.to(rank.dtype), share) / 255
    return matched.to(pictures.dtype).gather(-1, values.flatten(2)).view_as(pictures)


def wrapped(pictures: Tensor) -> Tensor:
    """The public TPS code's 8-bit form of images: it subtracts the mean first, and 8 bits cannot hold the result.

    Every number is multiplied by 255 and truncated to an integer, of which the lowest 8 bits are kept (docs/parity.md).

    Args:
        pictures: (B, 3, H, W).

    Returns:
        (B, 3, H, W) in [0, 1], blue first; it hardly looks like the image any more.
    """
    channels = [(pictures[:, 2 - c] * 255).round() - MEAN_BGR[c] for c in range(3)]
    return (torch.stack(channels, 1) * 255).trunc().remainder(_LEVELS) / 255


def as_if_normalised(numbers: Tensor) -> Tensor:
    """The image that DeepLab-v2's own normalisation turns into these numbers; it repeats another accident of TPS.

    Args:
        numbers: (B, 3, H, W), blue first.

    Returns:
        (B, 3, H, W), red first; numbers in [0, 1] give an almost uniform grey.
    """
    return torch.stack([(numbers[:, 2 - c] + MEAN_BGR[2 - c]) / 255 for c in range(3)], 1)


def with_low_frequencies(pictures: Tensor, reference: Tensor, share: float) -> Tensor:
    """Give images the light and the broad colours of other images, and keep their detail: Fourier domain adaptation.

    The amplitudes of the lowest frequencies come from the reference; all phases stay (FDA, Yang and Soatto, CVPR 2020).
    Frequencies of both signs change, so that the result is real.

    Args:
        pictures: (B, 3, H, W).
        reference: (B, 3, H, W), one image for each.
        share: the highest frequency that changes, as a share of the shorter side: int(share · min(H, W)) periods an
            image. If that is 0, only the mean colour changes.

    Returns:
        (B, 3, H, W) float32, clamped to [0, 1].
    """
    height, width = pictures.shape[-2:]
    reach = int(share * min(height, width))
    with torch.autocast(pictures.device.type, enabled=False):
        ours, theirs = (torch.fft.rfft2(each.float()) for each in (pictures, reference))
        rows = torch.fft.fftfreq(height, 1 / height, device=pictures.device).abs() <= reach
        columns = torch.arange(ours.shape[-1], device=pictures.device) <= reach
        amplitude = torch.where(rows[:, None] & columns, theirs.abs(), ours.abs())
        mixed: Tensor = torch.fft.irfft2(torch.polar(amplitude, ours.angle()), s=(height, width))
    return mixed.clamp(0, 1)


def without(pictures: Tensor, mask: Tensor) -> Tensor:
    """Fill the masked pixels of images with ImageNet's mean colour, which normalisation turns into 0, or nearly.

    Args:
        pictures: (B, 3, H, W).
        mask: (B, H, W) bool.
    """
    planes = zip(pictures.unbind(1), reversed(MEAN_BGR), strict=True)
    return torch.stack([plane.masked_fill(mask, mean / 255) for plane, mean in planes], 1)


def _bytes(pictures: Tensor) -> Tensor:
    return (pictures * 255).round().long().clamp(0, _LEVELS - 1)


def _cumulative(values: Tensor) -> Tensor:
    """(B, 3, 256): the share of a channel's pixels whose value is at most each level."""
    flat = values.flatten(2)
    counts = torch.zeros(*flat.shape[:2], _LEVELS, dtype=torch.long, device=values.device)
    counts.scatter_add_(-1, flat, torch.ones_like(flat))
    exact = torch.float32 if values.device.type == "mps" else torch.float64
    return counts.cumsum(-1).to(exact) / flat.shape[-1]
