"""The height of the ground in hilly clips, and where rays meet it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

FURTHEST = 600.0
"""Metres of depth beyond which no ground is looked for."""
_FIRST, _GROWTH = 3.0, 1.22
"""The depth in metres of the first place that is looked at, and how much further away each next place is."""
_REFINED = 6
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
        x, y, z = rays.reshape(3, -1)
        depth = np.full(x.shape, np.inf, np.float32)
        open_ = np.flatnonzero(z < self.steepest * np.hypot(x, y))
        near, above = 0.0, np.full(len(open_), origin[2] - self.height(origin[0], origin[1]))
        far = _FIRST
        while len(open_) and near < FURTHEST:
            over = self._over(x[open_], y[open_], z[open_], origin, far)
            hit = over <= 0
            found = open_[hit]
            depth[found] = self._refined(x[found], y[found], z[found], origin, (near, far), (above[hit], over[hit]))
            open_, above, near, far = open_[~hit], over[~hit], far, far * _GROWTH
        return depth.reshape(rays.shape[1:])

    def _over(self, x: Array, y: Array, z: Array, origin: Array, depth: Array | float) -> Array:
        """The height (N,) of the rays above the ground at a depth."""
        return np.asarray(origin[2] + depth * z - self.height(origin[0] + depth * x, origin[1] + depth * y))

    def _refined(
        self, x: Array, y: Array, z: Array, origin: Array, depths: tuple[float, float], heights: tuple[Array, Array]
    ) -> Array:
        """The depths (N,) where rays meet the ground between two depths, from the heights (N,) above it there."""
        (near, far), (above, below) = (np.full(x.shape, depth) for depth in depths), heights
        middle, last = far, np.zeros(x.shape)
        for _ in range(_REFINED):
            middle = near + (far - near) * above / np.maximum(above - below, 1e-12)
            over = self._over(x, y, z, origin, middle)
            up, again = over > 0, np.sign(over) == last
            above = np.where(up, over, np.where(again, 0.5 * above, above))
            below = np.where(up, np.where(again, 0.5 * below, below), over)
            near, far, last = np.where(up, middle, near), np.where(up, far, middle), np.sign(over)
        return middle
