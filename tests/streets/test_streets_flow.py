"""The exact flow of the procedural world, against its own pictures, its own geometry and a pencil."""

from functools import cache

import cv2
import numpy as np
import pytest

from davsn.data.sets.streets import Config, Streets, motion
from davsn.streets.camera import Camera
from davsn.streets.categories import Category
from davsn.streets.render import GROUND, PARTS, SKY
from davsn.streets.road import Drive, Pose, Road

SIZE = (256, 128)


@cache
def dataset():
    return Streets(Config(size=SIZE, clips=4, length=20))


def warp(image, flow):
    x, y = np.meshgrid(np.arange(SIZE[0], dtype=np.float32), np.arange(SIZE[1], dtype=np.float32))
    return cv2.remap(image.astype(np.float32), x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)


@pytest.mark.parametrize("other", [-1, -2, 1, 3])
@pytest.mark.parametrize("clip", range(4))
def test_warping_the_other_frame_gives_the_current_one(clip, other):
    flow, valid = dataset().read_flow(clip, 9, 9 + other)
    current, neighbour = dataset().read_frame(clip, 9).astype(float), dataset().read_frame(clip, 9 + other)

    moved = valid & (np.hypot(*flow.transpose(2, 0, 1)) > 2)

    def error(candidate):
        return np.abs(warp(neighbour, candidate) - current)[moved].mean()

    assert flow.dtype == np.float32
    assert valid.dtype == bool
    assert valid.mean() > 0.5
    assert moved.mean() > 0.1
    assert error(flow) < 8
    assert error(flow) < 0.5 * error(np.zeros_like(flow))
    assert error(flow) < 0.35 * error(-flow)


@pytest.mark.parametrize("clip", range(4))
def test_labels_move_with_the_flow(clip):
    flow, valid = dataset().read_flow(clip, 9, 8)
    x, y = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    column, row = np.rint(x + flow[..., 0]).astype(int), np.rint(y + flow[..., 1]).astype(int)
    current, previous = dataset().read_label(clip, 9), dataset().read_label(clip, 8)
    agree = current[valid] == previous[row[valid], column[valid]]
    assert agree.mean() > 0.99


def test_hidden_content_is_marked():
    """Where the mask says hidden although the flow stays in the picture, the other frame shows something else."""
    differ, total = 0, 0
    for clip in range(4):
        flow, valid = dataset().read_flow(clip, 9, 12)
        x, y = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
        column, row = np.rint(x + flow[..., 0]).astype(int), np.rint(y + flow[..., 1]).astype(int)
        inside = (column >= 1) & (row >= 1) & (column < SIZE[0] - 1) & (row < SIZE[1] - 1)
        assert not valid[(column < 0) | (row < 0) | (column >= SIZE[0]) | (row >= SIZE[1])].any()
        now, then = dataset()._view(clip, 9), dataset()._view(clip, 12)
        hidden = inside & ~valid & (now.face != motion.CURVED)
        differ += (now.surface()[hidden] != then.surface()[row[hidden], column[hidden]]).sum()
        total += hidden.sum()
    assert total > 100
    assert differ == total


def test_the_flow_to_the_frame_itself_is_zero_and_valid():
    flow, valid = dataset().read_flow(2, 7, 7)
    assert np.abs(flow).max() < 2e-3
    assert valid.mean() > 0.999


def test_there_and_back_again():
    forth, valid = dataset().read_flow(1, 9, 10)
    back, _ = dataset().read_flow(1, 10, 9)
    again = warp(back, forth)
    inner = valid & (dataset()._view(1, 9).part == GROUND)
    inner &= cv2.erode(inner.astype(np.uint8), np.ones((5, 5))) > 0
    assert np.abs(forth + again)[inner].max() < 0.3


def test_the_ground_and_the_sky_move_as_the_pinhole_formulas_say():
    """Every ground pixel's plane point and every sky pixel's direction, projected by hand in float64."""
    now, then = dataset()._view(0, 9), dataset()._view(0, 8)
    flow, _ = motion.flow(now, then)
    for rows, columns, far in ((*np.nonzero(now.part == GROUND), False), (*np.nonzero(now.part == SKY), True)):
        for row, column in list(zip(rows, columns, strict=True))[::997]:
            ray = pinhole_ray(now.camera, column, row)
            point = ray * 1e7 if far else ray * (-now.camera.pose.z / ray[2])
            expected = pinhole_pixel(then.camera, point + now.camera.position)
            assert flow[row, column] + (column, row) == pytest.approx(expected, abs=0.02)


def pinhole_ray(camera, x, y):
    """Rotate the pixel's ray by pitch, then by heading."""
    right, down = (x - (SIZE[0] - 1) / 2) / camera.focal, (y - (SIZE[1] - 1) / 2) / camera.focal
    nod, turn = camera.pose.pitch, camera.pose.heading
    ahead, up = np.cos(nod) - down * np.sin(nod), -np.sin(nod) - down * np.cos(nod)
    return np.array([np.cos(turn) * ahead + np.sin(turn) * right, np.sin(turn) * ahead - np.cos(turn) * right, up])


def pinhole_pixel(camera, point):
    x, y, z = point - camera.position
    nod, turn = camera.pose.pitch, camera.pose.heading
    ahead, right = np.cos(turn) * x + np.sin(turn) * y, np.sin(turn) * x - np.cos(turn) * y
    depth, down = np.cos(nod) * ahead - np.sin(nod) * z, -np.sin(nod) * ahead - np.cos(nod) * z
    return (
        (SIZE[0] - 1) / 2 + camera.focal * right / depth,
        (SIZE[1] - 1) / 2 + camera.focal * down / depth,
    )


def test_moving_things_do_not_move_as_the_street_beneath_them():
    """A parked thing's flow is that of standing points; a driving thing's is not."""
    seen = {True: 0, False: 0}
    for clip in range(4):
        now, then = dataset()._view(clip, 9), dataset()._view(clip, 6)
        flow, _ = motion.flow(now, then)
        standing = now.camera.rays * np.where(now.depth < np.inf, now.depth, 1) + (
            now.camera.position - then.camera.position
        ).reshape(3, 1, 1)
        pixels, depth = then.camera.project(standing)
        y, x = np.mgrid[: SIZE[1], : SIZE[0]]
        apart = np.hypot(pixels[0] - x - flow[..., 0], pixels[1] - y - flow[..., 1])
        owner = now.owner()[now.part]
        for index, placed in enumerate(now.placed):
            mask = (owner == index) & (now.depth < 25) & (depth > 1)
            if mask.sum() < 20:
                continue
            moves = placed.thing.lane.speed != 0
            seen[moves] += 1
            if moves:
                assert apart[mask].mean() > 0.2
            else:
                assert apart[mask].max() < 0.05
    assert seen[True] > 3
    assert seen[False] > 10


def test_flow_scales_with_the_picture():
    large = Streets(Config(size=(512, 256), clips=4, length=20))
    small_flow, _ = dataset().read_flow(0, 9, 8)
    large_flow, _ = large.read_flow(0, 9, 8)
    same = np.ones(SIZE[::-1], bool)
    for y in (0, 1):
        for x in (0, 1):
            same &= large._view(0, 9).surface()[y::2, x::2] == dataset()._view(0, 9).surface()
    mean = sum(large_flow[y::2, x::2] for y in (0, 1) for x in (0, 1)) / 4
    near = same & (dataset()._view(0, 9).depth < 40)
    assert np.median(np.abs(mean / 2 - small_flow)[near]) < 0.05


def test_every_part_has_one_owner_and_points_lie_within_their_things():
    view = dataset()._view(3, 9)
    owner = view.owner()
    assert (owner[:PARTS] == -1).all()
    for index, placed in enumerate(view.placed):
        mask = owner[view.part] == index
        points = view.point[:, mask]
        assert (points >= placed.thing.slot.model.low[:, None] - 0.02).all()
        assert (points <= placed.thing.slot.model.high[:, None] + 0.02).all()
    assert view.category[view.part == SKY].max(initial=0) in (0, Category.SKY)


def straight(bends=((0.0, 300.0, 0.0),)):
    return Road(400.0, np.array(bends), 1, 80.0, 2.0, 3.0, np.zeros((4, 2), bool))


@pytest.mark.parametrize("bends", [((0.0, 300.0, 0.0),), ((0.4, 250.0, 1.0), (0.2, 170.0, 2.0))])
def test_places_on_a_road_are_found_again(bends):
    road = straight(bends)
    for s, lateral in ((10.0, 0.0), (60.3, 5.0), (120.0, -8.0)):
        pose = road.place(s, lateral)
        found = road.along(np.array([pose.x]), np.array([pose.y]), start=30.0)
        assert np.concatenate(found) == pytest.approx([s, lateral], abs=0.05)


def test_the_camera_never_drives_backwards_and_changes_its_speed():
    drive = Drive(straight(), 1.6, 1.5, 0.03, speed=8.0, swing=0.7, period=7.0, phase=1.0)
    speeds = np.diff([drive.travelled(time) for time in np.arange(0, 20, 0.1)]) / 0.1
    assert drive.travelled(0.0) == 0
    assert speeds.min() > 0
    assert speeds.max() > 2 * speeds.min()


def test_projecting_a_ray_gives_its_pixel():
    camera = Camera(Pose(3.0, 4.0, 0.7, 1.5, 0.05), SIZE)
    pixels, depth = camera.project(camera.rays * 12)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    assert np.abs(pixels - np.stack([x, y])).max() < 1e-3
    assert depth == pytest.approx(12, abs=1e-4)
