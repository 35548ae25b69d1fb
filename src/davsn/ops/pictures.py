"""What is done to pictures as numbers: their colours made others', parts hidden, and TPS's accident with their mean.

Pictures are (B, 3, H, W) RGB in [0, 1], of 8 bits: multiples of 1/255.
"""

import torch
from torch import Tensor

MEAN_BGR = (104.00698793, 116.66876762, 122.67891434)
"""Of ImageNet, as the Caffe models have it: blue, green, red, from 0 to 255."""

_LEVELS = 256


def match_histograms(pictures: Tensor, reference: Tensor) -> Tensor:
    """Pictures with the colours of others: each channel's distribution becomes that of the other picture's channel.

    A value goes to the one of the same rank in the reference; between two values of the reference it is
    interpolated, so that the result is no longer of 8 bits. TPS (ECCV 2022) changes its source pictures so.

    Args:
        pictures: (B, 3, H, W).
        reference: (B, 3, H', W'), a picture for each.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    values = _bytes(pictures)
    rank, wanted = _cumulative(values), _cumulative(_bytes(reference))
    level = torch.arange(_LEVELS, device=pictures.device)
    # Levels that the reference has are the steps of its distribution; between two of them ranks are interpolated.
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
    """The published TPS's 8-bit form of pictures whose mean was taken off before, which 8 bits cannot hold.

    Every number times 255, cut to whole ones, and of those the low 8 bits (docs/parity.md).

    Returns:
        (B, 3, H, W) in [0, 1], blue first: hardly a picture any more.
    """
    channels = [(pictures[:, 2 - c] * 255).round() - MEAN_BGR[c] for c in range(3)]
    return (torch.stack(channels, 1) * 255).trunc().remainder(_LEVELS) / 255


def as_if_normalised(numbers: Tensor) -> Tensor:
    """The picture from which DeepLab-v2's own normalisation makes these numbers, again by accident of TPS.

    Args:
        numbers: (B, 3, H, W), blue first.

    Returns:
        (B, 3, H, W), red first; numbers in [0, 1] make it all but plain grey.
    """
    return torch.stack([(numbers[:, 2 - c] + MEAN_BGR[2 - c]) / 255 for c in range(3)], 1)


def with_low_frequencies(pictures: Tensor, reference: Tensor, share: float) -> Tensor:
    """Pictures with the light and the broad colours of others, and their own detail: Fourier domain adaptation.

    The amplitudes of the lowest frequencies are those of the reference, all phases their own (FDA, Yang and Soatto,
    CVPR 2020). Frequencies of both signs are taken, so that the result is a picture.

    Args:
        pictures: (B, 3, H, W).
        reference: (B, 3, H, W), a picture for each.
        share: how far the frequencies go, as a share of the shorter side: up to int(share · min(H, W)) periods a
            picture. Where that is 0, only the mean colour is the reference's.

    Returns:
        (B, 3, H, W) float32, cut to [0, 1].
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
    """Pictures with ImageNet's mean colour where the mask says so: what normalisation makes 0 of, or nearly.

    Args:
        pictures: (B, 3, H, W).
        mask: (B, H, W) bool.
    """
    planes = zip(pictures.unbind(1), reversed(MEAN_BGR), strict=True)
    return torch.stack([plane.masked_fill(mask, mean / 255) for plane, mean in planes], 1)


def _bytes(pictures: Tensor) -> Tensor:
    return (pictures * 255).round().long().clamp(0, _LEVELS - 1)


def _cumulative(values: Tensor) -> Tensor:
    """(B, 3, 256): the share of a channel's pixels that are at most of a level."""
    flat = values.flatten(2)
    counts = torch.zeros(*flat.shape[:2], _LEVELS, dtype=torch.long, device=values.device)
    counts.scatter_add_(-1, flat, torch.ones_like(flat))
    exact = torch.float32 if values.device.type == "mps" else torch.float64
    return counts.cumsum(-1).to(exact) / flat.shape[-1]
