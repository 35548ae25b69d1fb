"""What every pixel of a frame shows, and where on it the ray ends."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from davsn.streets import casting
from davsn.streets.camera import Camera, Floats
from davsn.streets.categories import Category
from davsn.streets.road import Road
from davsn.streets.sight import Placed, in_sight
from davsn.streets.world import World, WorldKey, world

SKY, GROUND, BACKDROP = 0, 1, 2
"""Part numbers below those of the things."""
PARTS = 3
HORIZON = 600.0
"""Metres at which the ground ends in the line of far trees."""


@dataclass(frozen=True, eq=False)
class View:
    """The geometry of one frame.

    Attributes:
        world: the world seen.
        time: seconds since the clip's start.
        camera: the camera that sees it.
        placed: the things in sight, nearest first.
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


@lru_cache(maxsize=4)
def view(key: WorldKey, time: float, size: tuple[int, int]) -> View:
    """The geometry of the frame at ``time`` seconds, (width, height) pixels large."""
    scene = world(key)
    camera = Camera(scene.drive.pose(time), size)
    placed = tuple(in_sight(scene, camera, time, PARTS))
    depth, part, point, ground = _ground(scene, camera, time)
    code = part * casting.FACES
    casting.draw(placed, camera, depth, code)
    part, face = np.divmod(code, casting.FACES)
    tables = [np.array([Category.SKY, Category.ROAD, Category.VEGETATION], np.uint8)]
    tables += [item.thing.slot.model.categories for item in placed]
    category = np.concatenate(tables)[part]
    category[part == GROUND] = ground[part == GROUND]
    seen = View(scene, time, camera, placed, depth, part, face.astype(np.int8), point, category)
    _put_points(seen)
    return seen


def _ground(scene: World, camera: Camera, time: float) -> tuple[Floats, NDArray[np.int32], Floats, NDArray[np.uint8]]:
    """Depth, part, point and category of an empty street: the plane, and far trees above the horizon."""
    rays, pose = camera.rays, camera.pose
    slope = rays[2] / np.hypot(rays[0], rays[1])
    depth, point = np.full(slope.shape, np.inf, np.float32), rays.copy()
    part, category = np.zeros(slope.shape, np.int32), np.zeros(slope.shape, np.uint8)
    part[slope < skyline(np.arctan2(rays[1], rays[0]), scene.look)] = BACKDROP
    below = slope < -pose.z / HORIZON
    depth[below] = -pose.z / rays[2][below]
    x, y = pose.x + depth[below] * rays[0][below], pose.y + depth[below] * rays[1][below]
    s, lateral = scene.road.along(x, y, scene.drive.travelled(time))
    part[below], point[:, below] = GROUND, np.stack([s, lateral, np.zeros_like(s)])
    category[below] = ground_category(scene.road, s, lateral)
    return depth, part, point, category


def _put_points(seen: View) -> None:
    """Replace the points of pixels that show things by the places on them, in their own axes."""
    owner = seen.owner()[seen.part].reshape(-1)
    shown = np.flatnonzero(owner >= 0)
    cos, sin, x, y, z = casting.axes(seen.placed, seen.camera)[:, owner[shown]]
    way = seen.camera.rays.reshape(3, -1)[:, shown] * seen.depth.reshape(-1)[shown]
    place = np.stack([x + cos * way[0] + sin * way[1], y + cos * way[1] - sin * way[0], z + way[2]])
    seen.point.reshape(3, -1)[:, shown] = place


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
