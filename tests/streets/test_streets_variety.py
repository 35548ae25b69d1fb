"""Streets that vary from clip to clip: exact labels and flow, one draw a clip, and variety 0 as it always was."""

from dataclasses import asdict
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import davsn
from davsn.cli import main
from davsn.core.clip import IGNORE
from davsn.data.sets.streets import Config, Streets, motion, train_ids
from davsn.streets import casting
from davsn.streets.camera import NEAR, Camera, Lens
from davsn.streets.categories import Category
from davsn.streets.render import BONNET, GROUND, PARTS, SKY
from davsn.streets.road import Pose
from davsn.streets.sight import screen_bounds
from davsn.streets.variety import draw

FOLDER = Path(__file__).parent
SIZE = (128, 64)
CLIPS = range(4)
KINDS = ("game", "dashcam")


@cache
def streets(**settings):
    return Streets(Config(**{"size": SIZE, "clips": len(CLIPS), "length": 20, "variety": 1.0, **settings}))


def warp(image, flow):
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(image.astype(np.float32), x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("domain", KINDS)
def test_labels_and_frames_move_with_the_flow(domain, clip):
    """Along the exact flow the neighbour fits best: better than unmoved, and than along a shorter or a longer flow.

    The frames are large enough to show the fine texture of the ground; smaller ones sample it anew in every frame.
    """
    width, height = size = (384, 192)
    data = streets(domain=domain, gap=0.0, size=size)
    flow, valid = data.read_flow(clip, 9, 8)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    column, row = np.rint(x + flow[..., 0]).astype(int), np.rint(y + flow[..., 1]).astype(int)
    now, then = data.read_categories(clip, 9), data.read_categories(clip, 8)
    assert valid.mean() > 0.4
    assert (now[valid] == then[row[valid], column[valid]]).mean() > 0.99
    current, neighbour = data.read_frame(clip, 9).astype(float), data.read_frame(clip, 8)
    moved = valid & (np.hypot(*flow.transpose(2, 0, 1)) > 2) & (now != Category.SKY)
    exact, shorter, longer, still = (
        np.abs(warp(neighbour, share * flow) - current)[moved].mean() for share in (1, 0.7, 1.3, 0)
    )
    assert exact < 0.45 * still
    assert exact < 0.8 * min(shorter, longer)


def test_variety_0_is_the_world_that_all_records_come_from():
    """A recording of frames and label maps from before there was variety; of ``dashcam``, before there were hills.

    Sines differ between processors in their last bit, so a few pixels may differ by one level. NumPy 1 also keeps
    float32 where NumPy 2 computes in float64.
    """
    most, share = (1, 0.002) if int(np.__version__[0]) > 1 else (2, 0.05)
    before = np.load(FOLDER / "before_variety.npz")
    for domain in ("game", "camera", "dashcam"):
        data = Streets(Config(domain=domain, size=(96, 48), clips=3, length=40, variety=0))
        for clip, position in ((0, 3), (2, 31)):
            frame, label = (before[f"{kind}_{domain}_{clip}"] for kind in ("frame", "label"))
            apart = np.abs(data.read_frame(clip, position).astype(int) - frame)
            assert apart.max() <= most
            assert (apart > 0).mean() < share
            assert (data.read_label(clip, position) != label).mean() < 0.001


def test_caches_of_variety_0_do_not_know_the_setting_and_others_do():
    plain, varied, more = (streets(variety=variety) for variety in (0.0, 0.5, 1.0))
    assert "variety" not in plain.frame_origin(0, 0)[-1]
    assert "variety" not in plain.label_origin(0, 0)[-1]
    origins = [str(data.frame_origin(0, 0)) for data in (plain, varied, more)]
    assert len(set(origins)) == 3
    assert varied.label_origin(0, 0)[-1]["variety"] == 0.5


def test_a_clip_is_drawn_from_its_seed_and_more_variety_leads_further_away():
    plain, some, much = (asdict(draw((3, 0, 2), "street", variety)) for variety in (0.0, 0.4, 1.0))
    assert draw((3, 0, 2), "street", 0.4) == draw((3, 0, 2), "street", 0.4)
    assert draw((3, 0, 3), "street", 0.4) != draw((3, 0, 2), "street", 0.4)
    assert draw((3, 0, 2), "dashcam", 0.0) != draw((3, 0, 2), "street", 0.0)
    for name in ("height", "roll", "focal", "lane_width", "house"):
        assert abs(some[name] - plain[name]) < abs(much[name] - plain[name])


def test_class_shares_vary_from_clip_to_clip():
    def spread(variety):
        data = streets(variety=variety)
        maps = [data.read_categories(clip, 9) for clip in CLIPS]
        shares = np.array([np.bincount(found.ravel(), minlength=18) / found.size for found in maps])
        return shares.std(0)

    varied, plain = spread(1.0), spread(0.0)
    assert (varied > plain)[[Category.ROAD, Category.PERSON, Category.OTHER]].all()
    assert varied.sum() > 1.3 * plain.sum()


def test_what_no_class_names_is_ignored_and_the_ego_vehicle_stands_still():
    assert train_ids("viper")[Category.OTHER] == train_ids("synthia")[Category.OTHER] == IGNORE
    data = streets(domain="dashcam", variety=0.0)
    seen = data._view(0, 9)
    covered = seen.part == BONNET
    assert 0.02 < covered.mean() < 0.2
    assert (data.read_label(0, 9)[covered] == IGNORE).all()
    flow, valid = data.read_flow(0, 9, 7)
    assert np.abs(flow[covered]).max() < 1e-3
    assert valid[covered].all()


@pytest.mark.parametrize("lens", [Lens(0.6, 0.2), Lens(1.2), Lens(0.8, 0.05)])
def test_projecting_a_ray_gives_its_pixel(lens):
    camera = Camera(Pose(3.0, 4.0, 0.7, 1.5, 0.05, 0.03), SIZE, lens)
    pixels, depth = camera.project(camera.rays * 12)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    assert np.abs(pixels - np.stack([x, y])).max() < 2e-3
    assert depth == pytest.approx(12, abs=1e-4)


@pytest.mark.parametrize("clip", CLIPS)
def test_the_nearest_surface_is_labelled(clip):
    """Every part is cast over the whole image here; no ray meets one before the depth that the frame has.

    A part's edge may fall on the centre of a pixel, up to rounding.
    """
    seen = streets(size=(64, 32))._view(clip, 9)
    parts = casting._parts(seen.placed, seen.camera)
    ray = seen.camera.rays.reshape(3, -1)
    boxes = parts.boxes.height.shape[1]
    nearest = np.full(ray.shape[1], np.inf)
    owner = np.zeros(ray.shape[1], int)
    for index in range(len(parts.code)):
        if index < boxes:
            depth, _ = casting.hit_boxes(parts.boxes.at(np.array([[index]])), ray[:, None])
        else:
            depth = casting.hit_ellipsoids(parts.ellipsoids.at(np.array([[index - boxes]])), ray[:, None])
        front = depth[0] < nearest
        nearest[front], owner[front] = depth[0][front], parts.code[index] // casting.FACES
    depth, part = seen.depth.ravel(), seen.part.ravel()
    uncovered = (part != BONNET) & (nearest < np.inf)
    assert (depth[uncovered] > nearest[uncovered] * (1 + 1e-5)).sum() <= 1
    shown = part >= PARTS
    assert (np.abs(depth[shown] - nearest[shown]) > 1e-4 * depth[shown]).sum() <= 1
    assert (part[shown] == owner[shown]).mean() > 0.995
    assert (depth[part == BONNET] < NEAR).all()


def test_the_ground_and_the_sky_move_as_the_lens_says():
    """Points on the ground and directions of the sky, put through the lens's formula in float64.

    The points are at the depth that the frame has. Flat ground lies at the height 0 of the world, hills as they say.
    """
    for clip in CLIPS:
        now, then = streets()._view(clip, 9), streets()._view(clip, 7)
        flow, _ = motion.flow(now, then)
        for part, far in ((GROUND, False), (SKY, True)):
            rows, columns = np.nonzero(now.part == part)
            for row, column in list(zip(rows, columns, strict=True))[::499]:
                way = seen_along(now.camera, column, row)
                point = way * (1e7 if far else now.depth[row, column])
                x, y, z = point + now.camera.position
                hills = now.world.road.hills
                assert far or z == pytest.approx(0.0 if hills is None else hills.height(x, y), abs=2e-3)
                pixel = flow[row, column] + (column, row)
                back = seen_along(then.camera, *pixel)
                target = point + now.camera.position - then.camera.position
                cosine = back @ target / np.linalg.norm(back) / np.linalg.norm(target)
                assert np.arccos(min(cosine, 1)) < 1e-4 or cosine < 0


def seen_along(camera, x, y):
    """The ray of a pixel: distort, roll, pitch, then heading."""
    right, down = (x - (SIZE[0] - 1) / 2) / camera.focal, (y - (SIZE[1] - 1) / 2) / camera.focal
    stretch = 1 + camera.lens.distortion * (right**2 + down**2)
    right, down = right * stretch, down * stretch
    roll, nod, turn = camera.pose.roll, camera.pose.pitch, camera.pose.heading
    right, down = np.cos(roll) * right - np.sin(roll) * down, np.sin(roll) * right + np.cos(roll) * down
    ahead, up = np.cos(nod) - down * np.sin(nod), -np.sin(nod) - down * np.cos(nod)
    return np.array([np.cos(turn) * ahead + np.sin(turn) * right, np.sin(turn) * ahead - np.cos(turn) * right, up])


def test_rectangles_hold_what_the_lens_shows():
    """Points on random boxes are shown within the boxes' screen rectangles, with a strong distortion."""
    rng = np.random.default_rng(0)
    camera = Camera(Pose(0, 0, 0, 1.5, 0.05, 0.02), SIZE, Lens(0.6, 0.2))
    low = rng.uniform((2, -8, 0), (30, 8, 3), (60, 3))
    boxes = np.stack([low, low + rng.uniform(0.2, 6, (60, 3))], 1)
    screen = screen_bounds(boxes, [Pose(0, 0, 0)] * 60, camera)
    for box, (top, bottom, left, right) in zip(boxes, screen.pixels, strict=True):
        points = box[0] + rng.random((500, 3)) * (box[1] - box[0])
        (x, y), _ = camera.project((points - camera.position).T)
        inside = (x > 0) & (y > 0) & (x < SIZE[0] - 1) & (y < SIZE[1] - 1)
        assert (x[inside] >= left - 1).all()
        assert (x[inside] <= right).all()
        assert (y[inside] >= top - 1).all()
        assert (y[inside] <= bottom).all()


def test_variety_can_be_written_to_disk_by_the_function_and_the_command(tmp_path):
    settings = {"variety": 1, "size": [64, 32], "clips": 1, "length": 1}
    assert davsn.write_streets(tmp_path / "one", settings, quiet=True) == (1, 1)
    words = [f"{key}={value}".replace(" ", "") for key, value in settings.items()]
    assert main(["streets", str(tmp_path / "two"), "domain=dashcam", *words]) == 0
    for folder, domain in (("one", "game"), ("two", "dashcam")):
        data = Streets(Config(domain=domain, **settings))
        (path,) = (tmp_path / folder / "frames").rglob("*.png")
        assert np.array_equal(np.asarray(Image.open(path)), data.read_frame(0, 0))
