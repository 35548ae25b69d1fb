"""The procedural world: its labels, its appearances, and that a frame depends on its settings alone."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

import numpy as np
import pytest

from davsn.core.clip import IGNORE
from davsn.core.errors import ConfigError, DataError
from davsn.core.plugins import available
from davsn.core.settings import validate
from davsn.data.dataset import VideoDataset
from davsn.data.labels.class_tables import taxonomy
from davsn.data.sets.streets import NATIVE_SIZE, Config, Streets, train_ids
from davsn.streets.categories import Category

SMALL = (128, 64)


@cache
def streets(**settings):
    return Streets(Config(**{"size": SMALL, "clips": 3, "length": 12, **settings}))


def test_the_data_set_is_found_under_its_name():
    assert available(VideoDataset)["streets"] is Streets


def test_frames_and_labels_have_the_size_asked_for_and_the_native_size_else():
    for size in (None, (48, 80), (1024, 512)):
        dataset = streets(size=size)
        width, height = size or NATIVE_SIZE
        assert dataset.read_frame(0, 0).shape == (height, width, 3)
        assert dataset.read_frame(0, 0).dtype == np.uint8
        assert dataset.read_label(0, 0).shape == (height, width)
        assert dataset.read_label(0, 0).dtype == np.uint8


def test_class_tables_are_the_published_ones():
    viper, synthia = taxonomy("viper"), taxonomy("synthia")
    assert viper.names == tuple(
        "road sidewalk building fence light sign vegetation terrain sky person car truck bus motorcycle bicycle".split()
    )
    assert synthia.names == tuple(
        "road sidewalk building fence pole light sign vegetation sky person rider car".split()
    )
    assert viper.colours[11:] == ((0, 0, 70), (0, 60, 100), (0, 0, 230), (119, 11, 32))
    assert synthia.colours[10] == (255, 0, 0)
    assert viper.unscored == frozenset()
    assert synthia.unscored == {"fence"}


def test_what_a_class_set_leaves_out_is_ignored_and_a_rider_is_a_person_where_there_are_no_riders():
    viper, synthia = train_ids("viper"), train_ids("synthia")
    assert viper[Category.RIDER] == viper[Category.PERSON] == 9
    assert viper[Category.POLE] == IGNORE
    assert synthia[Category.RIDER] == 10
    left_out = [Category.TERRAIN, Category.TRUCK, Category.BUS, Category.MOTORCYCLE, Category.BICYCLE]
    assert set(synthia[left_out]) == {IGNORE}


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_class_of_both_sets_occurs_in_a_data_set_of_default_size(split):
    whole = Streets(Config(split=split))
    shares = np.zeros(256)
    for clip in range(len(whole.clips)):
        for position in range(0, whole.config.length, 15):
            shares += np.bincount(whole._view(clip, position).category.ravel(), minlength=256)
    shares /= shares.sum()
    rare = {category.name for category in Category if shares[category] < 5e-4}
    assert rare == {"OTHER"}
    assert shares[Category.OTHER :].sum() == 0
    assert shares[Category.ROAD] > 20 * shares[Category.MOTORCYCLE]


def test_labels_are_train_ids_or_ignore():
    for classes, count in (("viper", 15), ("synthia", 12)):
        found = np.unique(streets(classes=classes).read_label(1, 3))
        assert set(found) <= {*range(count), IGNORE}
        assert len(found) > 5


def test_both_domains_show_one_world_in_two_appearances():
    game, camera = streets(), streets(domain="camera")
    for clip in range(3):
        assert np.array_equal(game.read_label(clip, 5), camera.read_label(clip, 5))
        difference = np.abs(game.read_frame(clip, 5).astype(int) - camera.read_frame(clip, 5))
        assert difference.mean() > 10


def test_a_gap_of_zero_makes_the_camera_the_game_and_a_wider_gap_leads_further_away():
    game = streets().read_frame(1, 5).astype(int)
    apart = [np.abs(streets(domain="camera", gap=gap).read_frame(1, 5) - game).mean() for gap in (0.0, 0.3, 0.6, 1.0)]
    assert apart[0] == 0
    assert apart == sorted(apart)
    assert apart[3] > 1.5 * apart[1]


def test_exposure_drifts_along_a_camera_clip_and_not_along_a_game_clip():
    def swing(domain):
        dataset = streets(domain=domain, length=60, gap=1.0)
        sky = dataset.taxonomy.names.index("sky")
        places = [(0, position) for position in range(0, 60, 6)]
        return np.ptp([dataset.read_frame(*place)[dataset.read_label(*place) == sky].mean() for place in places])

    assert swing("camera") > 25
    assert swing("game") < 15


def test_seeds_splits_and_clips_are_different_streets():
    frames = [
        streets(**{"seed": seed, "split": split}).read_label(clip, 0).tobytes()
        for seed in (0, 1)
        for split in ("train", "val")
        for clip in range(3)
    ]
    assert len(set(frames)) == len(frames)


def _read(settings, clip, position):
    dataset = Streets(Config(**settings))
    flow, valid = dataset.read_flow(clip, position, position - 1)
    frame, label = dataset.read_frame(clip, position), dataset.read_label(clip, position)
    return b"".join(array.tobytes() for array in (frame, label, flow, valid))


@pytest.mark.slow
def test_the_bytes_are_the_same_in_another_process_in_another_order_and_in_a_longer_data_set():
    settings = {"size": SMALL, "clips": 2, "length": 4, "domain": "camera"}
    places = [(0, 1), (1, 2), (1, 1), (0, 3)]
    here = [_read(settings, *place) for place in places]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_read, settings, *place) for place in reversed(places)]
        there = [job.result() for job in reversed(jobs)]
    assert here == there
    longer = {**settings, "clips": 5, "length": 400}
    assert _read(longer, 1, 2) == here[1]


def test_the_data_set_pickles_into_workers_and_stays_small():
    dataset = streets()
    dataset.read_frame(0, 0)
    packed = pickle.dumps(dataset)
    assert len(packed) < 20_000
    assert np.array_equal(pickle.loads(packed).read_frame(0, 0), dataset.read_frame(0, 0))


def test_a_larger_picture_shows_the_same_scene():
    small, large = streets().read_label(2, 4), streets(size=(256, 128)).read_label(2, 4)
    assert np.mean([np.mean(small == large[y::2, x::2]) for y in (0, 1) for x in (0, 1)]) > 0.95


def test_clips_go_on_for_as_long_as_asked():
    dataset = streets(length=3000, clips=1)
    assert len(np.unique(dataset.read_label(0, 2999))) > 5
    assert dataset.clips[0].frames[2999] == "002999"
    assert list(dataset.clips[0].labelled) == list(range(3000))
    assert dataset.clips[0].rate == 15


def test_a_frame_outside_the_data_set_is_an_error():
    with pytest.raises(DataError, match=r"has no frame 12.*clips 0 to 2 have frames 0 to 11"):
        streets().read_frame(0, 12)
    with pytest.raises(DataError, match="has no frame -1"):
        streets().read_flow(0, 0, -1)


def test_impossible_settings_are_named():
    with pytest.raises(ConfigError, match="size"):
        validate(Config, {"size": (0, 64)}, "recipe")
    with pytest.raises(ConfigError, match="gap"):
        validate(Config, {"gap": 1.5}, "recipe")
