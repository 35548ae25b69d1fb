"""Draws masks, flow and frames side by side. All images are (H, W, 3) uint8 RGB."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torchvision.utils import flow_to_image

from davsn.data.painting import colourise, overlay
from davsn.ops.arrays import to_arrays, to_tensor

__all__ = ["Picture", "colourise", "flow_wheel", "overlay", "strip"]

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""

_GAP = 6
_WHITE = 255


def flow_wheel(flow: NDArray[np.floating], fastest: float | None = None) -> Picture:
    """Colour a flow by the wheel of Baker et al., "A Database and Evaluation Methodology for Optical Flow" (2011).

    The hue is the direction (right is red, down is yellow, left is cyan, up is purple); the strength is the speed.

    Args:
        flow: (H, W, 2), x right then y down, in pixels; values that are not finite become black.
        fastest: the speed of full strength, in pixels; None: the highest speed of this flow.

    Returns:
        (H, W, 3) uint8 RGB; white means no motion.
    """
    known = np.isfinite(flow).all(-1)
    still = np.where(known[..., None], flow, 0).astype(np.float32)
    speed = np.linalg.norm(still, axis=-1, keepdims=True)
    full = fastest or max(float(speed.max()), 1e-6)
    shown = still / np.maximum(speed, full)
    # torchvision gives the fastest pixel full strength. A column of such pixels keeps the scale the same for any flow.
    padded = np.pad(shown, ((0, 0), (0, 1), (0, 0)))
    padded[:, -1] = 1, 0
    coloured = flow_to_image(to_tensor([padded])[0])
    colours: Picture = to_arrays(coloured[None, :, :, :-1])[0]
    colours[~known] = 0
    return colours


def strip(rows: Mapping[str, Sequence[Picture]], height: int = 120) -> Picture:
    """Draw rows of images on white, each row with its name to the left.

    Args:
        rows: name → images, left to right.
        height: the height of a row in pixels; the images keep their proportions.

    Raises:
        ValueError: there are no images.
    """
    if not any(rows.values()):
        raise ValueError("a strip needs at least one image")
    font = ImageFont.load_default(max(height / 8, 10.0))
    names = {name: _text(name, font) for name in rows}
    column = max(name.shape[1] for name in names.values())
    lines = [_line(names[name], column, pictures, height) for name, pictures in rows.items()]
    width = max(line.shape[1] for line in lines)
    padded = [np.pad(line, ((0, _GAP), (0, width - line.shape[1]), (0, 0)), constant_values=_WHITE) for line in lines]
    return np.concatenate(padded)[:-_GAP]


def _line(name: Picture, column: int, pictures: Sequence[Picture], height: int) -> Picture:
    """Draw one row of a strip: the name in a column of its own, then the images."""
    label = np.full((height, column, 3), _WHITE, np.uint8)
    top = max((height - name.shape[0]) // 2, 0)
    shown = name[:height]
    label[top : top + len(shown), : name.shape[1]] = shown
    gap = np.full((height, _GAP, 3), _WHITE, np.uint8)
    parts = [label]
    for picture in pictures:
        width = max(round(picture.shape[1] * height / picture.shape[0]), 1)
        parts += [gap, cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)]
    return np.concatenate(parts, 1)


def _text(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Picture:
    """Draw black text on white, in an image just large enough for it."""
    left, top, right, bottom = map(int, font.getbbox(text or " "))
    image = Image.new("RGB", (max(right - left, 1) + 2, max(bottom - top, 1) + 2), "white")
    ImageDraw.Draw(image).text((1 - left, 1 - top), text, "black", font)
    return np.array(image)
