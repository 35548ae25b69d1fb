"""What only some varied clips have: hills, roundabouts, passages, lanes with a surface of their own."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from davsn.streets import appearance, lane_paint, motion, render, weather
from davsn.streets.camera import Camera
from davsn.streets.categories import Category
from davsn.streets.hills import Hills
from davsn.streets.models import assemble, box, deepened
from davsn.streets.paint import shades
from davsn.streets.passages import SEGMENT
from davsn.streets.render import GROUND, SKY, view
from davsn.streets.road import Pose, Road
from davsn.streets.variety import draw
from davsn.streets.world import WorldKey, world

SIZE = (384, 192)


def key(clip, reach=200):
    return WorldKey(0, 0, clip, reach, 1.0)


def is_tunnel(road):
    return road.passage is not None and road.passage.half >= SEGMENT


HAS = {
    "hills": lambda road: road.hills is not None and road.hills.steepest > 0.05,
    "roundabout": lambda road: road.island > 1.5 and road.block < 120,
    "bridge": lambda road: road.passage is not None and not is_tunnel(road) and 15 < road.passage.middle < 90,
    "tunnel": lambda road: is_tunnel(road) and road.passage.half + 5 < road.passage.middle < 90,
}


@cache
def clip_with(kind):
    """The first clip by day that has something, and the time at which the camera is near it."""
    for clip in range(300):
        scene = world(key(clip))
        if HAS[kind](scene.road) and not (scene.variation.night or scene.variation.snow or scene.variation.rain):
            place = {"roundabout": scene.road.block / 2 - 4, "hills": 10.0}.get(kind)
            place = scene.road.passage.middle - scene.road.passage.half - 5 if place is None else place
            times = np.arange(0, 60, 0.1)
            way = np.array([scene.drive.travelled(time) for time in times])
            return clip, float(times[np.argmin(np.abs(way - place))])
    raise AssertionError(kind)


def seen(kind, later=0.0, size=SIZE, reach=200):
    clip, time = clip_with(kind)
    return view(key(clip, reach), time + later, size)


@pytest.mark.parametrize("kind", HAS)
def test_labels_and_frames_move_with_the_flow(kind):
    """Along the exact flow the neighbour fits best: better than unmoved, and than along a shorter or a longer flow."""
    now, then = seen(kind), seen(kind, -1 / 15)
    flow, valid = motion.flow(now, then)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    column, row = np.rint(x + flow[..., 0]).astype(int), np.rint(y + flow[..., 1]).astype(int)
    assert valid.mean() > 0.4
    assert (now.category[valid] == then.category[row[valid], column[valid]]).mean() > 0.99
    current, neighbour = appearance.colour(now, 0.0), appearance.colour(then, 0.0)
    moved = valid & (np.hypot(*flow.transpose(2, 0, 1)) > 2) & (now.part != SKY)

    def error(share):
        place = (np.stack([x, y], 2) + share * flow).astype(np.float32)
        return np.abs(cv2.remap(neighbour, place, None, cv2.INTER_LINEAR) - current)[moved].mean()

    assert error(1) < 0.5 * error(0)
    assert error(1) < 0.8 * min(error(0.7), error(1.3))


@pytest.mark.parametrize("kind", HAS)
def test_a_frame_does_not_depend_on_the_reach_of_its_world(kind):
    near, far = (seen(kind, size=(96, 48), reach=reach) for reach in (200, 1000))
    assert np.array_equal(near.category, far.category)
    assert np.array_equal(appearance.colour(near, 0.5), appearance.colour(far, 0.5))


def test_none_of_them_is_there_at_variety_0():
    for home in ("street", "dashcam"):
        drawn = draw((3, 0, 2), home, 0.0)
        assert drawn.hills == drawn.island == drawn.passage == drawn.bus_lane == drawn.cycle_lane == drawn.tram == 0


def test_rays_meet_the_first_ground_before_them():
    """Each ray is followed in steps of 5 cm here. What a crest hides only by centimetres may be seen."""
    hills = Hills(np.array([[2.0, 0.045, 0.01, 4.0], [0.8, 0.02, 0.06, 1.0]]))
    origin = np.array([3.0, 5.0, hills.height(3.0, 5.0) + 1.4])
    rng = np.random.default_rng(0)
    rays = np.stack([np.ones(400), rng.uniform(-0.7, 0.7, 400), rng.uniform(-0.4, 0.12, 400)]).astype(np.float32)
    depth = hills.met_by(rays[:, None], origin)[0]
    way = np.arange(0.05, 600, 0.05)
    for ray, found in zip(rays.T.astype(float), depth, strict=True):
        over = origin[2] + way * ray[2] - hills.height(origin[0] + way * ray[0], origin[1] + way * ray[1])
        if found == np.inf:
            assert over.min() > -0.3
        else:
            place = origin + found * ray
            assert place[2] == pytest.approx(hills.height(place[0], place[1]), abs=2e-3)
            assert over[way < found - 0.05].min(initial=1) > -0.3
    assert 0.2 < (depth < np.inf).mean() < 0.95


def test_ground_behind_a_crest_is_not_valid():
    """One camera is behind a crest and one before it. No ground hides what is valid by more than 1.5 pixels."""
    hills = Hills(np.array([[2.5, 0.04, 0.0, 0.0]]))  # its crest is at 39 m
    scene = world(key(0))
    scene = replace(scene, road=replace(scene.road, hills=hills, passage=None))
    now, then = (ground_from(scene, Pose(x, 0.0, 0.0, float(hills.height(x, 0.0)) + 1.5)) for x in (50.0, 22.0))
    _, valid = motion.flow(now, then)
    ground = now.part == GROUND
    points = now.camera.rays[:, ground] * now.depth[ground] + now.camera.position[:, None]
    start, share = then.camera.position[:, None, None], np.linspace(0.02, 0.98, 100)[:, None]
    x, y, z = start + share * (points[:, None] - start)
    way = share * np.linalg.norm(points - then.camera.position[:, None], axis=0)
    pixels = ((z - hills.height(x, y)) / way).min(0) * then.camera.focal
    assert pixels[valid[ground]].min() > -1.5
    inside = np.abs(points[1]) < 0.4 * points[0]
    assert (~valid[ground])[inside & (pixels < -2)].sum() > 100
    assert valid[ground][inside & (pixels > 0.02)].mean() > 0.9


def ground_from(scene, pose):
    """The view of a world without things from a place."""
    camera = Camera(pose, (192, 96))
    depth, part, point, category = render._ground(scene, camera, 0.0)
    return render.View(scene, 0.0, camera, (), depth, part, np.zeros(part.shape, np.int8), point, category)


def test_the_camera_and_all_things_stand_on_the_hills():
    scene = seen("hills").world
    pose, later = scene.drive.pose(2.0), scene.drive.pose(2.1)
    hills = scene.road.hills
    assert pose.z - hills.height(pose.x, pose.y) == pytest.approx(scene.variation.height)
    assert (later.z - pose.z) * hills.rise(pose.x, pose.y, pose.heading) >= 0
    for thing in scene.things(2.0):
        at = scene.pose(thing, 2.0)
        assert at.z == pytest.approx(hills.height(at.x, at.y))
        low, high = thing.slot.model.low, thing.slot.model.high
        if high[0] - low[0] > 10 and low[2] < 0:
            for x in (low[0], high[0]):
                corner = at.x + np.cos(at.heading) * x, at.y + np.sin(at.heading) * x
                assert at.z + low[2] < hills.height(*corner)


def test_a_deepened_box_stays_within_its_bounds():
    paint = shades("brick")[0]
    plain = assemble([box(Category.POLE, paint, (-2, -1, 0), (2, 1, 3), (0.5, -0.4, 0.2, 0.0))])
    deep = deepened(plain, 0.2)
    rng = np.random.default_rng(1)
    points = rng.uniform((-4, -3, -2), (4, 3, 4), (20000, 3))
    inside = ((points @ deep.planes[0, :, :3].T + deep.planes[0, :, 3]) <= 0).all(1)
    low, high = deep.bounds[0]
    assert points[inside][:, 2].min() == pytest.approx(-0.2 * np.hypot(2.4, 1), abs=0.05)
    assert (points[inside] >= low).all()
    assert (points[inside] <= high).all()
    assert (deep.low <= low + 1e-6).all()


def test_everything_keeps_clear_of_islands_and_the_drive_leads_round_them_smoothly():
    scene = seen("roundabout").world
    road, drive = scene.road, scene.drive
    times = np.arange(0, 40, 1 / 15)
    way = np.array([drive.travelled(time) for time in times])
    lateral = np.array([road.track(s, drive.lateral)[0] for s in way])
    centre = np.hypot(road.from_crossing(way), lateral)
    assert centre.min() > road.island + 0.9
    assert np.abs(lateral[centre < road.island + 2]).max() < road.ring
    turns = np.diff([drive.pose(time).heading for time in times])
    assert np.abs(turns).max() < 0.12
    assert np.abs(np.diff(turns)).max() < 0.03
    for time in (0.0, 4.0):
        for thing in scene.things(time):
            s, aside, _ = scene.track(thing, time)
            apart = np.hypot(road.from_crossing(np.asarray(s)), aside)
            if not thing.lane.special:
                assert apart > (
                    road.ring if thing.lane.speed == 0 or abs(thing.slot.lateral) > road.kerb else road.island + 0.3
                )


@pytest.mark.parametrize("kind", ["bridge", "tunnel"])
def test_nothing_stands_across_the_road_beneath_a_passage(kind):
    now = seen(kind)
    scene, road = now.world, now.world.road
    above = [thing for thing in scene.things(now.time) if thing.lane.special]
    assert above
    for thing in above:
        bounds = thing.slot.model.bounds
        low = bounds[:, 0, 2] < 4.5
        nearest = np.where(bounds[low, 0, 1] * bounds[low, 1, 1] < 0, 0, np.abs(bounds[low, :, 1]).min(1))
        assert nearest.min(initial=np.inf) > road.edge
    for thing in scene.things(now.time):
        if thing.lane.speed == 0 and not thing.lane.special:
            assert road.passage.inside(thing.slot.s) < 0
    light = weather._beneath(now, road.passage)
    deep = (now.part == GROUND) & (road.passage.inside(now.point[0]) > 2.5)
    outside = (now.part == GROUND) & (road.passage.inside(now.point[0]) < 0)
    assert light[deep].max() < 0.8
    assert (light[outside] == 1).all()
    labels = {category for category in now.category[np.isin(now.owner()[now.part], _special(now))].tolist()}
    assert labels <= {Category.OTHER, Category.BUILDING, Category.TERRAIN, Category.VEGETATION}
    assert labels


def _special(seen_):
    return [index for index, placed in enumerate(seen_.placed) if placed.thing.lane.special]


def test_lanes_of_their_own_colour_change_the_road_where_they_are():
    road = Road(400.0, np.array([[0.0, 300.0, 0.0]]), 2, 80.0, 2.0, 3.0, np.zeros((4, 2), bool))
    lateral = np.linspace(-8, 8, 641)
    s, across = np.full(641, 80.0), np.full(641, 0.02)
    for change, low, high in (
        ({"bus_lane": 1.0}, 3.3, 6.6),
        ({"cycle_lane": 1.5}, 5.1, 6.6),
        ({"tram": 1.0}, 0.2, 3.1),
    ):
        drawn = replace(draw((0, 0, 0), "street", 0.0), **change)
        colours = np.full((641, 3), 0.4, np.float32)
        lane_paint.surface(colours, road, drawn, np.random.default_rng(3), s, lateral, across)
        changed = np.abs(colours - 0.4).max(1) > 0.02
        right = lateral[changed & (lateral > 0)]
        assert right.min() > low - 0.1
        assert right.max() < high + 0.1
        assert len(right) > 10
