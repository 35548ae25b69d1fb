"""The flow files of Virtual KITTI 2: 16-bit PNG as KITTI's, but as a share of the picture's size.

A value v of the first channel is (2 v / 65535 - 1) · (width - 1) pixels to the right, one of the second the same of the
height downwards, and 0 in the third means unknown, as it is for the sky. KITTI's own rule reads these files without an
error, and wrongly.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from davsn.errors import FlowError
from davsn.flow.files import Flow, read_wide
from davsn.saving import replacing

_LARGEST = 65535


def read_relative(path: Path) -> Flow:
    """(H, W, 2) float32 flow of such a file, 0 where it is unknown, and (H, W) where it is known.

    Raises:
        FlowError: it cannot be read, or is of another kind.
    """
    try:
        stored = read_wide(path)
    except OSError as error:
        raise FlowError(f"cannot be read ({error.strerror or error})", str(path), "Copy the file again") from None
    known = stored[..., 2] > 0
    flow = (stored[..., :2].astype(np.float32) * np.float32(2 / _LARGEST) - 1) * _reach(known)
    return np.where(known[..., None], flow, np.float32(0)), known


def write_relative(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> None:
    """Write such a file. What leads further than the picture is wide or high has no value, and counts as unknown.

    Args:
        path: ends in ``.png``.
        flow: (H, W, 2) pixels.
        known: (H, W).
    """
    share = flow / _reach(known)
    known = known & (np.abs(share) <= 1).all(-1)
    values = np.rint((np.where(known[..., None], share, -1) + 1) * (_LARGEST / 2)).astype(np.uint16)
    wide = np.where(known, _LARGEST, 0).astype(np.uint16)
    content = cv2.imencode(".png", np.dstack([wide, values[..., 1], values[..., 0]]))[1]
    with replacing(path) as temporary:
        temporary.write_bytes(bytes(content))


def _reach(known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(2,) the pixels that a share of 1 means."""
    height, width = known.shape
    return np.array([width - 1, height - 1], np.float32)
