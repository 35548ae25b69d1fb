"""The pinhole camera: rays out of pixels, and points back into pixels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from davsn.streets.road import Pose

Floats = NDArray[np.float32]

FOCAL = 0.72
"""Focal length in widths of the picture: a horizontal view of 70 degrees."""
NEAR = 0.3
"""Nothing nearer than this many metres is seen."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera somewhere in the world.

    Attributes:
        pose: where it is and looks.
        size: (width, height) of its pictures.
    """

    pose: Pose
    size: tuple[int, int]

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return FOCAL * self.size[0]

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3) rows forward, right, down in world axes."""
        cos, sin = np.cos(self.pose.heading), np.sin(self.pose.heading)
        forward = np.array([cos * np.cos(self.pose.pitch), sin * np.cos(self.pose.pitch), -np.sin(self.pose.pitch)])
        right = np.array([sin, -cos, 0.0])
        return np.stack([forward, right, np.cross(forward, right)])

    @property
    def position(self) -> NDArray[np.float64]:
        """(3,) in the world."""
        return np.array([self.pose.x, self.pose.y, self.pose.z])

    @property
    def centre(self) -> tuple[float, float]:
        """Where the forward axis meets the picture, in pixels."""
        return (self.size[0] - 1) / 2, (self.size[1] - 1) / 2

    @cached_property
    def rays(self) -> Floats:
        """(3, H, W) world direction of every pixel's ray, of length 1 along the forward axis."""
        width, height = self.size
        x = ((np.arange(width) - self.centre[0]) / self.focal)[None, None, :]
        y = ((np.arange(height) - self.centre[1]) / self.focal)[None, :, None]
        forward, right, down = self.axes[:, :, None, None]
        return np.asarray(forward + x * right + y * down, np.float32)

    def project(self, points: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Pixels of points.

        Args:
            points: (3, ...) in world axes, relative to the camera's position.

        Returns:
            (2, ...) pixels x and y, and (...) depth along the forward axis; where the depth is below
            ``NEAR`` the pixels mean nothing.
        """
        axes = self.axes.astype(points.dtype)
        depth, right, down = (a[0] * points[0] + a[1] * points[1] + a[2] * points[2] for a in axes)
        scale = self.focal / np.maximum(depth, NEAR)
        x, y = self.centre
        return np.stack([x + scale * right, y + scale * down]), depth
