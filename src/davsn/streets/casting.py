"""Ray casting of boxes and ellipsoids into a depth buffer.

Each part is tested only on the pixels of its own screen rectangle. Large parts are drawn one by one, nearest first.
The many small parts are drawn together, as one list of pairs of a part and a pixel.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davsn.streets.camera import NEAR, Camera, Floats
from davsn.streets.models import Material
from davsn.streets.sight import Placed, Screen, screen_bounds

LARGE = 400
"""Pixels. A part with a larger screen rectangle is drawn by itself."""
FACES = 8
"""The factor that combines the part and face of a pixel into one code, ``part * FACES + face``."""
CURVED = 6
"""The face number of ellipsoids."""


class Boxes(NamedTuple):
    """N convex solids of six planes each, relative to the camera, in world axes.

    Attributes:
        normal: (6, 3, N) outward normals.
        height: (6, N) heights of the camera above the planes.
    """

    normal: Floats
    height: Floats

    def at(self, index: Any) -> "Boxes":
        """The boxes at the given indices."""
        return Boxes(self.normal[..., index], self.height[..., index])


class Ellipsoids(NamedTuple):
    """N ellipsoids, in the axes of the things they belong to.

    Attributes:
        turn: (2, N) cosine and sine of the thing's heading.
        origin: (3, N) positions of the camera.
        middle: (3, N) centres.
        radii: (3, N) radii along the axes.
        leafy: (N,) whether the outline is ragged.
    """

    turn: Floats
    origin: Floats
    middle: Floats
    radii: Floats
    leafy: NDArray[np.bool_]

    def at(self, index: Any) -> "Ellipsoids":
        """The ellipsoids at the given indices."""
        return Ellipsoids(
            self.turn[:, index],
            self.origin[:, index],
            self.middle[:, index],
            self.radii[:, index],
            self.leafy[index],
        )


class Parts(NamedTuple):
    """All parts of a frame's things: first the boxes, then the ellipsoids.

    Attributes:
        code: (N,) part * FACES, plus CURVED for ellipsoids.
        screen: the places of all parts in the image.
        boxes: the parts that are boxes.
        ellipsoids: the parts that are ellipsoids.
    """

    code: NDArray[np.int32]
    screen: Screen
    boxes: Boxes
    ellipsoids: Ellipsoids


def axes(placed: Sequence[Placed], camera: Camera) -> Floats:
    """A table (5, N): for each thing the cosine and sine of its heading, and the camera's position in its axes."""
    x, y, z, heading = np.array([(p.pose.x, p.pose.y, p.pose.z, p.pose.heading) for p in placed]).reshape(-1, 4).T
    dx, dy = camera.pose.x - x, camera.pose.y - y
    cos, sin = np.cos(heading), np.sin(heading)
    return np.asarray(np.stack([cos, sin, cos * dx + sin * dy, cos * dy - sin * dx, camera.pose.z - z]), np.float32)


def draw(placed: Sequence[Placed], camera: Camera, depth: Floats, code: NDArray[np.int32]) -> None:
    """Draw things into the buffers (H, W) where they are nearer than the content so far."""
    if not placed:
        return
    parts = _parts(placed, camera)
    area = parts.screen.area
    large = np.flatnonzero(area > LARGE)
    for index in large[np.argsort(parts.screen.nearest[large], kind="stable")].tolist():
        _draw_one(parts, index, camera, depth, code)
    _draw_many(parts, np.flatnonzero((area > 0) & (area <= LARGE)), camera, depth.reshape(-1), code.reshape(-1))


def _draw_one(parts: Parts, index: int, camera: Camera, depth: Floats, code: NDArray[np.int32]) -> None:
    top, bottom, left, right = parts.screen.pixels[index].tolist()
    rectangle = slice(top, bottom), slice(left, right)
    behind = depth[rectangle]
    if parts.screen.nearest[index] >= behind.max():
        return
    ray = camera.rays[:, top:bottom, left:right]
    boxes = parts.boxes.height.shape[1]
    if index < boxes:
        place, face = hit_boxes(parts.boxes.at(np.array([[index]])), ray)
    else:
        place, face = hit_ellipsoids(parts.ellipsoids.at(np.array([[index - boxes]])), ray), np.int32(0)
    front = place < behind
    np.copyto(behind, place, where=front)
    np.copyto(code[rectangle], parts.code[index] + face, where=front)


def _draw_many(parts: Parts, chosen: NDArray[np.int64], camera: Camera, depth: Floats, code: NDArray[np.int32]) -> None:
    ray = camera.rays.reshape(3, -1)
    part, pixel = _pairs(chosen, parts.screen.pixels, camera.size[0])
    boxes = parts.boxes.height.shape[1]
    split = int(np.searchsorted(part, boxes))
    place, face = hit_boxes(parts.boxes.at(part[:split]), ray[:, pixel[:split]])
    curved = hit_ellipsoids(parts.ellipsoids.at(part[split:] - boxes), ray[:, pixel[split:]])
    places, codes = np.concatenate([place, curved]), parts.code[part]
    codes[:split] += face
    hit = np.flatnonzero(places < depth[pixel])
    order = hit[np.lexsort((places[hit], pixel[hit]))]
    first = np.ones(len(order), bool)
    first[1:] = pixel[order][1:] != pixel[order][:-1]
    nearest = order[first]
    depth[pixel[nearest]], code[pixel[nearest]] = places[nearest], codes[nearest]


def _pairs(
    chosen: NDArray[np.int64], rectangles: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of a chosen part and a pixel of its rectangle: part numbers (K,) and pixel numbers (K,)."""
    top, bottom, left, right = rectangles[chosen].T
    wide, counts = right - left, (bottom - top) * (right - left)
    part = np.repeat(np.arange(len(chosen)), counts)
    row, column = np.divmod(_within(counts), wide[part])
    return chosen[part], (top[part] + row) * width + left[part] + column


def _within(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ranges 0, 1, … below each count, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _parts(placed: Sequence[Placed], camera: Camera) -> Parts:
    models = [item.thing.slot.model for item in placed]
    table, first = axes(placed, camera), np.array([item.first for item in placed])
    boxes = np.array([len(model.planes) for model in models])
    curved = np.array([len(model.bounds) for model in models]) - boxes
    things = np.arange(len(models))
    owner = np.concatenate([np.repeat(things, boxes), np.repeat(things, curved)])
    number = first[owner] + np.concatenate([_within(boxes), _within(curved) + np.repeat(boxes, curved)])
    split = len(owner) - int(curved.sum())
    bounds = np.concatenate(
        [model.bounds[: len(model.planes)] for model in models]
        + [model.bounds[len(model.planes) :] for model in models]
    )
    cos, sin, *origin = table[:, owner[:split]]
    x, y, z, offset = np.concatenate([model.planes for model in models]).transpose(2, 1, 0)
    height = x * origin[0] + y * origin[1] + z * origin[2] + offset
    low, high = bounds[split:].transpose(1, 2, 0)
    surfaces = np.concatenate([model.materials[len(model.planes) :] for model in models])
    leafy = (surfaces == Material.FOLIAGE) | (surfaces == Material.TWIGS)
    return Parts(
        code=(number * FACES + np.where(np.arange(len(owner)) < split, 0, CURVED)).astype(np.int32),
        screen=screen_bounds(bounds, [placed[index].pose for index in owner], camera),
        boxes=Boxes(np.stack([cos * x - sin * y, sin * x + cos * y, z], 1), height),
        ellipsoids=Ellipsoids(
            table[:2, owner[split:]], table[2:, owner[split:]], (low + high) / 2, (high - low) / 2, leafy
        ),
    )


def hit_boxes(boxes: Boxes, ray: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """The depth at which rays enter boxes, infinite where they miss, and the face that they enter.

    Args:
        boxes: the boxes; their arrays broadcast against those of the rays.
        ray: (3, …) directions.
    """
    normal, height = boxes
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
    """The depth at which rays (3, …) enter ellipsoids, infinite where they miss."""
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
