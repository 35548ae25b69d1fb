"""The noise that textures are made of: a periodic image, sampled at any place."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from davsn.streets.camera import Floats

TILE = 256
"""The period of the noise, in its pixels."""


@cache
def _tile() -> Floats:
    """A periodic noise image, about -1 to 1, fine and coarse. The first row and column are repeated at the end."""
    rng = np.random.default_rng(20)
    total = np.zeros((TILE, TILE), np.float32)
    for cell, weight in ((1, 0.5), (4, 0.5), (16, 0.5)):
        coarse = rng.uniform(-1, 1, (TILE // cell, TILE // cell)).astype(np.float32)
        wrapped = np.pad(coarse, 2, mode="wrap")
        size = wrapped.shape[0] * cell
        large = cv2.resize(wrapped, (size, size), interpolation=cv2.INTER_LINEAR)
        total += weight * large[2 * cell : 2 * cell + TILE, 2 * cell : 2 * cell + TILE]
    return np.pad(total, (0, 1), mode="wrap")


def sample(u: NDArray[np.floating], v: NDArray[np.floating]) -> Floats:
    """The values of the noise at positions in its pixels, of any shape."""
    if not u.size:
        return np.zeros(u.shape, np.float32)
    rows = -(-u.size // TILE)  # OpenCV needs positions as a 2-D map, with no side above 32766
    u_map, v_map = (np.resize(np.mod(place, TILE).astype(np.float32), (rows, TILE)) for place in (u, v))
    found = cv2.remap(_tile(), u_map, v_map, cv2.INTER_LINEAR)
    return np.asarray(found.reshape(-1)[: u.size].reshape(u.shape))
