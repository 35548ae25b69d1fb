"""Sliding windows: a network sees a frame in overlapping parts, so that its memory does not grow with the frame.

The logits of each part stretch over it with aligned corners, as in training on crops. Where parts overlap, their logits
are averaged. HRDA (Hoyer et al., ECCV 2022) predicts in this way, and so does most code that trains on crops.
"""

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from davsn.core.clip import Levels
from davsn.core.errors import ConfigError
from davsn.ops.resize import upsample

SMALLEST = 32
"""The smallest side of a window in pixels: encoders reduce frames by up to 32."""
MOST_OVERLAP = 0.9
"""The largest overlap; with it, a point is in up to a hundred windows."""

Box = tuple[int, int, int, int]
"""A part of a frame: its first row, its first column, its height and its width, in pixels."""


@dataclass(frozen=True)
class Window:
    """The windows that a frame is cut into.

    Attributes:
        width: in pixels of the network's input.
        height: in pixels of the network's input.
        overlap: smallest share of a window's side that it shares with the next window.

    Raises:
        ConfigError: the window is too small, or the overlap is not from 0 to 0.9.
    """

    width: int
    height: int
    overlap: float = 0.5

    def __post_init__(self) -> None:
        mistakes = []
        if min(self.width, self.height) < SMALLEST:
            mistakes.append(
                f"--window  {self.width}×{self.height} is too small: take at least {SMALLEST} pixels a side"
            )
        if not 0 <= self.overlap <= MOST_OVERLAP:
            mistakes.append(
                f"--overlap  should be a share of the window from 0 to {MOST_OVERLAP}, but got {self.overlap}"
            )
        if mistakes:
            raise ConfigError("sliding windows", mistakes)

    def boxes(self, size: tuple[int, int]) -> list[Box]:
        """The windows on a frame of the size (H, W), evenly spread. They have one size, and cover every pixel."""
        height, width = min(self.height, size[0]), min(self.width, size[1])
        tops, lefts = _starts(size[0], height, self.overlap), _starts(size[1], width, self.overlap)
        return [(top, left, height, width) for top, left in itertools.product(tops, lefts)]


def window_of(size: tuple[int, int] | None, overlap: float | None) -> Window | None:
    """The window that a user asks for; None without a size.

    Args:
        size: (width, height) in pixels of the network's input.
        overlap: see :class:`Window`; None is its default.

    Raises:
        ConfigError: a mistake in either, or an overlap without a size.
    """
    if size is None and overlap is not None:
        raise ConfigError("sliding windows", ["--overlap  needs windows: give their size with --window WIDTH HEIGHT"])
    if size is None:
        return None
    return Window(*size) if overlap is None else Window(*size, overlap)


def slid(
    network: Callable[[Tensor], Levels], images: Tensor, window: Window, size: tuple[int, int] | None = None
) -> Levels:
    """The logits of images from overlapping windows. One window passes the network at a time.

    Args:
        network: gives the logits of a window.
        images: (B, 3, H, W).
        window: see :class:`Window`.
        size: (h, w) of the result; None: the frame's, or whatever the network gives if one window covers the frame.

    Returns:
        (B, C, h, w) in float32 if there are several windows.
    """
    frame = (images.shape[-2], images.shape[-1])
    boxes = window.boxes(frame)
    if len(boxes) == 1:
        whole = network(images)
        return whole if size is None else whole.each(functools.partial(upsample, size=size))
    size = size or frame
    sums: dict[str, Tensor] = {}
    counts = images.new_zeros(size)
    for box in boxes:
        rows, columns = cells_of(box, frame, size)
        counts[rows, columns] += 1
        for name, logits in network(part_of(images, box)).named.items():
            if name not in sums:
                sums[name] = logits.new_zeros((*logits.shape[:2], *size), dtype=torch.float32)
            sums[name][..., rows, columns] += placed(logits, box, frame, size)
    return Levels(**{name: total / counts for name, total in sums.items()})


def part_of(images: Tensor, box: Box) -> Tensor:
    """A part of images (B, 3, H, W)."""
    top, left, height, width = box
    return images[..., top : top + height, left : left + width]


def cells_of(box: Box, frame: tuple[int, int], size: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of a map that lie in a part of the frame. The corners of the map are those of the frame.

    Args:
        box: the part.
        frame: (H, W) of the frame in pixels.
        size: (h, w) of the map.
    """
    (rows, _), (columns, _) = _inside(box[0], box[2], frame[0], size[0]), _inside(box[1], box[3], frame[1], size[1])
    return rows, columns


def placed(logits: Tensor, box: Box, frame: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """The logits of a part of a frame, at the points of a map of the whole frame that lie in the part.

    Args:
        logits: (B, C, h_i, w_i), which stretch over the part with aligned corners.
        box: the part.
        frame: (H, W) of the frame in pixels.
        size: (h, w) of the map.

    Returns:
        (B, C, rows, columns) float32, for the rows and columns of :func:`cells_of`.
    """
    (_, y), (_, x) = _inside(box[0], box[2], frame[0], size[0]), _inside(box[1], box[3], frame[1], size[1])
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).to(logits.device, non_blocking=True)
    with torch.autocast(logits.device.type, enabled=False):
        points = grid.expand(len(logits), -1, -1, -1)
        return grid_sample(logits.float(), points, mode="bilinear", padding_mode="border", align_corners=True)


def _starts(length: int, window: int, overlap: float) -> list[int]:
    """Where windows of one side length begin, so that they cover the length and overlap by at least the share."""
    free = length - window
    count = math.ceil(free / max(1, math.floor(window * (1 - overlap)))) + 1
    return [round(number * free / max(1, count - 1)) for number in range(count)]


def _inside(start: int, extent: int, length: int, cells: int) -> tuple[slice, Tensor]:
    """The cells of a map whose points lie in a part of a frame, along one side; and where, from -1 to 1 in the part.

    A pixel reaches half its width to each side, so that neighbouring parts leave no point out.
    """
    spacing = (length - 1) / max(1, cells - 1) or 1.0
    first = max(0, math.ceil((start - 0.5) / spacing))
    last = min(cells - 1, math.floor((start + extent - 0.5) / spacing))
    positions = spacing * torch.arange(first, last + 1, dtype=torch.float64) - start
    return slice(first, last + 1), (2 * positions / max(1, extent - 1) - 1).float()
