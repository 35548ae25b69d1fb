"""Rays against boxes and ellipsoids, into a depth buffer.

Each thing is tried on the pixels of its own screen rectangle only. Large ones go one by one, nearest first; the
many small ones go together, as one list of pairs of a shape and a pixel.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davsn.data.streets.camera import NEAR, Camera, Floats
from davsn.data.streets.models import Material
from davsn.data.streets.sight import Placed

LARGE = 400
"""Pixels of a screen rectangle from which on a thing is drawn by itself."""
FACES = 8
"""Part and face of a pixel are kept together, as ``part * FACES + face``."""
CURVED = 6
"""The face number of ellipsoids."""


class Boxes(NamedTuple):
    """N convex solids of six planes, relative to the camera in world axes.

    Attributes:
        normal: (6, 3, N) outward.
        height: (6, N) of the camera above each plane.
        code: (N,) part * FACES.
        owner: (N,) index of the thing.
    """

    normal: Floats
    height: Floats
    code: NDArray[np.int32]
    owner: NDArray[np.int64]


class Ellipsoids(NamedTuple):
    """N ellipsoids, in the axes of the things they belong to.

    Attributes:
        turn: (2, N) cosine and sine of the thing's heading.
        origin: (3, N) where the camera is.
        middle: (3, N).
        radii: (3, N).
        leafy: (N,) whether the outline is ragged.
        code: (N,) part * FACES + CURVED.
        owner: (N,) index of the thing.
    """

    turn: Floats
    origin: Floats
    middle: Floats
    radii: Floats
    leafy: NDArray[np.bool_]
    code: NDArray[np.int32]
    owner: NDArray[np.int64]

    def at(self, index: Any) -> "Ellipsoids":
        """The same fields, each at the index."""
        return Ellipsoids(
            self.turn[index],
            self.origin[index],
            self.middle[index],
            self.radii[index],
            self.leafy[index],
            self.code[index],
            self.owner[index],
        )


def axes(placed: Sequence[Placed], camera: Camera) -> Floats:
    """(5, N) of each thing: heading's cosine and sine, and the camera's place in its axes."""
    heading = np.array([item.pose.heading for item in placed])
    dx, dy = np.array([[camera.pose.x - item.pose.x, camera.pose.y - item.pose.y] for item in placed]).reshape(-1, 2).T
    cos, sin, z = np.cos(heading), np.sin(heading), np.full(len(placed), camera.pose.z)
    return np.asarray(np.stack([cos, sin, cos * dx + sin * dy, cos * dy - sin * dx, z]), np.float32)


def draw(placed: Sequence[Placed], camera: Camera, depth: Floats, code: NDArray[np.int32]) -> None:
    """Draw things, nearest first, into the buffers (H, W) where they are nearer than what is there."""
    areas = [(rows.stop - rows.start) * (columns.stop - columns.start) for *_, (rows, columns), _ in placed]
    for item in (item for item, area in zip(placed, areas, strict=True) if area > LARGE):
        behind = depth[item.rectangle]
        if item.nearest < behind.max():
            _draw_one(item, camera, behind, code[item.rectangle])
    small = [item for item, area in zip(placed, areas, strict=True) if area <= LARGE]
    if small:
        _draw_many(small, camera, depth.reshape(-1), code.reshape(-1))


def _draw_one(item: Placed, camera: Camera, depth: Floats, code: NDArray[np.int32]) -> None:
    ray = np.ascontiguousarray(camera.rays[:, item.rectangle[0], item.rectangle[1]])[:, None]
    boxes, ellipsoids = _shapes([item], camera)
    found = []
    if len(boxes.code):
        place, face = hit_boxes(boxes.normal[..., None, None], boxes.height[..., None, None], ray)
        found.append((place, boxes.code[:, None, None] + face))
    if len(ellipsoids.code):
        place = hit_ellipsoids(ellipsoids.at((..., None, None)), ray)
        found.append((place, np.broadcast_to(ellipsoids.code[:, None, None], place.shape)))
    for places, codes in found:
        for place, value in zip(places, codes, strict=True):
            front = place < depth
            np.copyto(depth, place, where=front)
            np.copyto(code, value, where=front)


def _draw_many(placed: Sequence[Placed], camera: Camera, depth: Floats, code: NDArray[np.int32]) -> None:
    ray = camera.rays.reshape(3, -1)
    corners = np.array([(r.start, r.stop, c.start, c.stop) for *_, (r, c), _ in placed])
    boxes, ellipsoids = _shapes(placed, camera)
    shape, pixel = _pairs(corners[boxes.owner], camera.size[0])
    place, face = hit_boxes(boxes.normal[..., shape], boxes.height[..., shape], ray[:, pixel])
    ball, other = _pairs(corners[ellipsoids.owner], camera.size[0])
    curved = ellipsoids.at((..., ball))
    places = np.concatenate([place, hit_ellipsoids(curved, ray[:, other])])
    codes = np.concatenate([boxes.code[shape] + face, curved.code])
    pixels = np.concatenate([pixel, other])
    hit = np.flatnonzero(places < depth[pixels])
    order = hit[np.lexsort((places[hit], pixels[hit]))]
    first = np.ones(len(order), bool)
    first[1:] = pixels[order][1:] != pixels[order][:-1]
    nearest = order[first]
    depth[pixels[nearest]], code[pixels[nearest]] = places[nearest], codes[nearest]


def _pairs(corners: NDArray[np.int64], width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every shape with every pixel of its rectangle (N, 4): indices of shapes and of pixels, (K,) each."""
    top, bottom, left, right = corners.reshape(-1, 4).T
    wide, counts = right - left, (bottom - top) * (right - left)
    shape = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(shape)) - np.repeat(np.cumsum(counts) - counts, counts)
    row, column = np.divmod(within, wide[shape])
    return shape, (top[shape] + row) * width + left[shape] + column


def _shapes(placed: Sequence[Placed], camera: Camera) -> tuple[Boxes, Ellipsoids]:
    """The boxes and the ellipsoids of things."""
    models = [item.thing.slot.model for item in placed]
    table = axes(placed, camera)
    first = np.array([item.first for item in placed])
    counts = np.array([len(model.planes) for model in models])
    owner = np.repeat(np.arange(len(models)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    cos, sin, *origin = table[:, owner]
    x, y, z, offset = np.concatenate([model.planes for model in models]).transpose(2, 1, 0)
    height = x * origin[0] + y * origin[1] + z * origin[2] + offset
    normal = np.stack([cos * x - sin * y, sin * x + cos * y, z], 1)
    boxes = Boxes(normal, height, ((first[owner] + within) * FACES).astype(np.int32), owner)
    rest = np.array([len(model.bounds) for model in models]) - counts
    owner = np.repeat(np.arange(len(models)), rest)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(rest) - rest, rest) + counts[owner]
    low, high = np.concatenate([model.bounds[len(model.planes) :] for model in models]).transpose(1, 2, 0)
    leafy = np.concatenate([model.materials[len(model.planes) :] for model in models]) == Material.FOLIAGE
    code = ((first[owner] + within) * FACES + CURVED).astype(np.int32)
    mine = table[:, owner]
    return boxes, Ellipsoids(mine[:2], mine[2:], (low + high) / 2, (high - low) / 2, leafy, code, owner)


def hit_boxes(normal: Floats, height: Floats, ray: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """Where rays enter boxes: depth, infinite where they miss, and the face entered.

    Args:
        normal: (6, 3, …) of the planes.
        height: (6, …) of the rays' origin above them.
        ray: (3, …) directions, broadcast against the boxes.
    """
    slope = normal[:, 0] * ray[0]
    slope += normal[:, 1] * ray[1]
    slope += normal[:, 2] * ray[2]
    with np.errstate(divide="ignore", invalid="ignore"):
        at = -height / slope
    entering = slope < 0
    entry = np.where(entering, at, -np.inf)
    at[entering] = np.inf
    depth = entry.max(0)
    missed = (depth >= at.min(0)) | (depth <= NEAR)
    depth[missed] = np.inf
    return depth, entry.argmax(0).astype(np.int32)


def hit_ellipsoids(shapes: Ellipsoids, ray: Floats) -> Floats:
    """Where rays (3, …) enter ellipsoids: depth, infinite where they miss."""
    (cos, sin), radii = shapes.turn, shapes.radii
    local = (cos * ray[0] + sin * ray[1], cos * ray[1] - sin * ray[0], ray[2])
    way = [local[axis] / radii[axis] for axis in range(3)]
    start = (shapes.origin - shapes.middle) / radii
    a = way[0] ** 2 + way[1] ** 2 + way[2] ** 2
    b = start[0] * way[0] + start[1] * way[1] + start[2] * way[2]
    root = b * b - a * (start[0] ** 2 + start[1] ** 2 + start[2] ** 2 - 1)
    depth = np.asarray((-b - np.sqrt(np.maximum(root, 0))) / a)
    missed = (root <= 0) | (depth <= NEAR)
    if shapes.leafy.any():
        x, y, z = (8 * (shapes.origin[axis] + depth * local[axis]) for axis in range(3))
        ragged = np.sin(x + np.sin(z)) * np.sin(y) * np.sin(z + np.sin(y)) + np.float32(0.4)
        missed |= (root < np.float32(0.3) * ragged * a) & shapes.leafy
    depth[missed] = np.inf
    return depth
