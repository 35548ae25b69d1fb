"""The flow files of Virtual KITTI 2: 16-bit PNG as KITTI's, but as a share of the picture's size.

A value v of the first channel is (2 v / 65535 - 1) · (width - 1) pixels to the right, one of the second the same of the
height downwards, and 0 in the third means unknown, as it is for the sky. KITTI's own rule reads these files without an
error, and wrongly.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.flow.files.io import Flow, read_flow, write_flow


def read_relative(path: Path) -> Flow:
    """(H, W, 2) float32 flow of such a file, 0 where it is unknown, and (H, W) where it is known.

    Raises:
        FlowError: it cannot be read, or is of another kind.
    """
    flow, known = read_flow(path, "vkitti")
    return flow, np.ones(flow.shape[:2], bool) if known is None else known


def write_relative(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> None:
    """Write such a file. What leads further than the picture is wide or high has no value, and counts as unknown.

    Args:
        path: ends in ``.png``.
        flow: (H, W, 2) pixels.
        known: (H, W).
    """
    height, width = known.shape
    write_flow(path, flow, known & (np.abs(flow) <= (width - 1, height - 1)).all(-1), "vkitti")
