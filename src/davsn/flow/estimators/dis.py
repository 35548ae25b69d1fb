"""DIS, the default estimator: accurate enough to help, needs no weights, runs in the loader's workers."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from davsn.core.settings import Settings
from davsn.flow.estimator import FlowEstimator
from davsn.ops.arrays import to_arrays, to_tensor

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
_SMALLEST = 32
"""Pixels. Smaller frames are padded to this, because the search needs room for its patches on a coarse level."""


class Dis(FlowEstimator):
    """OpenCV's DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016)."""

    class Config(Settings):
        """The trade of speed for accuracy."""

        preset: Literal["ultrafast", "fast", "medium"] = "medium"
        """The speed of the search. At 1024×512 on one thread a pair takes about 5, 10 or 46 ms, in this order."""

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config

    def estimate(self, frames_a: Tensor, frames_b: Tensor) -> Tensor:
        """The flow a→b, estimated on the CPU, pair by pair; see :meth:`FlowEstimator.estimate`."""
        pairs = zip(_grey(frames_a), _grey(frames_b), strict=True)
        return to_tensor([self._pair(a, b) for a, b in pairs]).to(frames_a.device)

    def _pair(self, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = a.shape
        pad = max(_SMALLEST - height, 0), max(_SMALLEST - width, 0)
        a, b = (cv2.copyMakeBorder(frame, 0, pad[0], 0, pad[1], cv2.BORDER_REPLICATE) for frame in (a, b))
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # the search makes one stripe per thread; the result must not depend on their number
        try:
            flow = cv2.DISOpticalFlow.create(_PRESETS[self.config.preset]).calc(a, b, None)
        finally:
            cv2.setNumThreads(threads)
        return np.ascontiguousarray(flow[:height, :width], np.float32)


def _grey(frames: Tensor) -> list[NDArray[np.uint8]]:
    """The 8-bit brightness (H, W) of each frame of (B, 3, H, W)."""
    pictures = to_arrays((frames.detach().clamp(0, 1) * 255).round().byte())
    return [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
