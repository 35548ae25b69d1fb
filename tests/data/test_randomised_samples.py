"""Samples of a randomised source: random styles, scales and crops, the same for any number of workers."""

import pickle
from itertools import islice

import numpy as np
import pytest
import torch

from davsn.core.clip import ClipSpec
from davsn.core.errors import ConfigError, DataError
from davsn.core.settings import validate
from davsn.data.frame_pool import FramePool
from davsn.data.loading import Samples, training_batches
from davsn.data.sets.folder import Folder
from davsn.data.sets.streets import Streets
from davsn.data.transforms import crop, mirror, rescale
from tiny_data import cut, frame_of, write_labelled

TWO = ClipSpec((0, -1), ((0, -1),), labels=True)
PHOTOMETRIC = {"share": 1, "strength": 1}
STYLE = {"share": 1, "kind": "lab"}
EVERYTHING = {
    "size": 32,
    "scale": [0.5, 1.5],
    "crop": [24, 16],
    "crop_limit": 0.4,
    "mirror": True,
    "colour": 0.3,
    "photometric": {"share": 0.5},
    "style": {"share": 0.5},
}


@pytest.fixture(name="source")
def _source(tmp_path):
    return write_labelled(tmp_path / "source", {"a": 5, "b": 4})


@pytest.fixture(name="target")
def _target(tmp_path):
    return write_labelled(tmp_path / "target", {"c": 3, "d": 2})


def folder(root, **settings):
    return Folder(validate(Folder.Config, {"root": root, "flow": "zero", **settings}, "the recipe"))


def samples_of(source, target, **settings):
    return Samples(folder(source, **settings), TWO, style_frames=FramePool(folder(target, size=(16, 12))))


def rng(seed=0):
    return np.random.default_rng(seed)


def same(one, two):
    return one.names == two.names and all(
        torch.equal(*pair)
        for pair in [
            *((one.frames[key], two.frames[key]) for key in one.frames),
            *((one.flows[key], two.flows[key]) for key in one.flows),
            (one.labels, two.labels),
        ]
    )


class TestSamples:
    @pytest.mark.parametrize("setting", [{"photometric": PHOTOMETRIC}, {"style": STYLE}])
    def test_frames_are_changed_and_labels_and_geometry_are_not(self, source, target, setting):
        before = {"crop": [24, 16], "mirror": True, "colour": 0.3, "flow": "dis"}
        for seed in range(6):
            plain = samples_of(source, target, **before).load(1, rng(seed))
            changed = samples_of(source, target, **before, **setting).load(1, rng(seed))
            assert not np.array_equal(plain.frames[0], changed.frames[0])
            assert np.array_equal(plain.labels, changed.labels)
            assert np.array_equal(plain.flows[0, -1], changed.flows[0, -1])

    def test_a_share_of_nothing_changes_no_pixel(self, source, target):
        before = {"crop": [24, 16], "mirror": True, "colour": 0.3}
        off = {"photometric": {"share": 0}, "style": {"share": 0}}
        for seed in range(4):
            plain, changed = (samples_of(source, target, **before, **more).load(1, rng(seed)) for more in ({}, off))
            assert all(np.array_equal(plain.frames[offset], changed.frames[offset]) for offset in (0, -1))

    def test_evaluation_sees_clean_frames(self, source, target):
        sample = samples_of(source, target, photometric=PHOTOMETRIC, style=STYLE, crop=[24, 16], scale=[2, 2])[0]
        assert np.array_equal(sample.frames[0], frame_of(0, 1))

    def test_a_style_without_target_frames_says_so(self, source):
        with pytest.raises(DataError, match=r"a/f_9: a style needs frames of a target, and there are none"):
            Samples(folder(source, style=STYLE), TWO).load(0, rng())

    @pytest.mark.parametrize("setting", [{}, {"crop": [24, 16]}, {"mirror": True}, {"colour": 0.5}])
    def test_a_repeated_frame_gets_no_noise_of_its_own(self, source, target, setting):
        samples = samples_of(source, target, missing="repeat", photometric=PHOTOMETRIC, **setting)
        sample = samples.load(0, rng())  # the first frame is its own neighbour
        assert np.array_equal(sample.frames[0], sample.frames[-1])

    def test_a_batch_depends_on_seed_and_number_alone(self, source, target):
        samples = samples_of(source, target, **EVERYTHING)
        reference = list(islice(training_batches(samples, 2, seed=5), 6))
        for start in (1, 3, 5):
            assert same(next(training_batches(samples, 2, seed=5, start=start)), reference[start])
        assert not same(next(training_batches(samples, 2, seed=6)), reference[0])

    def test_a_worker_changes_nothing(self, source, target):
        samples = samples_of(source, target, **EVERYTHING)
        alone, loaded = (list(islice(training_batches(samples, 2, seed=5, workers=n), 5)) for n in (0, 1))
        assert all(same(one, two) for one, two in zip(alone, loaded, strict=True))

    def test_a_scaled_crop_has_its_size_whatever_the_factor(self, source, target):
        samples = samples_of(source, target, scale=[0.1, 2.0], crop=[30, 20])
        clips = [samples.load(1, rng(seed)) for seed in range(20)]
        assert {clip.frames[-1].shape for clip in clips} == {(20, 30, 3)}
        assert {clip.labels.shape for clip in clips} == {(20, 30)}
        assert {clip.flows[0, -1].shape for clip in clips} == {(20, 30, 2)}

    def test_a_crop_that_fits_at_no_scale_says_so(self, source, target):
        with pytest.raises(DataError, match="a crop of 100x20 does not fit a frame of 80x48"):
            samples_of(source, target, scale=[0.5, 2.0], crop=[100, 20]).load(0, rng())

    def test_a_scale_is_a_resize_before_the_crop(self, source, target):
        scaled = samples_of(source, target, scale=[1.5, 1.5], crop=[24, 16]).load(1, rng(4))
        generator = rng(4)
        clip = samples_of(source, target).load(1, rng())
        expected = crop(rescale(clip, (1.5, 1.5), (24, 16), generator), (24, 16), generator)
        assert np.array_equal(scaled.frames[0], expected.frames[0])
        assert np.array_equal(scaled.labels, expected.labels)
        assert not np.array_equal(mirror(scaled).frames[0], scaled.frames[0])


class TestFramePool:
    def test_every_frame_is_drawn_equally_often(self, target):
        pool, generator = FramePool(folder(target)), rng()
        drawn = [pool(generator).tobytes() for _ in range(400)]
        expected = {
            frame_of(clip, position).tobytes() for clip, length in ((0, 3), (1, 2)) for position in range(length)
        }
        assert set(drawn) == expected
        assert all(50 < drawn.count(frame) < 110 for frame in expected)

    def test_it_reads_no_label(self, target, monkeypatch):
        def never(*_):
            raise AssertionError("a target label was read")

        for name in ("read_label", "resized_label", "label_origin"):
            monkeypatch.setattr(Folder, name, never)
        pool = FramePool(folder(target, cached=True, cache_folder=target / "cache"))
        assert all(pool(rng(seed)).shape == (24, 40, 3) for seed in range(9))

    def test_it_reads_where_no_label_can_be_read(self, source, target):
        for path in target.glob("labels/*/*.png"):
            path.write_text("whoever reads this fails")
        samples = samples_of(source, target, style=STYLE)
        assert len(list(islice(training_batches(samples, 2, seed=0), 8))) == 8

    def test_frames_have_the_size_of_the_settings_and_come_from_the_cache(self, target):
        pool = FramePool(folder(target, size=(20, 12), cached=True, cache_folder=target / "cache"))
        frames = [pool(rng(3)) for _ in range(2)]
        assert frames[0].shape == (12, 20, 3)
        assert np.array_equal(*frames)
        assert len([path for path in (target / "cache").rglob("*") if path.is_file()]) == 1

    def test_it_travels_to_workers(self, target):
        pool = FramePool(folder(target))
        assert np.array_equal(pickle.loads(pickle.dumps(pool))(rng(1)), pool(rng(1)))

    def test_an_unreadable_frame_stops_or_is_replaced(self, target):
        cut(target / "frames" / "c" / "f_8.png", 0.5)
        with pytest.raises(DataError, match=r"f_8\.png: is a truncated or damaged image"):
            [FramePool(folder(target))(rng(seed)) for seed in range(40)]
        pool = FramePool(folder(target, bad_files="skip"))
        drawn = {pool(rng(seed)).tobytes() for seed in range(40)}
        assert len(drawn) == 4
        assert frame_of(0, 0).tobytes() not in drawn

    def test_a_frame_that_cannot_be_read_is_no_fault_of_the_source(self, source, target):
        for path in target.glob("frames/*/*.png"):
            cut(path, 0.5)
        samples = samples_of(source, target, style={"share": 1.0}, bad_files="skip")
        with pytest.raises(DataError, match=r"^\S+/[cd]/f_\d+\.png: .*bad_files: skip for the target"):
            next(training_batches(samples, 2, seed=0))

    def test_skip_gives_up_where_nothing_can_be_read(self, target):
        for path in target.glob("frames/*/*.png"):
            cut(path, 0.5)
        with pytest.raises(DataError, match=r"20 frames in a row cannot be read; the last: .*truncated"):
            FramePool(folder(target, bad_files="skip"))(rng())


class TestSize:
    def test_the_height_alone_keeps_the_aspect_of_each_frame(self, source):
        samples = Samples(folder(source, size=48), TWO)
        sample = samples.load(0, rng())
        assert sample.frames[0].shape == (48, 80, 3)
        assert sample.labels.shape == (48, 80)
        assert samples[0].labels.shape == (24, 40)

    @pytest.mark.parametrize("size", [7, 0, "high", [64], [64, 0], [1, 2, 3], True])
    def test_what_is_no_size_is_one_mistake(self, source, size):
        with pytest.raises(ConfigError) as error:
            folder(source, size=size)
        text = f"size  should be [width, height], or the height alone as one number from 8, but got {size!r}"
        assert error.value.mistakes == (text,)

    def test_streets_is_drawn_at_both_sides_only(self):
        with pytest.raises(ConfigError) as error:
            validate(Streets.Config, {"size": 64}, "the recipe")
        text = "size  streets has no aspect of its own to keep. Give [width, height], such as [128, 64]"
        assert error.value.mistakes == (text,)


@pytest.mark.parametrize(
    ("settings", "mistakes"),
    [
        ({"scale": [0.5, 2]}, ["scale  has no effect without a crop. Set 'crop' too"]),
        (
            {"crop_limit": 0.75, "scale": [0.5, 2]},
            [f"{key}  has no effect without a crop. Set 'crop' too" for key in ("scale", "crop_limit")],
        ),
        (
            {"crop": [8, 8], "scale": [2, 0.5]},
            ["scale  should be the smallest and the largest factor, such as [0.5, 2.0], but got [2.0, 0.5]"],
        ),
        (
            {"crop": [8, 8], "scale": [0, 1]},
            ["scale  should be the smallest and the largest factor, such as [0.5, 2.0], but got [0.0, 1.0]"],
        ),
        ({"crop": [8, 8], "crop_limit": 1.5}, ["crop_limit  input should be less than 1, but got 1.5"]),
        (
            {"photometric": {"strenght": 1}, "style": {"kind": "oil"}},
            [
                "photometric.strenght  unknown key. Did you mean 'strength'? (known: share, strength, blurred, grey, "
                "compressed)",
                "style.kind  input should be 'lab', 'histogram' or 'fourier', but got 'oil'",
            ],
        ),
    ],
)
def test_mistakes_in_settings_are_told_at_once(source, settings, mistakes):
    with pytest.raises(ConfigError) as error:
        folder(source, **settings)
    assert list(error.value.mistakes) == mistakes
