"""Visibility: which things are in the image, and in which of its pixels."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from davsn.streets.camera import NEAR, Camera
from davsn.streets.road import Pose
from davsn.streets.world import Thing, World

SMALLEST = 0.9
"""Things are left out if the smaller side of their screen rectangle is below this many 256ths of the image's width."""
SMALLEST_VARIED = 1.3
"""The limit in varied worlds, which have more small things; in the same unit."""

_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
_EDGES = np.array([(a, b) for a in range(8) for b in range(a) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1])


class Placed(NamedTuple):
    """A thing in one frame.

    Attributes:
        thing: the thing.
        pose: its pose in the frame.
        first: the number of its first part; the other parts follow.
        rectangle: the rows and columns of the image that it can be in.
        nearest: the depth of its nearest corner, in metres.
    """

    thing: Thing
    pose: Pose
    first: int
    rectangle: tuple[slice, slice]
    nearest: float


def in_sight(scene: World, camera: Camera, time: float, first: int) -> Iterator[Placed]:
    """The things whose bounds are in the image, nearest first; their parts are numbered from ``first``."""
    things = list(scene.things(time))
    poses = [scene.pose(thing, time) for thing in things]
    bounds = np.array([[thing.slot.model.low, thing.slot.model.high] for thing in things])
    screen = screen_bounds(bounds, poses, camera)
    smallest = SMALLEST if scene.variation is None else SMALLEST_VARIED
    seen = (screen.area > 0) & (screen.width > smallest * camera.size[0] / 256)
    for index in sorted(np.flatnonzero(seen), key=lambda i: float(screen.nearest[i])):
        top, bottom, left, right = screen.pixels[index].tolist()
        rectangle = slice(top, bottom), slice(left, right)
        yield Placed(things[index], poses[index], first, rectangle, float(screen.nearest[index]))
        first += len(things[index].slot.model.categories)


class Screen(NamedTuple):
    """The places of N boxes in the image.

    Attributes:
        pixels: (N, 4) first row, row after the last, first column, column after the last.
        width: (N,) the smaller side of the rectangle in pixels, before it is cut to the image.
        nearest: (N,) the depth of the nearest corner in metres, at least ``NEAR``.
    """

    pixels: NDArray[np.int64]
    width: NDArray[np.floating]
    nearest: NDArray[np.floating]

    @property
    def area(self) -> NDArray[np.int64]:
        """The number of pixels (N,) in each rectangle."""
        top, bottom, left, right = self.pixels.T
        return np.asarray(np.maximum(bottom - top, 0) * np.maximum(right - left, 0))


def screen_bounds(boxes: NDArray[np.floating], poses: Sequence[Pose], camera: Camera) -> Screen:
    """The screen rectangles of boxes (N, 2, 3), given in the axes of their poses and cut at the near plane."""
    corners = boxes[:, 0, None] + _CORNERS * (boxes[:, 1] - boxes[:, 0])[:, None]
    x, y, z, heading = np.array([(pose.x, pose.y, pose.z, pose.heading) for pose in poses]).T[:, :, None]
    cos, sin = np.cos(heading), np.sin(heading)
    points = np.stack(
        [
            cos * corners[..., 0] - sin * corners[..., 1] + x - camera.pose.x,
            sin * corners[..., 0] + cos * corners[..., 1] + y - camera.pose.y,
            corners[..., 2] + z - camera.pose.z,
        ]
    )
    pixels, depth = camera.undistorted(points)
    one, two = depth[:, _EDGES[:, 0]], depth[:, _EDGES[:, 1]]
    crossing = (one < NEAR) != (two < NEAR)
    share = (NEAR - one) / np.where(crossing, two - one, 1)
    cut = points[:, :, _EDGES[:, 0]] * (1 - share) + points[:, :, _EDGES[:, 1]] * share
    pixels = np.concatenate([pixels, camera.undistorted(cut)[0]], 2)
    usable = np.concatenate([depth >= NEAR, crossing], 1)
    limit = np.array(camera.size)[:, None] + 1
    low = np.where(usable, pixels, np.inf).min(2)
    high = np.where(usable, pixels, -np.inf).max(2)
    if camera.lens.distortion:
        low, high = _bent(low, high, camera)
    first = np.ceil(np.clip(low, 0, limit)).astype(np.int64)
    after = np.floor(np.clip(high, -1, limit - 2)).astype(np.int64) + 1
    rectangle = np.stack([first[1], after[1], first[0], after[0]], 1)
    return Screen(rectangle, (high - low).min(0), np.maximum(depth.min(1), NEAR))


def _bent(
    low: NDArray[np.floating], high: NDArray[np.floating], camera: Camera
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The rectangles (2, N) that hold what the lens makes of rectangles of an ideal lens.

    Barrel distortion pulls points towards the centre, and more so far from it. So an edge reaches furthest where it is
    nearest to the centre's row or column.
    """
    some = (low <= high).all(0)
    low, high = low.copy(), high.copy()
    first, last = low[:, some].clip(-1e6, 1e6), high[:, some].clip(-1e6, 1e6)
    middle = np.array(camera.centre)[:, None]
    near = np.clip(middle, first, last)
    far = np.where(np.abs(first - middle) > np.abs(last - middle), first, last)
    for axis in (0, 1):
        for edge, result, sign in ((first, low, -1), (last, high, 1)):
            outside = sign * (edge[axis] - middle[axis]) > 0
            place = np.where(outside, near, far)
            place[axis] = edge[axis]
            result[axis, some] = camera.distorted(place)[axis]
    return low, high
