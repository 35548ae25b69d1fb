"""The pinhole camera: from pixels to rays, and from points to pixels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from davsn.streets.road import Pose

Floats = NDArray[np.float32]

NEAR = 0.3
"""Metres. Nothing nearer than this is visible."""


@dataclass(frozen=True)
class Lens:
    """What the camera's image depends on, apart from its pose and size.

    Attributes:
        focal: focal length in widths of the image. At 0.72 the horizontal field of view is 70 degrees.
        distortion: k of the barrel distortion. A pixel at r focal lengths from the centre shows the ray that an ideal
            lens shows at ``r (1 + k r²)``.
        bonnet: the share of the image's height that the ego vehicle covers.
    """

    focal: float = 0.72
    distortion: float = 0.0
    bonnet: float = 0.0


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera somewhere in the world.

    Attributes:
        pose: its position and direction.
        size: (width, height) of its images.
        lens: its lens.
    """

    pose: Pose
    size: tuple[int, int]
    lens: Lens = Lens()

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.lens.focal * self.size[0]

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """The axes (3, 3) of the camera in world axes; the rows are forward, right and down."""
        cos, sin = np.cos(self.pose.heading), np.sin(self.pose.heading)
        forward = np.array([cos * np.cos(self.pose.pitch), sin * np.cos(self.pose.pitch), -np.sin(self.pose.pitch)])
        right = np.array([sin, -cos, 0.0])
        down = np.cross(forward, right)
        if self.pose.roll:
            lean, up = np.sin(self.pose.roll), np.cos(self.pose.roll)
            right, down = up * right + lean * down, up * down - lean * right
        return np.stack([forward, right, down])

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
        if self.lens.distortion:
            stretch = 1 + self.lens.distortion * (x**2 + y**2)
            x, y = x * stretch, y * stretch
        forward, right, down = self.axes[:, :, None, None]
        return np.asarray(forward + x * right + y * down, np.float32)

    def undistorted(self, points: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Project points to the pixels that an ideal lens of this focal length would give.

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

    def distorted(self, pixels: NDArray[np.floating]) -> NDArray[np.floating]:
        """Move pixels (2, ...) of an ideal lens to where this lens shows them."""
        if not self.lens.distortion:
            return pixels
        centre = np.array(self.centre, pixels.dtype).reshape(2, *(1,) * (pixels.ndim - 1))
        offset = pixels - centre
        far = np.hypot(*offset) / self.focal
        # The real root of k r³ + r = far, by the hyperbolic form of Cardano's formula.
        root = np.sqrt(3 * self.lens.distortion)
        near = 2 / root * np.sinh(np.arcsinh(1.5 * root * far) / 3)
        return np.asarray(centre + offset * np.where(far > 0, near / np.where(far > 0, far, 1), 1), pixels.dtype)

    def project(self, points: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Project points to pixels; arguments and results as of :meth:`undistorted`."""
        pixels, depth = self.undistorted(points)
        return self.distorted(pixels), depth
