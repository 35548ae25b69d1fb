"""Which things meet the picture, and in which of its pixels."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from davsn.data.streets.camera import NEAR, Camera
from davsn.data.streets.road import Pose
from davsn.data.streets.world import Thing, World

SMALLEST = 0.9
"""Things whose screen rectangle is narrower than this share of 1/256 of the picture's width are left out."""

_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
_EDGES = np.array([(a, b) for a in range(8) for b in range(a) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1])


class Placed(NamedTuple):
    """A thing in one frame.

    Attributes:
        thing: what it is.
        pose: where it is.
        first: the number of its first part; the others follow.
        rectangle: the only rows and columns of the picture where it can be seen.
        nearest: depth of its nearest corner, in metres.
    """

    thing: Thing
    pose: Pose
    first: int
    rectangle: tuple[slice, slice]
    nearest: float


def in_sight(scene: World, camera: Camera, time: float, first: int) -> Iterator[Placed]:
    """Things whose bounds meet the picture, nearest first; their parts are numbered from ``first``."""
    things = list(scene.things(time))
    poses = [scene.pose(thing, time) for thing in things]
    boxes = np.array([[thing.slot.model.low, thing.slot.model.high] for thing in things])
    low, high, nearest = _screen_bounds(boxes, poses, camera)
    width, height = camera.size
    seen = (nearest < np.inf) & ((high - low).min(1) > SMALLEST * width / 256)
    low, high = np.maximum(np.ceil(low), 0), np.minimum(np.floor(high) + 1, [width, height])
    seen &= (low < high).all(1)
    for index in sorted(np.flatnonzero(seen), key=lambda i: float(nearest[i])):
        (left, top), (right, bottom) = low[index].astype(int), high[index].astype(int)
        rectangle = slice(int(top), int(bottom)), slice(int(left), int(right))
        yield Placed(things[index], poses[index], first, rectangle, float(nearest[index]))
        first += len(things[index].slot.model.categories)


def _screen_bounds(
    boxes: NDArray[np.float64], poses: list[Pose], camera: Camera
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
    """Lowest and highest pixel (N, 2) and nearest depth (N,) of N boxes, cut at the near plane."""
    corners = boxes[:, 0, None] + _CORNERS * (boxes[:, 1] - boxes[:, 0])[:, None]
    heading = np.array([pose.heading for pose in poses])[:, None]
    place = np.array([[pose.x, pose.y] for pose in poses]) - camera.position[:2]
    cos, sin = np.cos(heading), np.sin(heading)
    x = cos * corners[..., 0] - sin * corners[..., 1] + place[:, :1]
    y = sin * corners[..., 0] + cos * corners[..., 1] + place[:, 1:]
    points = np.stack([x, y, corners[..., 2] - camera.pose.z])
    pixels, depth = camera.project(points)
    one, two = depth[:, _EDGES[:, 0]], depth[:, _EDGES[:, 1]]
    crossing = (one < NEAR) != (two < NEAR)
    share = (NEAR - one) / np.where(crossing, two - one, 1)
    cut = points[:, :, _EDGES[:, 0]] * (1 - share) + points[:, :, _EDGES[:, 1]] * share
    pixels = np.concatenate([pixels, camera.project(cut)[0]], 2)
    usable = np.concatenate([depth >= NEAR, crossing], 1)
    low = np.where(usable, pixels, np.inf).min(2).T
    high = np.where(usable, pixels, -np.inf).max(2).T
    nearest = np.where(usable.any(1), np.maximum(depth.min(1), NEAR), np.inf)
    return low, high, nearest
