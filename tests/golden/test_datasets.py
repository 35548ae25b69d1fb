"""Our loaders on files in the published layouts, against arrays recorded from the reference's (f_*.npz)."""

import numpy as np
import pytest
from vectors import files, label, load, meta

from davsn.core.clip import ClipSpec
from davsn.data.labels.class_tables import train_ids
from davsn.data.samples import Samples
from davsn.data.sets.cityscapes import Cityscapes
from davsn.data.sets.synthia import Synthia
from davsn.data.sets.viper import Viper, without_own_car
from davsn.flow.files.io import read_flow

MEAN = np.array([104.00698793, 116.66876762, 122.67891434], np.float32)
FRAMES = ClipSpec((0, -1, -2), labels=True)
PAIR = ClipSpec((0, -1), labels=True)
TRAINING = np.random.default_rng(0)
"""Nothing is random here; that there is a generator means training, where labels have the size of frames."""

recorded = pytest.mark.parametrize("path", files("f_datasets.npz"), ids=label)


def network_input(frame):
    return np.float32(frame)[..., ::-1].transpose(2, 0, 1) - MEAN[:, None, None]


def cases(vectors, name):
    """The recorded arrays of each index of one data set."""
    found = {}
    for key, value in vectors.items():
        if key.startswith(f"{name}/"):
            index, field = key.removeprefix(f"{name}/").split("/")
            found.setdefault(int(index), {})[field] = value
    assert found
    return [found[index] for index in sorted(found)]


def matched(samples, found):
    """(index of the sample, recorded case), matched by name: not every sample was recorded."""
    indices = {samples.dataset.clips[clip].frames[at]: index for index, (clip, at) in enumerate(samples.places)}
    assert len(indices) == len(samples)
    for case in found:
        stem = str(case["name"]).rpartition("/")[2].rpartition(".")[0]
        yield indices[stem.removesuffix("_leftImg8bit")], case


def frame_names(samples):
    return {samples.dataset.clips[clip].frames[at] for clip, at in samples.places}


def listed_names(path):
    return {
        name.rpartition("/")[2].rpartition(".")[0].removesuffix("_leftImg8bit") for name in path.read_text().split()
    }


def compare(case, sample):
    """Pictures and label of one recorded case; those it has none of are passed over."""
    normalised = {"cf": 0, "kf": -1, "d": 0, "c": -1, "b": -1, "a": -2}
    for field, offset in normalised.items():
        if field in case and offset in sample.frames:
            np.testing.assert_array_equal(network_input(sample.frames[offset]), case[field], err_msg=field)
    for field, offset in {"raw_d": 0, "raw_cf": 0, "raw_kf": -1}.items():
        if field in case:
            np.testing.assert_array_equal(sample.frames[offset].transpose(2, 0, 1), case[field], err_msg=field)
    if "label" in case:
        np.testing.assert_array_equal(sample.labels, case["label"])


@recorded
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize(
    ("name", "classes"),
    [("davsn/city_Viper", "viper"), ("davsn/city_SynthiaSeq", "synthia"), ("tps/city_Viper", "viper")],
)
def test_cityscapes(path, name, classes, split, listed):
    vectors, tree = load(path), path.parent / "dataset_tree"
    names = tree / "lists" / f"cs_{split}.txt"
    config = Cityscapes.Config(
        root=tree / "Cityscapes",
        split=split,
        classes=classes,
        frame_list=names if listed else None,
        size=meta(vectors)["sizes"]["city"],
    )
    samples = Samples(Cityscapes(config), FRAMES if name.startswith("tps") else PAIR)
    assert frame_names(samples) == listed_names(names)
    for index, case in matched(samples, cases(vectors, f"{name}_{split}")):
        compare(case, samples.load(index, TRAINING if split == "train" else None))
        if "frames" in case:
            clip, position = samples.places[index]
            at = samples.positions(clip, position)
            d_c_b_a = [samples.dataset.clips[clip].frames[at[offset]] for offset in (0, -1, -1, -2)]
            assert [int(frame[-6:]) for frame in d_c_b_a] == case["frames"].tolist()


@recorded
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("repository", ["davsn", "tps"])
@pytest.mark.parametrize("name", ["viper", "synthia"])
def test_the_sources(path, name, repository, listed):
    vectors, tree = load(path), path.parent / "dataset_tree"
    part, keys = {
        "viper": (Viper, {"root": tree / "Viper", "size": meta(vectors)["sizes"]["viper"]}),
        "synthia": (Synthia, {"root": tree / "SynthiaSeq" / "SEQS-04-DAWN", "full": meta(vectors)["sizes"]["synthia"]}),
    }[name]
    names = tree / "lists" / f"{name}_train.txt"
    samples = Samples(part(part.Config(**keys, frame_list=names if listed else None)), PAIR)
    assert frame_names(samples) == listed_names(names)
    for index, case in matched(samples, cases(vectors, f"{repository}/{name}")):
        sample = samples.load(index, TRAINING)
        compare(case, sample)
        if "label_kf" in case:
            every = part(part.Config(**keys, **({"every": 1} if name == "viper" else {})))
            clip, position = samples.places[index]
            size = sample.frames[-1].shape[1::-1]
            np.testing.assert_array_equal(every.resized_label(clip, position - 1, size), case["label_kf"])


@recorded
@pytest.mark.parametrize(
    ("part", "keys", "folder", "frame_list"),
    [
        (Viper, {"root": "Viper"}, "Viper_train", "viper_train"),
        (Synthia, {"root": "SynthiaSeq/SEQS-04-DAWN", "full": (40, 150)}, "SynthiaSeq_train", "synthia_train"),
        (Cityscapes, {"root": "Cityscapes"}, "Cityscapes-Seq_train", "cs_train"),
        (Cityscapes, {"root": "Cityscapes", "split": "val"}, "Cityscapes-Seq_val", "cs_val"),
    ],
)
def test_stored_flow_is_found_under_the_published_names(path, part, keys, folder, frame_list):
    tree = path.parent / "dataset_tree"
    config = part.Config(
        **{**keys, "root": tree / keys["root"]},
        frame_list=tree / "lists" / f"{frame_list}.txt",
        flow="stored",
        flow_root=tree / f"Estimated_optical_flow_{folder}",
    )
    samples = Samples(part(config), ClipSpec((0, -1), ((0, -1),)))
    assert len(samples)
    for index in range(len(samples)):
        sample = samples.load(index)
        number = sample.name.rpartition("/")[2]
        (file,) = config.flow_root.glob(f"{number}*_int16_x10.npy")
        np.testing.assert_array_equal(sample.flows[0, -1], np.load(file).astype(np.float64) / 10.0)
        np.testing.assert_array_equal(sample.flows[0, -1], read_flow(file)[0])


@pytest.mark.parametrize("path", files("f_ego.npz"), ids=label)
def test_the_own_car_goes_as_in_the_reference(path):
    vectors = load(path)
    lookup = train_ids("viper", "viper")
    assert any((raw[-1, raw.shape[1] // 2] == 24) for raw in vectors["raw"])
    for raw, expected in zip(vectors["raw"], vectors["label"], strict=True):
        np.testing.assert_array_equal(lookup[without_own_car(raw)], expected)
