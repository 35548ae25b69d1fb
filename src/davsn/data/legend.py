"""The legend of an overlay: the name and the colour of every class, in a strip below the frame."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from davsn.data.labels.taxonomy import Taxonomy

_SMALLEST = 11
"""Height of the letters in pixels, at the least: smaller ones cannot be read."""
_SHARE = 60
"""The width of a wide frame divided by the height of its legend's letters."""
_PAPER, _INK = (24, 24, 24), (255, 255, 255)


@lru_cache(maxsize=16)
def legend(taxonomy: Taxonomy, width: int) -> NDArray[np.uint8]:
    """Draw the legend of a class table: a square of each class's colour, then its name, in rows.

    Args:
        taxonomy: the class table.
        width: the width of the strip in pixels. A name that is wider is cut.

    Returns:
        (h, width, 3) uint8 RGB, with as many rows of classes as the width needs; read-only.
    """
    height = max(_SMALLEST, width // _SHARE)
    font, gap, row = _font(height), height // 2, height * 3 // 2
    placed, left, top = [], gap, gap // 2
    for name, colour in zip(taxonomy.names, taxonomy.colours, strict=True):
        wide = height + gap // 2 + round(font.getlength(name)) + gap
        if left > gap and left + wide > width:
            left, top = gap, top + row
        placed.append((left, top, name, colour))
        left += wide
    strip = Image.new("RGB", (width, top + row), _PAPER)
    draw = ImageDraw.Draw(strip)
    for left, top, name, colour in placed:
        draw.rectangle((left, top, left + height - 1, top + height - 1), colour, _INK)
        draw.text((left + height + gap // 2, top + height // 2), name, _INK, font, anchor="lm")
    drawn = np.array(strip)
    drawn.flags.writeable = False  # it is kept for the next frame
    return drawn


def _font(height: int) -> ImageFont.FreeTypeFont:
    """A font with Latin, Greek and Cyrillic letters. Pillow's own has English ones alone."""
    import matplotlib  # takes long to import, and few commands draw a legend

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), height)
