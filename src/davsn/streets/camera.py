"""The pinhole camera: from pixels to rays, and from points to pixels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from davsn.streets.road import Pose

Floats = NDArray[np.float32]

FOCAL = 0.72
"""Focal length in widths of the image; the horizontal field of view is 70 degrees."""
NEAR = 0.3
"""Metres. Nothing nearer than this is visible."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera somewhere in the world.

    Attributes:
        pose: its position and direction.
        size: (width, height) of its images.
    """

    pose: Pose
    size: tuple[int, int]

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return FOCAL * self.size[0]

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """The axes (3, 3) of the camera in world axes; the rows are forward, right and down."""
        cos, sin = np.cos(self.pose.heading), np.sin(self.pose.heading)
        forward = np.array([cos * np.cos(self.pose.pitch), sin * np.cos(self.pose.pitch), -np.sin(self.pose.pitch)])
        right = np.array([sin, -cos, 0.0])
        return np.stack([forward, right, np.cross(forward, right)])

    @property
    def position(self) -> NDArray[np.float64]:
        """The position (3,) in the world."""
        return np.array([self.pose.x, self.pose.y, self.pose.z])

    @property
    def centre(self) -> tuple[float, float]:
        """The pixel (x, y) where the forward axis meets the image."""
        return (self.size[0] - 1) / 2, (self.size[1] - 1) / 2

    @cached_property
    def rays(self) -> Floats:
        """The direction (3, H, W) of every pixel's ray in world axes, with length 1 along the forward axis."""
        width, height = self.size
        x = ((np.arange(width) - self.centre[0]) / self.focal)[None, None, :]
        y = ((np.arange(height) - self.centre[1]) / self.focal)[None, :, None]
        forward, right, down = self.axes[:, :, None, None]
        return np.asarray(forward + x * right + y * down, np.float32)

    def project(self, points: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Project points to pixels.

        Args:
            points: (3, ...) in world axes, relative to the camera's position.

        Returns:
            (2, ...) pixels x and y, and (...) depth along the forward axis. Pixels have no meaning where the depth is
            below ``NEAR``.
        """
        axes = self.axes.astype(points.dtype)
        depth, right, down = (a[0] * points[0] + a[1] * points[1] + a[2] * points[2] for a in axes)
        scale = self.focal / np.maximum(depth, NEAR)
        x, y = self.centre
        return np.stack([x + scale * right, y + scale * down]), depth
