"""Drawing the regions of an annotation into a label map: polygons with holes, circles, and masks."""

import io
import zlib
from base64 import b64decode
from collections.abc import Sequence
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from davsn.core.errors import DataError
from davsn.data.images import PIXEL_LIMIT

Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False, strict=False)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Ring = Annotated[list[Point], Field(max_length=100_000)]
"""A polygon's corners [x, y] in pixels. More corners than this, or points further away, are no label."""
_BYTES = 64 << 20
_BAD = "holds a mask that cannot be read"


def draw_polygon(label: NDArray[np.uint8], rings: Sequence[Sequence[Sequence[float]]], value: int) -> None:
    """Fill a polygon; rings inside the first one are holes. Rings with fewer than three corners have no area."""
    corners = [np.rint(np.array(ring)).astype(np.int32) for ring in rings if len(ring) >= 3]
    if corners:
        cv2.fillPoly(label, corners, value)


def draw_rectangle(label: NDArray[np.uint8], corners: Sequence[Sequence[float]], value: int) -> None:
    """Fill the rectangle between two opposite corners."""
    (left, top), (right, bottom) = corners[0], corners[-1]
    draw_polygon(label, [[(left, top), (right, top), (right, bottom), (left, bottom)]], value)


def draw_circle(label: NDArray[np.uint8], points: Sequence[Sequence[float]], value: int) -> None:
    """Fill a circle, given by its centre and a point on its rim. No circle is larger than twice the image."""
    centre, rim = np.array(points[0]), np.array(points[1])
    radius = min(float(np.hypot(*(rim - centre))), 2.0 * max(label.shape))
    cv2.circle(label, np.rint(centre).astype(int).tolist(), round(radius), value, -1)


def draw_mask(label: NDArray[np.uint8], mask: NDArray[np.bool_], origin: Sequence[float], value: int) -> None:
    """Set the pixels of a mask (h, w) whose corner is at [x, y]; what is outside the label map is left out."""
    left, top = (round(part) for part in origin)
    y, x = np.nonzero(mask)
    y, x = y + top, x + left
    inside = (y >= 0) & (x >= 0) & (y < label.shape[0]) & (x < label.shape[1])
    label[y[inside], x[inside]] = value


def decode_mask(data: str, where: str, compressed: bool = False) -> NDArray[np.bool_]:
    """Decode a mask (h, w) from the base64 text of a PNG. With transparency, what is opaque is the mask.

    Args:
        data: the text.
        where: the file, for errors.
        compressed: whether the PNG is packed by zlib, as Supervisely does.

    Raises:
        DataError: it is no such text, or its image is too large.
    """
    try:
        content = b64decode(data, validate=True)
        if compressed:
            unpacked = zlib.decompressobj()
            content = unpacked.decompress(content, _BYTES)
            if unpacked.unconsumed_tail:
                raise DataError(f"{_BAD}: it is larger than {_BYTES >> 20} MiB", where, "Export it again")
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.width * image.height > PIXEL_LIMIT:
                raise DataError(f"{_BAD}: it claims {image.width}x{image.height} pixels", where, "Export it again")
            clear = image.mode in ("LA", "RGBA") or "transparency" in image.info
            pixels = np.array(image.convert("RGBA" if clear else "L"))
    except (ValueError, zlib.error, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{_BAD} ({type(error).__name__})", where, "Export it again") from None
    return np.asarray((pixels[..., 3] if pixels.ndim == 3 else pixels) > 0)
