"""The prediction of a network for one frame, as writers get it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
"""A predicted mask: (H, W) uint8 train ids."""


class Labelled(NamedTuple):
    """The prediction for a frame, at the frame's own size.

    Attributes:
        mask: (H, W) uint8 train ids.
        probabilities: (C, H, W) float32 in [0, 1] that add up to 1 over the classes; None unless requested.
    """

    mask: Mask
    probabilities: NDArray[np.float32] | None = None

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]: the largest probability of each pixel. The probabilities must be there."""
        assert self.probabilities is not None, "request the probabilities"
        largest: NDArray[np.float32] = self.probabilities.max(0)
        return largest
