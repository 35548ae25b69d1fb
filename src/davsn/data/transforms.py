"""Transforms of a whole clip. They change frames, label maps and flow together, so that these still match.

Every transform is a pure function; its randomness comes from the generator given. All flow arithmetic is in
:mod:`davsn.ops.warp`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import interpolate

from davsn.core.clip import IGNORE, Clip
from davsn.core.errors import DataError
from davsn.ops.arrays import to_arrays, to_tensor
from davsn.ops.warp import mirror_flow, resize_flow

Size = tuple[int, int] | int
"""The size of resized frames: (width, height) for all; or the height alone, and each frame keeps its own aspect. The
width is then rounded to a multiple of 8."""
_STRIDE = 8
"""Widths that follow the aspect are multiples of this; networks reduce frames by powers of two."""
_STRIP = 8
"""Rows or columns at a border that determine the two outermost ones of half the size. Two more come out, unused."""
_WINDOWS = 10
"""Number of windows that a crop draws at most, as in DAFormer's code."""
_REDS = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in the brightness (BT.601)."""


def fitted(native: tuple[int, int], size: Size | None) -> tuple[int, int]:
    """The (width, height) that a frame of a native (width, height) is resized to; see :data:`Size`. None: native."""
    if isinstance(size, int):
        return max(_STRIDE, round(size * native[0] / native[1] / _STRIDE) * _STRIDE), size
    return native if size is None else size


def resize_frame(frame: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize a frame, bicubic with antialiasing, on bytes. All published scores of these methods used this.

    Args:
        frame: (H, W, 3) uint8.
        size: see :data:`Size`.

    Returns:
        (height, width, 3) uint8; the frame itself if it has this size.
    """
    size = fitted((frame.shape[1], frame.shape[0]), size)
    if frame.shape[1::-1] == size:
        return frame
    if frame.shape[1::-1] == (2 * size[0], 2 * size[1]) and size[0] >= size[1] >= _STRIP and _torch_halves():
        return _halved(frame)
    return _bicubic(frame, size)


def resize_label(label: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a label map by the nearest pixel.

    Args:
        label: (H, W) uint8.
        size: (width, height) of the result.

    Returns:
        (height, width) uint8; the label map itself if it has this size.
    """
    if label.shape[::-1] == size:
        return label
    return np.array(Image.fromarray(label).resize(size, Image.Resampling.NEAREST))


def flow_to_size(clip: Clip, size: tuple[int, int]) -> Clip:
    """Resize a clip's flow and valid masks to (width, height), and scale the flow's values accordingly.

    A pixel of the result is valid if every pixel that contributes to it is valid.
    """
    target = size[::-1]
    flows, valid = dict(clip.flows), dict(clip.valid)
    for pair, flow in clip.flows.items():
        if flow.shape[:2] != target:
            flows[pair] = to_arrays(resize_flow(to_tensor([flow]), target))[0]
    for pair, mask in clip.valid.items():
        if mask.shape != target:
            share = torch.from_numpy(mask.astype(np.float32))[None, None]
            share = interpolate(share, target, mode="bilinear", align_corners=True)
            valid[pair] = (share[0, 0] > 1 - 1e-4).numpy()  # values this near 1 are below it by rounding only
    return replace(clip, flows=flows, valid=valid)


def each_frame(clip: Clip, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Clip:
    """Change every frame of a clip, the latest first. A frame that stands at two offsets is changed once."""
    done: dict[int, NDArray[np.uint8]] = {}
    for _, frame in sorted(clip.frames.items(), reverse=True):
        if id(frame) not in done:
            done[id(frame)] = change(frame)
    return replace(clip, frames={offset: done[id(frame)] for offset, frame in clip.frames.items()})


def rescale(clip: Clip, limits: tuple[float, float], window: tuple[int, int], generator: np.random.Generator) -> Clip:
    """Resize frames and label map by one random factor, drawn uniformly between two limits.

    A factor at which the window of a later crop does not fit is never drawn. Flow keeps its resolution, as always when
    frames are resized; the crop brings it to the frames' size.

    Args:
        clip: its label map, if any, has the frames' size.
        limits: the smallest and the largest factor.
        window: (width, height) of the crop.
        generator: draws the factor.
    """
    rows, columns = clip.frames[0].shape[:2]
    low, high = limits
    fits = max(window[0] / columns, window[1] / rows)
    factor = generator.uniform(min(max(low, fits), high), high)
    size = (round(factor * columns), round(factor * rows))
    clip = each_frame(clip, lambda frame: resize_frame(frame, size))
    return clip if clip.labels is None else replace(clip, labels=resize_label(clip.labels, size))


def crop(clip: Clip, size: tuple[int, int], generator: np.random.Generator, limit: float | None = None) -> Clip:
    """Crop one random window of (width, height) from everything in a clip. Flow is first resized to the frames' size.

    Args:
        clip: what to crop.
        size: (width, height) of the window.
        generator: draws the window.
        limit: draw again, up to ten windows in all, while one class fills more than this share of the window's labelled
            pixels. The tenth window is taken as it is. Without a label map, or with null, the first one is.

    Raises:
        DataError: the window is larger than the frames.
    """
    (width, height), (rows, columns) = size, clip.frames[0].shape[:2]
    if width > columns or height > rows:
        raise DataError(
            f"a crop of {width}x{height} does not fit a frame of {columns}x{rows}",
            clip.name,
            "Make 'crop' smaller or 'size' larger",
        )
    for _ in range(_WINDOWS):
        top, left = int(generator.integers(rows - height + 1)), int(generator.integers(columns - width + 1))
        window = np.s_[top : top + height, left : left + width]
        if limit is None or clip.labels is None or _largest_share(clip.labels[window]) <= limit:
            break
    clip = each_frame(flow_to_size(clip, (columns, rows)), lambda frame: frame[window])
    return replace(
        clip,
        flows={pair: flow[window] for pair, flow in clip.flows.items()},
        valid={pair: mask[window] for pair, mask in clip.valid.items()},
        labels=None if clip.labels is None else clip.labels[window],
    )


def mirror(clip: Clip) -> Clip:
    """Mirror everything in a clip left to right. The x of the flow changes its sign."""
    return replace(
        each_frame(clip, lambda frame: frame[:, ::-1]),
        flows={pair: to_arrays(mirror_flow(to_tensor([flow])))[0] for pair, flow in clip.flows.items()},
        valid={pair: mask[:, ::-1] for pair, mask in clip.valid.items()},
        labels=None if clip.labels is None else clip.labels[:, ::-1],
    )


def colour(clip: Clip, strength: float, generator: np.random.Generator) -> Clip:
    """Change brightness, contrast, saturation and hue at random, in the same way for every frame of the clip.

    All four changes are affine in RGB, so one matrix applies them. At strength 1 the first three are factors in
    [0.2, 1.8], and hue turns by up to a fifth of the circle, as in the strong augmentation of TPS.
    """
    brightness, contrast, saturation = generator.uniform(1 - 0.8 * strength, 1 + 0.8 * strength, 3)
    angle = generator.uniform(-0.2, 0.2) * strength * 2 * np.pi
    grey = np.tile(_REDS, (3, 1))
    chroma = saturation * _hue(angle) @ (np.eye(3) - grey)
    centre = 127.5 * brightness * (1 - contrast)  # contrast keeps mid-grey, not a frame's mean: frames still match
    matrix = np.column_stack([brightness * contrast * (grey + chroma), np.full(3, centre)])
    return each_frame(clip, lambda frame: np.asarray(cv2.transform(np.ascontiguousarray(frame), matrix), np.uint8))


def _largest_share(label: NDArray[np.uint8]) -> float:
    """The share of the labelled pixels that the largest class has; 1 if no pixel is labelled."""
    counts = np.bincount(label.ravel(), minlength=IGNORE + 1)[:IGNORE]
    return float(counts.max() / counts.sum()) if counts.any() else 1.0


def _hue(angle: float) -> NDArray[np.float64]:
    """The (3, 3) rotation of RGB about the grey axis by an angle in radians (Rodrigues' formula)."""
    axis = np.full(3, 1 / np.sqrt(3))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    rotation: NDArray[np.float64] = (
        np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(axis, axis)
    )
    return rotation


def _bicubic(frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.array(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))


def _halved(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Halve a frame. The result equals that of :func:`_bicubic` bit for bit, and takes a fifth of the time.

    At this scale the filter's weights are whole 256ths. So a fixed-point implementation rounds nothing but its results,
    first those of the columns, then those of the rows. At the borders the weights differ; Pillow computes these.
    """
    height, width = frame.shape[0] // 2, frame.shape[1] // 2
    # This is a view. The copy that to_tensor makes would take longer than halving.
    tensor = torch.from_numpy(np.require(frame, requirements=["C", "W"]))[None].permute(0, 3, 1, 2)
    half = interpolate(tensor, (height, width), mode="bicubic", antialias=True)[0].permute(1, 2, 0).numpy()
    for strip, edge in ((np.s_[:_STRIP], np.s_[:2]), (np.s_[-_STRIP:], np.s_[-2:])):
        half[edge] = _bicubic(frame[strip], (width, _STRIP // 2))[edge]
        columns = _bicubic(frame[:, strip], (_STRIP // 2, 2 * height))  # alone, or Pillow may do rows first
        half[:, edge] = _bicubic(columns, (_STRIP // 2, height))[:, edge]
    return np.ascontiguousarray(half)


@cache
def _torch_halves() -> bool:
    """Whether PyTorch has its fast kernel for bytes on this processor, and its result equals this Pillow's."""
    frame = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    return "AVX" in torch.backends.cpu.get_cpu_capability() and bool(
        (_halved(frame) == _bicubic(frame, (48, 32))).all()
    )
