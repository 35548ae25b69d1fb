"""Moving of maps and labels along a flow. All code that resizes, mirrors or samples a flow is here.

The conventions are those of :mod:`davsn.core.clip`: ``flow[a→b]`` is (B, 2, H, W), x right then y down, in pixels of
its own resolution, on frame *a*'s grid. Content at *p* in *a* is at *p + flow(p)* in *b*.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

FlowScale = Literal["both", "height"]


def resize_flow(flow: Tensor, size: tuple[int, int], scale: FlowScale = "both") -> Tensor:
    """A flow at another resolution: bilinear with aligned corners; its values are scaled with its size.

    Args:
        flow: (B, 2, H, W); computed in its own type (float64 repeats the public code's roundings).
        size: (h, w).
        scale: "both" scales x by the width ratio and y by the height ratio. "height" scales both by the height ratio,
            as the public code of DA-VSN and TPS does. At an unchanged aspect ratio they are the same.
    """
    (height, width), (old_height, old_width) = size, flow.shape[-2:]
    resized = functional.interpolate(flow, size, mode="bilinear", align_corners=True)
    vertical = height / old_height
    if scale == "height":
        return resized * vertical
    return torch.stack([resized[:, 0] * (width / old_width), resized[:, 1] * vertical], 1)


def mirror_flow(flow: Tensor) -> Tensor:
    """The flow (B, 2, H, W) of frames that are mirrored left to right: columns are reversed and x is negated."""
    mirrored = flow.flip(-1)
    return torch.stack([-mirrored[:, 0], mirrored[:, 1]], 1)


def warp(x_b: Tensor, flow_ab: Tensor) -> tuple[Tensor, Tensor]:
    """Backward warp: bring frame b's content onto frame a's grid by bilinear sampling, as TPS does.

    Args:
        x_b: (B, C, h, w) on frame b's grid.
        flow_ab: (B, 2, h, w).

    Returns:
        (B, C, h, w) on frame a's grid, in x_b's type; a sample outside the frame takes the nearest border value.
        (B, h, w) bool, True where the sample lies inside the frame.
    """
    height, width = x_b.shape[-2:]
    x, y = _grid(flow_ab, torch.float32)  # positions are float32 in the public code; sampling is almost exact
    x, y = x + flow_ab[:, 0].float(), y + flow_ab[:, 1].float()
    valid = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    exact = _exact(x_b)
    x, y = x.to(exact) * (2 / max(width - 1, 1)) - 1, y.to(exact) * (2 / max(height - 1, 1)) - 1
    grid = torch.stack([x, y], -1)
    warped = functional.grid_sample(x_b.to(exact), grid, padding_mode="border", align_corners=True)
    return warped.to(x_b.dtype), valid


def splat(x_b: Tensor, flow_ab: Tensor) -> tuple[Tensor, Tensor]:
    """Forward splat by rounding, the propagation of DA-VSN (section 3.2 of the paper, as the public code computes it).

    The value at *p* goes to round(*p* − flow(*p*)), halves to even, computed in float64. If several values arrive at
    one pixel, the last one wins: columns are visited left to right, each column top to bottom.

    Args:
        x_b: (B, C, h, w) on frame b's grid.
        flow_ab: (B, 2, h, w), read at p on b's grid (the public code's approximation of the inverse flow).

    Returns:
        (B, C, h, w), differentiable in x_b, 0 where no value arrives.
        (B, h, w) bool, True where a value arrives.
    """
    batch, channels, height, width = x_b.shape
    pixels = height * width
    x, y = _grid(flow_ab, _exact(flow_ab))
    column, row = (x - flow_ab[:, 0]).round(), (y - flow_ab[:, 1]).round()
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    target = torch.where(inside, row * width + column, pixels).long().flatten(1)
    pixel = torch.arange(pixels, device=x_b.device)
    visit = pixel.view(width, height).t().expand(batch, -1, -1).flatten(1)  # pixel → its turn
    last = pixel.new_full((batch, pixels + 1), -1).scatter_reduce_(1, target, visit, "amax")[:, :pixels]
    visited = functional.pad(pixel.view(height, width).t().flatten(), (0, 1), value=pixels)  # turn → its pixel
    source = visited[last]  # where no value arrives, -1 takes the entry at the end
    padded = functional.pad(x_b.flatten(2), (0, 1))  # a pixel of zeros, where no value arrives
    splatted = padded.gather(2, source[:, None].expand(-1, channels, -1)).view(batch, channels, height, width)
    return splatted, (last >= 0).view(batch, height, width)


def _grid(flow: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Pixel coordinates x (1, 1, w) and y (1, h, 1)."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, dtype=dtype, device=flow.device)
    y = torch.arange(height, dtype=dtype, device=flow.device)
    return x.view(1, 1, -1), y.view(1, -1, 1)


def _exact(tensor: Tensor) -> torch.dtype:
    """The most precise floating type of the tensor's device: Apple's GPUs have no float64."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64
