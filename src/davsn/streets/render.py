"""The geometry of a frame: the part that every pixel shows, and the point of the part that its ray hits."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from davsn.streets import casting
from davsn.streets.camera import NEAR, Camera, Floats
from davsn.streets.categories import Category
from davsn.streets.road import Road
from davsn.streets.sight import Placed, in_sight
from davsn.streets.world import World, WorldKey, world

SKY, GROUND, BACKDROP, BONNET = 0, 1, 2, 3
"""Part numbers that belong to no thing."""
PARTS = 4
"""The first part number of a thing."""
HORIZON = 600.0
"""Metres. The ground ends here, at the line of far trees."""
APRON = 0.5
"""Metres of the paved edge of the islands of roundabouts."""


@dataclass(frozen=True, eq=False)
class View:
    """The geometry of one frame.

    Attributes:
        world: the world that the frame shows.
        time: seconds since the clip's start.
        camera: the camera of the frame.
        placed: the visible things, nearest first.
        depth: (H, W) depth along the forward axis; infinite for sky and backdrop.
        part: (H, W) number of the visible part.
        face: (H, W) visible face of the part.
        point: (3, H, W) visible point in the thing's own axes; (s, lateral, 0) on the ground; the ray's direction in
            the sky.
        category: (H, W) category.
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
        """The length (H, W) in metres that a pixel spans: along the road on the ground, otherwise across the ray."""
        pixel, hills = self.depth / np.float32(self.camera.focal), self.world.road.hills
        stretch = np.where(self.part == GROUND, self.depth / np.float32(self.camera.pose.z), 1)
        if hills is not None:
            ground = self.part == GROUND
            east, north, up = self.camera.rays[:, ground]
            way = self.depth[ground]
            along, across = hills.gradient(self.camera.pose.x + way * east, self.camera.pose.y + way * north)
            stretch[ground] = 1 / np.maximum(along * east + across * north - up, 1e-3)
        return np.asarray(np.where(self.depth < np.inf, pixel * stretch, 0), np.float32)

    @cached_property
    def shapes(self) -> tuple[Floats, Floats]:
        """The centres (3, parts) and half sizes (3, parts) of all parts."""
        blank = np.tile(np.array([[0.0], [1.0]], np.float32), (PARTS, 1, 3))
        bounds = np.concatenate([blank, *(placed.thing.slot.model.bounds for placed in self.placed)])
        return bounds.mean(1).T, ((bounds[:, 1] - bounds[:, 0]) / 2).T

    def owner(self) -> NDArray[np.int32]:
        """The index in ``placed`` of each part's thing (parts,); -1 for sky, ground and backdrop."""
        counts = [len(item.thing.slot.model.categories) for item in self.placed]
        return np.concatenate([np.full(PARTS, -1), np.repeat(np.arange(len(counts)), counts)]).astype(np.int32)

    def surface(self) -> NDArray[np.int64]:
        """A number (H, W) for the visible surface, the same in every frame of the clip."""
        own = [np.arange(PARTS)]
        own += [p.thing.identity * 64 + np.arange(len(p.thing.slot.model.categories)) for p in self.placed]
        return np.asarray(np.concatenate(own).astype(np.int64)[self.part] * 8 + self.face)


@lru_cache(maxsize=4)
def view(key: WorldKey, time: float, size: tuple[int, int]) -> View:
    """Compute the geometry of the frame at ``time`` seconds; ``size`` is (width, height) in pixels."""
    scene = world(key)
    camera = Camera(scene.drive.pose(time), size, scene.lens)
    placed = tuple(in_sight(scene, camera, time, PARTS))
    depth, part, point, ground = _ground(scene, camera, time)
    code = part * casting.FACES
    casting.draw(placed, camera, depth, code)
    part, face = np.divmod(code, casting.FACES)
    tables = [np.array([Category.SKY, Category.ROAD, Category.VEGETATION, Category.OTHER], np.uint8)]
    tables += [item.thing.slot.model.categories for item in placed]
    category = np.concatenate(tables)[part]
    category[part == GROUND] = ground[part == GROUND]
    seen = View(scene, time, camera, placed, depth, part, face.astype(np.int8), point, category)
    _put_points(seen)
    return seen


def _ground(scene: World, camera: Camera, time: float) -> tuple[Floats, NDArray[np.int32], Floats, NDArray[np.uint8]]:
    """The depth, part, point and category of an empty street: the ground plane, and far trees above the horizon."""
    rays, pose = camera.rays, camera.pose
    slope = rays[2] / np.hypot(rays[0], rays[1])
    depth, point = np.full(slope.shape, np.inf, np.float32), rays.copy()
    part, category = np.zeros(slope.shape, np.int32), np.zeros(slope.shape, np.uint8)
    part[slope < skyline(np.arctan2(rays[1], rays[0]), scene.look)] = BACKDROP
    if scene.road.hills is None:
        below = slope < -pose.z / HORIZON
        depth[below] = -pose.z / rays[2][below]
    else:
        depth = scene.road.hills.met_by(rays, camera.position)
        below = depth < np.inf
    x, y = pose.x + depth[below] * rays[0][below], pose.y + depth[below] * rays[1][below]
    s, lateral = scene.road.along(x, y, scene.drive.travelled(time))
    part[below], point[:, below] = GROUND, np.stack([s, lateral, np.zeros_like(s)])
    category[below] = ground_category(scene.road, s, lateral)
    if camera.lens.bonnet:
        covered = bonnet(camera)
        part[covered], depth[covered] = BONNET, NEAR / 2
    return depth, part, point, category


def bonnet(camera: Camera) -> NDArray[np.bool_]:
    """Where the ego vehicle covers the image (H, W): below an arc that is highest in the middle."""
    width, height = camera.size
    x = np.linspace(-1, 1, width)[None]
    y = (np.arange(height)[:, None] + 0.5) / height
    return np.asarray(y > 1 - camera.lens.bonnet * (1 - 0.5 * x**2 - 0.5 * x**6))


def _put_points(seen: View) -> None:
    """Set the points of pixels that show things to the visible points, in the things' own axes."""
    owner = seen.owner()[seen.part].reshape(-1)
    shown = np.flatnonzero(owner >= 0)
    cos, sin, x, y, z = casting.axes(seen.placed, seen.camera)[:, owner[shown]]
    way = seen.camera.rays.reshape(3, -1)[:, shown] * seen.depth.reshape(-1)[shown]
    place = np.stack([x + cos * way[0] + sin * way[1], y + cos * way[1] - sin * way[0], z + way[2]])
    seen.point.reshape(3, -1)[:, shown] = place


def skyline(azimuth: Floats, look: int) -> Floats:
    """The tangent of the far trees' elevation in a direction; ``look`` makes it different for every clip."""
    shape = np.full_like(azimuth, 0.035)
    for wave, share in ((3, 0.014), (8, 0.008), (23, 0.005), (61, 0.003)):
        shape += share * np.sin(wave * azimuth + np.float32(look % (97 + wave)))
    return shape


def ground_category(road: Road, s: NDArray[np.floating], lateral: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The category of the ground at ``s`` and ``lateral``: road, pavement or terrain."""
    across, apart = np.abs(lateral), road.from_crossing(s)
    side = (lateral > 0).astype(np.int64)
    paved = road.paved[np.floor(s / road.block).astype(np.int64) % len(road.paved), side]
    corner = apart < road.crossing + min(2.4, road.walk)
    is_walk = ((across < road.kerb + road.verge + road.walk) & (across >= road.kerb + road.verge)) | corner
    is_walk |= paved & (across >= road.kerb + road.verge)
    is_road = ((across < road.kerb) & (across >= road.median)) | (apart < road.crossing)
    if road.island:
        centre = np.hypot(apart, across)
        is_road = (is_road | (centre < road.ring)) & (centre >= road.island)
        is_walk = (is_walk | (centre < road.ring + min(2.4, road.walk))) & (centre >= road.island - APRON)
    return np.where(is_road, Category.ROAD, np.where(is_walk, Category.SIDEWALK, Category.TERRAIN)).astype(np.uint8)
