"""What every data set must do, whatever it is; a new file in davsn/data is tested without a test of its own."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

import published
from davsn.core.cache import identity
from davsn.core.clip import ClipSpec
from davsn.core.errors import DataError
from davsn.core.plugins import available
from davsn.data.dataset import DatasetSettings, VideoDataset
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.loading import Samples, collate, target_training, training_batches
from tiny_data import write_labelled, write_video

DATASETS = available(VideoDataset)
PAIR = ClipSpec((0, -1), ((0, -1),))


def folder(path):
    return {"root": write_labelled(path / "set", {"a": 4, "b": 3}, labels_from=1)}


def video(path):
    return {"paths": [write_video(path / "a.mp4", 6), write_video(path / "b.mkv", 5)]}


def streets(path):
    return {"size": (64, 32), "clips": 2, "length": 3}


def viper(path):
    return published.viper(path, {"001": [8, 9, 10, 18, 19, 20], "002": [8, 9, 10]})


def cityscapes(path):
    drives = {"aachen_000000": [17, 18, 19, 20], "bochum_000000": [311, 312, 313, 400, 401, 402]}
    return published.cityscapes(path, drives, {"aachen_000000": [19], "bochum_000000": [313, 402]})


def synthia(path):
    return published.synthia(path, [0, 1, 2, 3])


def camvid(path):
    drives = {"0006R0_f": [929, 930, 931], "0001TP_0": [6689, 6690, 6691, 6692]}
    return published.camvid(path, drives, {"0006R0_f": [931], "0001TP_0": [6691, 6692]})


def kitti_step(path):
    return published.kitti_step(path, {"0000": [0, 1, 2], "0001": [0, 1, 2, 3]})


def vkitti2(path):
    return published.vkitti2(path, {"Scene01/clone": [0, 1, 2], "Scene02/clone": [0, 1, 2]})


def several(path):
    sets = {name: {"name": "folder", "root": write_labelled(path / name, {"a": 4, "b": 3})} for name in ("one", "two")}
    return {"sets": sets, "shares": {"one": 0.75, "two": 0.25}}


def carla(path):
    return published.carla(path, {"Town01": [0, 1, 2, 3], "Town02": [10, 11, 12]})


def shift(path):
    return published.shift(path, {"007b-4e72": [0, 10, 20, 30], "00ab-cdef": [0, 10, 20]})


def acdc(path):
    frames = {"fog/GOPR0475": [39, 40, 41], "night/GP010397": [53, 54, 55]}
    return published.acdc(path, frames, {"fog/GOPR0475": [41], "night/GP010397": [55]})


def bddvid(path):
    return published.bddvid(path, ["0004a4c0-d4dff0ad", "00067cfb-e535423e"], [305, 306, 307])


def cityscapes_vps(path):
    frames = {"frankfurt_000000": [1730, 1731, 1732, 1733], "munster_000000": [7, 8, 9]}
    return published.cityscapes_vps(path, frames, {"frankfurt_000000": [1732], "munster_000000": [9]})


def gta5(path):
    return published.gta5(path, [1, 2])


MAKERS = {
    "folder": folder,
    "video": video,
    "streets": streets,
    "viper": viper,
    "cityscapes": cityscapes,
    "synthia": synthia,
    "camvid": camvid,
    "kitti_step": kitti_step,
    "vkitti2": vkitti2,
    "several": several,
    "carla": carla,
    "shift": shift,
    "acdc": acdc,
    "bddvid": bddvid,
    "cityscapes_vps": cityscapes_vps,
    "gta5": gta5,
}
"""What each data set needs to find tiny data; one that is not named must do with its defaults."""


def another(dataset):
    """(clip, position) of the second frame of the first clip, or of the second clip if that one is a still."""
    return (0, 1) if len(dataset.clips[0].frames) > 1 else (1, 0)


def looked_at(dataset):
    """Some frames of the first clips: (clip, position)."""
    for clip, info in enumerate(dataset.clips[:3]):
        yield from (
            (clip, position) for position in sorted({0, 1, len(info.frames) - 1} & set(range(len(info.frames))))
        )


@pytest.fixture(params=DATASETS, name="made")
def _made(request, tmp_path):
    part = DATASETS[request.param]
    values = MAKERS[request.param](tmp_path) if request.param in MAKERS else {}
    return part, values


@pytest.fixture(name="dataset")
def _dataset(made):
    part, values = made
    return part(part.Config(**values))


def test_all_of_this_package_are_found():
    assert set(DATASETS) >= MAKERS.keys()
    assert "loading" not in DATASETS  # the view without labels is no data set of its own
    assert "samples" not in DATASETS


def test_settings_carry_what_every_data_set_can_be_told(dataset):
    assert isinstance(dataset.config, DatasetSettings)
    assert type(dataset.config) is type(dataset).Config
    assert all(setting.description for setting in type(dataset).Config.model_fields.values())


def test_settings_survive_being_written_down(made):
    part, values = made
    config = part.Config(**values)
    assert part.Config(**config.model_dump(mode="json")) == config


def test_clips_are_named_once_and_hold_frames(dataset):
    assert len(dataset.clips) > 0
    names = [info.name for info in dataset.clips]
    assert len(set(names)) == len(names)
    for info in dataset.clips:
        assert len(info.frames) > 0
        assert len(set(info.frames)) == len(info.frames)
        assert list(info.labelled) == sorted(set(info.labelled))
        assert set(info.labelled) <= set(range(len(info.frames)))
        assert info.rate is None or info.rate > 0
        if info.chosen is not None:
            assert list(info.chosen) == sorted(set(info.chosen))
            assert set(info.labelled) <= set(info.chosen) <= set(range(len(info.frames)))


def test_labels_and_class_table_go_together(dataset):
    has_labels = any(info.labelled for info in dataset.clips)
    assert has_labels == isinstance(dataset.taxonomy, Taxonomy)


def test_frames_are_8_bit_rgb_and_the_same_each_time(dataset):
    for clip, position in looked_at(dataset):
        frame = dataset.read_frame(clip, position)
        assert frame.dtype == np.uint8
        assert frame.ndim == 3
        assert frame.shape[2] == 3
        assert np.array_equal(frame, dataset.read_frame(clip, position))


def test_frames_of_a_clip_differ(dataset):
    assert not np.array_equal(dataset.read_frame(0, 0), dataset.read_frame(*another(dataset)))


def test_labels_are_train_ids_at_the_frames_size(dataset):
    for clip, position in looked_at(dataset):
        if position not in dataset.clips[clip].labelled:
            continue
        label = dataset.read_label(clip, position)
        assert label.dtype == np.uint8
        assert label.shape == dataset.read_frame(clip, position).shape[:2]
        height, width = label.shape
        assert np.array_equal(dataset.resized_label(clip, position, (width, height)), label)
        assert dataset.resized_label(clip, position, (24, 10)).shape == (10, 24)
        assert set(np.unique(label)) <= {*range(len(dataset.taxonomy)), 255}


def test_own_flow_has_a_shape_and_fits_its_mask(dataset):
    own = None if len(dataset.clips[0].frames) == 1 else dataset.read_flow(0, 1, 0)
    if own is None:
        pytest.skip("has no flow of its own")
    flow, valid = own
    assert flow.ndim == 3
    assert flow.shape[2] == 2
    assert np.isfinite(flow).all()
    assert valid is None or (valid.shape == flow.shape[:2] and valid.dtype == np.bool_)


def test_a_copy_in_another_process_reads_the_same(dataset):
    place = another(dataset)
    dataset.read_frame(*place)
    again = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(again.read_frame(*place), dataset.read_frame(*place))
    assert [info.name for info in again.clips] == [info.name for info in dataset.clips]


@pytest.mark.parametrize("stride", [1, 2])
def test_neighbours_never_cross_clips(made, stride):
    part, values = made
    dataset = part(part.Config(**values, stride=stride, flow="zero"))
    if all(len(info.frames) == 1 for info in dataset.clips):
        with pytest.raises(DataError, match="missing: repeat"):
            Samples(dataset, PAIR)
        return
    samples = Samples(dataset, PAIR)
    for index in (0, len(samples) - 1):
        clip, position = samples.places[index]
        assert position >= stride
        sample = samples[index]
        info = dataset.clips[clip]
        assert sample.name == f"{info.name}/{info.frames[position]}"
        assert np.array_equal(sample.frames[-1], dataset.read_frame(clip, position - stride))
    assert {clip for clip, _ in samples.places} == set(range(len(dataset.clips)))
    current = [range(len(info.frames)) if info.chosen is None else info.chosen for info in dataset.clips]
    assert len(samples) == sum(position >= stride for positions in current for position in positions)


def test_batches_follow_the_conventions(made):
    part, values = made
    dataset = part(part.Config(**{**values, "size": (48, 32), "missing": "repeat"}))
    samples = Samples(dataset, replace(PAIR, labels=dataset.taxonomy is not None))
    batch = collate([samples.load(0, np.random.default_rng(0)), samples.load(1, np.random.default_rng(1))])
    assert batch.size == (32, 48)
    assert batch.current.dtype == torch.float32
    assert 0 <= batch.current.min() < batch.current.max() <= 1
    assert batch.flow.shape == (2, 2, 32, 48)
    if dataset.taxonomy is not None:
        assert batch.labels.shape == (2, 32, 48)
        assert batch.labels.dtype == torch.int64


def test_labels_of_a_target_are_out_of_reach(dataset):
    target = target_training(dataset)
    assert target.taxonomy is None
    assert not any(info.labelled for info in target.clips)
    with pytest.raises(DataError, match="training tried to read a label map of the target domain"):
        target.read_label(0, 0)
    assert np.array_equal(target.read_frame(0, 0), dataset.read_frame(0, 0))


def test_kept_copies_are_the_same_bits_and_take_no_decoding(made, tmp_path, monkeypatch):
    part, values = made
    changes = {"size": (48, 32), "crop": (40, 24), "mirror": True, "colour": 0.5, "flow": "zero", "missing": "repeat"}

    def batches(**settings):
        dataset = part(part.Config(**{**values, **changes, **settings}))
        samples = Samples(dataset, replace(PAIR, labels=dataset.taxonomy is not None))
        every = training_batches(samples, 2, seed=1)
        return [next(every) for _ in range(len(samples))]

    plain = batches()
    kept = {"cached": True, "cache_folder": tmp_path / "cache"}
    first = batches(**kept)
    for name in ("read_frame", "read_label", "resized_label"):
        monkeypatch.setattr(part, name, lambda *_: pytest.fail("was read again"))
    second = batches(**kept)
    for one in (first, second):
        assert [batch.names for batch in one] == [batch.names for batch in plain]
        for batch, wanted in zip(one, plain, strict=True):
            assert all(torch.equal(batch.frames[offset], wanted.frames[offset]) for offset in wanted.frames)
            assert batch.labels is wanted.labels is None or torch.equal(batch.labels, wanted.labels)


def test_frames_say_what_they_depend_on(dataset):
    origins = [identity(dataset.frame_origin(clip, position)) for clip, position in looked_at(dataset)]
    assert len(set(origins)) == len(origins)
    again = pickle.loads(pickle.dumps(dataset))
    assert [identity(again.frame_origin(clip, position)) for clip, position in looked_at(dataset)] == origins
    labels = {
        identity(dataset.label_origin(clip, position))
        for clip, position in looked_at(dataset)
        if position in dataset.clips[clip].labelled
    }
    assert bool(labels) == any(info.labelled for info in dataset.clips[:3])
    assert identity(None) not in labels
