"""The flow files of Virtual KITTI 2: 16-bit PNG like KITTI's, but the values are shares of the image's size.

A value v in the first channel means (2 v / 65535 - 1) · (width - 1) pixels to the right. In the second channel it means
(2 v / 65535 - 1) · (height - 1) pixels downwards. A 0 in the third channel means unknown, as in the sky. If these files
are read by KITTI's own rule, there is no error, but the values are wrong.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.flow.files.io import Flow, read_flow, write_flow


def read_relative(path: Path) -> Flow:
    """Read a Virtual KITTI flow file: (H, W, 2) float32 flow, 0 where it is unknown, and the (H, W) mask of known flow.

    Raises:
        FlowError: the file cannot be read, or is of another kind.
    """
    flow, known = read_flow(path, "vkitti")
    return flow, np.ones(flow.shape[:2], bool) if known is None else known


def write_relative(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> None:
    """Write a Virtual KITTI flow file. Motion beyond the image's width or height cannot be stored, and becomes unknown.

    Args:
        path: the file; its name ends in ``.png``.
        flow: (H, W, 2) in pixels.
        known: (H, W) mask of known flow.
    """
    height, width = known.shape
    write_flow(path, flow, known & (np.abs(flow) <= (width - 1, height - 1)).all(-1), "vkitti")
