"""Ray casting: what every pixel of a frame shows, and where on it the ray ends.

Each thing is tried on the pixels of its own screen rectangle only, nearest first, against a depth buffer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from davsn.data.streets.camera import NEAR, Camera, Floats
from davsn.data.streets.categories import Category
from davsn.data.streets.models import Material, Model
from davsn.data.streets.road import Pose, Road
from davsn.data.streets.world import Thing, World, WorldKey, world

SKY, GROUND, BACKDROP = 0, 1, 2
"""Part numbers below those of the things."""
PARTS = 3
SMALLEST = 0.9
"""Things whose screen rectangle is narrower than this share of 1/256 of the picture's width are left out."""


class Placed(NamedTuple):
    """A thing in one frame: its parts are numbered from ``first``; ``rectangle`` is where it was tried,
    ``nearest`` the depth of its nearest corner in metres.
    """

    thing: Thing
    pose: Pose
    first: int
    rectangle: tuple[slice, slice]
    nearest: float


@dataclass(frozen=True, eq=False)
class View:
    """The geometry of one frame.

    Attributes:
        world: the world seen.
        time: seconds since the clip's start.
        camera: the camera that sees it.
        placed: the things that were tried, nearest first.
        depth: (H, W) along the forward axis; infinite for sky and backdrop.
        part: (H, W) number of the part seen.
        face: (H, W) the face of the part.
        point: (3, H, W) in the thing's own axes; (s, lateral, 0) on the ground; the ray's direction in the sky.
        category: (H, W).
    """

    world: World
    time: float
    camera: Camera
    placed: tuple[Placed, ...]
    depth: Floats
    part: NDArray[np.int32]
    face: NDArray[np.int8]
    point: Floats
    category: NDArray[np.uint8]

    @cached_property
    def footprint(self) -> Floats:
        """(H, W) length in metres of what a pixel spans: along the road on the ground, else across the ray."""
        pixel = self.depth / np.float32(self.camera.focal)
        stretch = np.where(self.part == GROUND, self.depth / np.float32(self.camera.pose.z), 1)
        return np.asarray(np.where(self.depth < np.inf, pixel * stretch, 0), np.float32)

    @cached_property
    def shapes(self) -> tuple[Floats, Floats]:
        """(3, parts) middles and half sizes of all parts."""
        blank = np.tile(np.array([[0.0], [1.0]], np.float32), (PARTS, 1, 3))
        bounds = np.concatenate([blank, *(placed.thing.slot.model.bounds for placed in self.placed)])
        return bounds.mean(1).T, ((bounds[:, 1] - bounds[:, 0]) / 2).T

    def owner(self) -> NDArray[np.int32]:
        """(parts,) the index in ``placed`` of each part's thing; -1 for sky, ground and backdrop."""
        counts = [len(item.thing.slot.model.categories) for item in self.placed]
        return np.concatenate([np.full(PARTS, -1), np.repeat(np.arange(len(counts)), counts)]).astype(np.int32)

    def surface(self) -> NDArray[np.int64]:
        """(H, W) a number for the surface seen, the same in every frame of the clip."""
        own = [np.arange(PARTS)]
        own += [p.thing.identity * 64 + np.arange(len(p.thing.slot.model.categories)) for p in self.placed]
        return np.asarray(np.concatenate(own).astype(np.int64)[self.part] * 8 + self.face)


@lru_cache(maxsize=8)
def view(key: WorldKey, time: float, size: tuple[int, int]) -> View:
    """The geometry of the frame at ``time`` seconds, (width, height) pixels large."""
    scene = world(key)
    camera = Camera(scene.drive.pose(time), size)
    canvas = _Canvas(camera)
    canvas.put_ground(scene.road, scene.drive.travelled(time), scene.look)
    placed, first = [], PARTS
    for thing, pose, rectangle, nearest in _in_sight(scene, camera, time):
        if canvas.draw(thing.slot.model, pose, rectangle, nearest, first):
            placed.append(Placed(thing, pose, first, rectangle, nearest))
            canvas.tables.append(thing.slot.model.categories)
            first += len(thing.slot.model.categories)
    category = np.concatenate(canvas.tables)[canvas.part]
    category[canvas.part == GROUND] = canvas.ground[canvas.part == GROUND]
    return View(scene, time, camera, tuple(placed), canvas.depth, canvas.part, canvas.face, canvas.point, category)


class _Sight(NamedTuple):
    thing: Thing
    pose: Pose
    rectangle: tuple[slice, slice]
    nearest: float


def _in_sight(scene: World, camera: Camera, time: float) -> Iterator[_Sight]:
    """Things whose bounds meet the picture, nearest first."""
    things = list(scene.things(time))
    poses = [scene.pose(thing, time) for thing in things]
    boxes = np.array([[thing.slot.model.low, thing.slot.model.high] for thing in things])
    low, high, nearest = _screen_bounds(boxes, poses, camera)
    width, height = camera.size
    least = SMALLEST * width / 256
    seen = (nearest < np.inf) & (high > -0.5).all(1) & (low < np.array([width, height]) - 0.5).all(1)
    seen &= (high - low).min(1) > least
    for index in sorted(np.flatnonzero(seen), key=lambda i: float(nearest[i])):
        (left, top), (right, bottom) = np.maximum(np.ceil(low[index]), 0), np.floor(high[index]) + 1
        rectangle = slice(int(top), int(min(bottom, height))), slice(int(left), int(min(right, width)))
        if rectangle[0].start < rectangle[0].stop and rectangle[1].start < rectangle[1].stop:
            yield _Sight(things[index], poses[index], rectangle, float(nearest[index]))


_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
_EDGES = np.array([(a, b) for a in range(8) for b in range(a) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1])


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
    depth = np.tensordot(camera.axes[0], points, 1)
    one, two = depth[:, _EDGES[:, 0]], depth[:, _EDGES[:, 1]]
    crossing = (one < NEAR) != (two < NEAR)
    share = (NEAR - one) / np.where(crossing, two - one, 1)
    cut = points[:, :, _EDGES[:, 0]] * (1 - share) + points[:, :, _EDGES[:, 1]] * share
    pixels, _ = camera.project(np.concatenate([points, cut], 2))
    usable = np.concatenate([depth >= NEAR, crossing], 1)
    low = np.where(usable, pixels, np.inf).min(2).T
    high = np.where(usable, pixels, -np.inf).max(2).T
    nearest = np.where(usable.any(1), np.maximum(depth.min(1), NEAR), np.inf)
    return low, high, nearest


class _Canvas:
    """The buffers of a frame while it is drawn."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        shape = camera.rays.shape[1:]
        self.depth = np.full(shape, np.inf, np.float32)
        self.part = np.zeros(shape, np.int32)
        self.face = np.zeros(shape, np.int8)
        self.point = camera.rays.copy()
        self.tables = [np.array([Category.SKY, Category.ROAD, Category.VEGETATION], np.uint8)]
        self.ground = np.zeros(shape, np.uint8)

    def put_ground(self, road: Road, s: float, look: int) -> None:
        """The ground plane, and a line of far trees above the horizon."""
        rays, pose = self.camera.rays, self.camera.pose
        slope = rays[2] / np.hypot(rays[0], rays[1])
        self.part[slope < skyline(np.arctan2(rays[1], rays[0]), look)] = BACKDROP
        below = slope < -pose.z / 600
        depth = -pose.z / rays[2][below]
        s_at, lateral = road.along(pose.x + depth * rays[0][below], pose.y + depth * rays[1][below], s)
        self.depth[below], self.part[below] = depth, GROUND
        self.point[:, below] = np.stack([s_at, lateral, np.zeros_like(s_at)])
        self.ground[below] = ground_category(road, s_at, lateral)

    def draw(self, model: Model, pose: Pose, rectangle: tuple[slice, slice], nearest: float, first: int) -> bool:
        """Draw a thing where it is nearer than what is there; says whether anything of it was seen."""
        behind = self.depth[rectangle]
        if nearest >= behind.max():
            return False
        origin, ray = _local_rays(self.camera, pose, rectangle)
        depth, part, face = _nearest_part(model, origin, ray)
        front = depth < behind
        if not front.any():
            return False
        self.depth[rectangle][front] = depth[front]
        self.part[rectangle][front] = part[front] + first
        self.face[rectangle][front] = face[front]
        for axis in range(3):
            self.point[axis][rectangle][front] = origin[axis] + depth[front] * ray[axis][front]
        return True


def _local_rays(camera: Camera, pose: Pose, rectangle: tuple[slice, slice]) -> tuple[Floats, Floats]:
    """The camera's place (3,) and the rays (3, h, w) in a thing's own axes."""
    x, y, z = camera.rays[:, rectangle[0], rectangle[1]]
    cos, sin = np.cos(pose.heading), np.sin(pose.heading)
    dx, dy = camera.pose.x - pose.x, camera.pose.y - pose.y
    origin = np.array([cos * dx + sin * dy, cos * dy - sin * dx, camera.pose.z], np.float32)
    cos, sin = np.float32(cos), np.float32(sin)
    return origin, np.stack([cos * x + sin * y, cos * y - sin * x, z])


def _nearest_part(model: Model, origin: Floats, ray: Floats) -> tuple[Floats, NDArray[np.int32], NDArray[np.int8]]:
    """Depth, part and face of the first hit on each ray (h, w); infinite depth where there is none."""
    boxes = len(model.planes)
    depths, faces = [], []
    if boxes:
        depth, face = _hit_boxes(model.planes, origin, ray)
        depths.append(depth)
        faces.append(face)
    if boxes < len(model.bounds):
        depth = _hit_ellipsoids(model.bounds[boxes:], model.materials[boxes:] == Material.FOLIAGE, origin, ray)
        depths.append(depth)
        faces.append(np.full(depth.shape, 6, np.int8))
    depth, face = np.concatenate(depths), np.concatenate(faces)
    part = depth.argmin(0)
    rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
    return depth.min(0), part.astype(np.int32), face[part, rows, columns]


def _hit_boxes(planes: Floats, origin: Floats, ray: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Entry depth and face (P, h, w) of rays into convex solids of six planes (P, 6, 4)."""
    normal = planes[..., None, None]
    slope = normal[:, :, 0] * ray[0] + normal[:, :, 1] * ray[1] + normal[:, :, 2] * ray[2]
    height = planes[..., 0] * origin[0] + planes[..., 1] * origin[1] + planes[..., 2] * origin[2] + planes[..., 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        at = -height[..., None, None] / slope
    entering = slope < 0
    entry = np.where(entering, at, -np.inf)
    leave = np.where(entering, np.inf, at).min(1)
    face = entry.argmax(1)
    depth = entry.max(1)
    return np.where((depth < leave) & (depth > NEAR), depth, np.inf).astype(np.float32), face.astype(np.int8)


def _hit_ellipsoids(bounds: Floats, leafy: NDArray[np.bool_], origin: Floats, ray: Floats) -> Floats:
    """Entry depth (Q, h, w) of rays into ellipsoids that fill bounds (Q, 2, 3); the leafy ones are ragged."""
    radii = (bounds[:, 1] - bounds[:, 0]) / 2
    start = (origin - bounds.mean(1)) / radii
    way = ray[None] / radii[:, :, None, None]
    a = way[:, 0] ** 2 + way[:, 1] ** 2 + way[:, 2] ** 2
    start = start[:, :, None, None]
    b = start[:, 0] * way[:, 0] + start[:, 1] * way[:, 1] + start[:, 2] * way[:, 2]
    c = (start**2).sum(1) - 1
    root = b * b - a * c
    depth = (-b - np.sqrt(np.maximum(root, 0))) / a
    rim = np.zeros(1, np.float32)
    if leafy.any():
        x, y, z = (16 * (origin[axis] + depth * ray[axis]) / np.float32(2) for axis in range(3))
        rim = leafy[:, None, None] * np.float32(0.3) * (np.sin(x + np.sin(z)) * np.sin(y) * np.sin(z + np.sin(y)) + 0.4)
    return np.where((root > np.maximum(rim, 0) * a) & (depth > NEAR), depth, np.inf).astype(np.float32)


def skyline(azimuth: Floats, look: int) -> Floats:
    """Tangent of the far trees' elevation in a direction; ``look`` makes it the clip's own."""
    shape = np.full_like(azimuth, 0.035)
    for wave, share in ((3, 0.014), (8, 0.008), (23, 0.005), (61, 0.003)):
        shape += share * np.sin(wave * azimuth + np.float32(look % (97 + wave)))
    return shape


def ground_category(road: Road, s: NDArray[np.floating], lateral: NDArray[np.floating]) -> NDArray[np.uint8]:
    """What lies on the ground at ``s`` and ``lateral``: road, pavement or terrain."""
    across, apart = np.abs(lateral), road.from_crossing(s)
    side = (lateral > 0).astype(np.int64)
    paved = road.paved[np.floor(s / road.block).astype(np.int64) % len(road.paved), side]
    is_walk = (across < road.kerb + road.walk) | (apart < road.crossing + 2.4) | paved
    is_road = (across < road.kerb) | (apart < road.crossing)
    return np.where(is_road, Category.ROAD, np.where(is_walk, Category.SIDEWALK, Category.TERRAIN)).astype(np.uint8)
