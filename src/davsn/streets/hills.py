"""The height of the ground in hilly clips, and where rays meet it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

FURTHEST = 600.0
"""Metres of depth beyond which no ground is looked for."""
_FIRST, _GROWTH = 3.0, 1.22
"""The depth in metres of the first place that is looked at, and how much further away each next place is."""
TURN = 2 * np.pi
"""Radians."""
_REFINED = 5
"""How often a depth is refined between two places."""


@dataclass(frozen=True, eq=False)
class Hills:
    """The height of the ground: a sum of sines in the plane.

    Attributes:
        waves: (n, 4) amplitude in metres, radians a metre along x and along y, and phase of each sine.
    """

    waves: Array

    @property
    def steepest(self) -> float:
        """A slope that the ground exceeds nowhere, as a tangent."""
        return float((self.waves[:, 0] * np.hypot(self.waves[:, 1], self.waves[:, 2])).sum())

    def height(self, x: Array | float, y: Array | float) -> Array:
        """The height in metres at points of any shape."""
        return np.asarray(sum(a * np.sin(u * x + v * y + p) for a, u, v, p in self.waves.tolist()))

    def gradient(self, x: Array | float, y: Array | float) -> tuple[Array, Array]:
        """The slopes along x and along y at points of any shape, as tangents."""
        along, across = 0.0 * np.asarray(x), 0.0 * np.asarray(x)
        for a, u, v, p in self.waves.tolist():
            wave = a * np.cos(u * x + v * y + p)
            along, across = along + u * wave, across + v * wave
        return along, across

    def rise(self, x: float, y: float, heading: float) -> Array:
        """The angle in radians by which the ground rises in a direction."""
        along, across = self.gradient(x, y)
        return np.asarray(np.arctan(along * np.cos(heading) + across * np.sin(heading)))

    def met_by(self, rays: Array, origin: Array) -> Array:
        """The depth at which rays first meet the ground; infinite where they do not, up to ``FURTHEST``.

        The heights are compared at depths that grow by a constant factor, and the first crossing is then refined by
        regula falsi (the Illinois form). A crest may be missed if a ray is below it over less than one such step.

        Args:
            rays: (3, H, W) directions of length 1 along the forward axis.
            origin: (3,) the camera, above the ground.
        """
        cast = _Rays.of(rays.reshape(3, -1).astype(np.float32), origin, self)
        flat = np.hypot(*rays[:2]).reshape(-1)
        depth = np.full(flat.shape, np.inf, np.float32)
        open_ = np.flatnonzero(cast.rise < self.steepest * flat)
        near, far, above = 0.0, _FIRST, cast.over(open_, 0.0)
        while len(open_) and near < FURTHEST:
            over = cast.over(open_, far)
            hit = over <= 0
            found = open_[hit]
            depth[found] = _refined(cast, found, (near, far), (above[hit], over[hit]))
            open_, above, near, far = open_[~hit], over[~hit], far, far * _GROWTH
        return depth.reshape(rays.shape[1:])


class _Rays(NamedTuple):
    """N rays above hills. Single precision is enough, since phases are counted from the camera.

    Attributes:
        start: the height of the camera.
        rise: (N,) metres that the rays rise for each metre of depth.
        waves: for each sine its amplitude, the (N,) radians for each metre of depth, and its phase at the camera.
    """

    start: np.float32
    rise: Array
    waves: list[tuple[np.float32, Array, np.float32]]

    @classmethod
    def of(cls, rays: Array, origin: Array, hills: Hills) -> "_Rays":
        x, y, z = rays
        waves = [
            (
                np.float32(a),
                np.float32(u) * x + np.float32(v) * y,
                np.float32((u * origin[0] + v * origin[1] + p) % TURN),
            )
            for a, u, v, p in hills.waves.tolist()
        ]
        return cls(np.float32(origin[2]), z, waves)

    def over(self, chosen: NDArray[np.int64], depth: Array | float) -> Array:
        """The height (M,) of the chosen rays above the ground at a depth."""
        height = self.start + depth * self.rise[chosen]
        for amplitude, pace, phase in self.waves:
            height -= amplitude * np.sin(phase + depth * pace[chosen])
        return np.asarray(height)


def _refined(
    cast: _Rays, chosen: NDArray[np.int64], depths: tuple[float, float], heights: tuple[Array, Array]
) -> Array:
    """The depths (M,) where rays meet the ground between two depths, from the heights (M,) above it there."""
    (near, far), (above, below) = (np.full(chosen.shape, depth, np.float32) for depth in depths), heights
    middle, last = far, np.zeros(chosen.shape, np.float32)
    for _ in range(_REFINED):
        middle = near + (far - near) * above / np.maximum(above - below, np.float32(1e-9))
        over = cast.over(chosen, middle)
        up, sign = over > 0, np.sign(over)
        again = sign == last
        above = np.where(up, over, np.where(again, np.float32(0.5) * above, above))
        below = np.where(up, np.where(again, np.float32(0.5) * below, below), over)
        near, far, last = np.where(up, middle, near), np.where(up, far, middle), sign
    return np.asarray(middle)
