"""Recordings of CARLA as the simulator and its examples write them: folders, channels, colours, both sets of tags."""

import numpy as np
import pytest
from PIL import Image

import published
from davsn.core.clip import IGNORE
from davsn.core.errors import DataError
from davsn.data.labels.carla import TAGS, tags_of
from davsn.data.labels.class_tables import CLASSES, taxonomy, train_ids
from davsn.data.sets.carla import Carla
from tiny_data import frame_of

ROAD = {"0.9.10": 7, "0.9.14": 1}


def tags_image(tags, seed=0):
    """Every tag of a version in the upper half, and road in the lower half."""
    ids = np.random.default_rng(seed).permutation(480).reshape(12, 40) % len(TAGS[tags])
    return np.concatenate([ids, np.full((12, 40), ROAD[tags])]).astype(np.uint8)


def red(ids):
    return np.dstack([ids, 0 * ids, 0 * ids, 0 * ids + 255])


def painted(ids, tags):
    return np.array([tag.colour for tag in TAGS[tags]], np.uint8)[ids]


def write(root, frames, labels, content, count=2):
    for position in range(count):
        for pattern, picture in ((frames, frame_of(0, position)), (labels, content)):
            path = root / pattern.format(position)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
    return root


def carla(root, **settings):
    return Carla(Carla.Config(root=root, **settings))


@pytest.mark.parametrize(
    ("frames", "labels", "clip"),
    [
        ("rgb/{:06d}.png", "seg/{:06d}.png", "rgb"),
        ("Town03/rgb/{:06d}.png", "Town03/semantic_segmentation/{:06d}.png", "Town03/rgb"),
        ("a/rgb_front/{}.jpg", "a/seg_front/{}.png", "a/rgb_front"),
        ("run/CameraRGB/{}.png", "run/CameraSeg/{}.png", "run/CameraRGB"),
        ("run/rgb/{}.png", "run/semantics/{}_raw.png", "run/rgb"),
        ("out/{:06d}.png", "out/{:06d}_raw.png", "out"),
        ("out/{}_rgb.png", "out/{}_sem.png", "out"),
        ("frames/town1/{}.png", "labels/town1/{}.png", "town1"),
    ],
)
def test_any_folder_of_frames_with_its_semantic_camera_beside_it(tmp_path, frames, labels, clip):
    ids = tags_image("0.9.14")
    data = carla(write(tmp_path, frames, labels, red(ids)))
    assert [(info.name, info.labelled) for info in data.clips] == [(clip, (0, 1))]
    assert np.array_equal(data.read_label(0, 1), train_ids("carla_0.9.14", "viper")[ids])


def test_each_town_and_each_camera_is_a_clip(tmp_path):
    for place in ("Town01", "Town02"):
        for camera in ("front", "left"):
            write(
                tmp_path, f"{place}/rgb_{camera}/{{}}.png", f"{place}/seg_{camera}/{{}}.png", red(tags_image("0.9.14"))
            )
        write(tmp_path, f"{place}/depth/{{}}.png", f"{place}/instance_segmentation_left/{{}}.png", frame_of(1, 1))
    data = carla(tmp_path)
    names = [f"Town0{town}/rgb_{camera}" for town in (1, 2) for camera in ("front", "left")]
    assert [(info.name, len(info.frames), info.labelled) for info in data.clips] == [
        (name, 2, (0, 1)) for name in names
    ]
    assert any("left out" in note and "Town01/depth" in note for note in data.notes)


@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("form", ["rgba", "rgb", "bgra", "grey", "colours", "instances"])
def test_the_tags_in_every_form_and_their_version_is_found_and_said(tmp_path, tags, form):
    ids = tags_image(tags)
    instance = np.random.default_rng(1).integers(1, 256, (*ids.shape, 2), np.uint8)
    forms = {"rgba": red(ids), "rgb": red(ids)[..., :3], "bgra": red(ids)[..., [2, 1, 0, 3]], "grey": ids}
    forms |= {"colours": painted(ids, tags), "instances": np.dstack([ids, instance, 0 * ids + 255])}
    data = carla(write(tmp_path, "rgb/{}.png", "seg/{}.png", forms[form]))
    expected = train_ids(f"carla_{tags}", "viper")[ids]
    assert np.array_equal(data.read_label(0, 0), expected)
    assert data.taxonomy == taxonomy("viper", f"carla_{tags}")
    (note,) = [note for note in data.notes if "the tags are those of CARLA" in note]
    assert ("0.9.13 or older" if tags == "0.9.10" else "0.9.14 or later") in note
    told = carla(tmp_path, tags=tags)
    assert np.array_equal(told.read_label(0, 0), expected)
    assert not any("the tags are" in note for note in told.notes)


@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("classes", ["viper", "synthia", "vkitti2", "gta5", "own"])
def test_every_class_set(tmp_path, tags, classes):
    ids = tags_image(tags)
    data = carla(write(tmp_path, "rgb/{}.png", "seg/{}.png", red(ids)), classes=classes)
    label = data.read_label(0, 0)
    if classes == "own":
        assert data.taxonomy.names == tuple(tag.name for tag in TAGS[tags][1:])
        assert data.taxonomy.colours == tuple(tag.colour for tag in TAGS[tags][1:])
        assert np.array_equal(label, np.where(ids == 0, IGNORE, ids - 1))
    else:
        names = np.array([*data.taxonomy.names, "none"])[np.minimum(label, len(data.taxonomy))]
        for number, tag in enumerate(TAGS[tags]):
            known = tag.stands_for in data.taxonomy.names
            rider = tag.stands_for == "rider" and "person" in data.taxonomy.names and not known
            assert set(names[ids == number]) == {tag.stands_for if known else "person" if rider else "none"}


def test_tags_that_do_not_say_their_version(tmp_path):
    write(tmp_path, "rgb/{}.png", "seg/{}.png", red(np.full((24, 40), 9, np.uint8)))
    with pytest.raises(
        DataError, match=r"seg/0\.png: does not say by its tags .* Set tags: 0\.9\.10 for CARLA 0\.9\.13"
    ):
        carla(tmp_path)
    assert carla(tmp_path, tags="0.9.14").taxonomy.names == taxonomy("viper").names


def test_a_tag_beyond_those_of_the_version(tmp_path):
    write(tmp_path, "rgb/{}.png", "seg/{}.png", red(tags_image("0.9.14")))
    with pytest.raises(DataError, match=r"seg/0\.png: holds ids outside the class table"):
        carla(tmp_path, tags="0.9.10").read_label(0, 0)


def test_an_unlabelled_recording_needs_no_tags(tmp_path):
    published.carla(tmp_path, {"Town01": [1, 2]})
    data = carla(tmp_path, labels=None)
    assert data.taxonomy is None
    assert [(info.name, info.labelled) for info in data.clips] == [("Town01/rgb", ())]


def test_the_later_tags_are_cityscapes_train_ids_and_one():
    lookup = train_ids("carla_0.9.14", "gta5")
    assert lookup[1:20].tolist() == list(range(19))
    assert lookup[24] == 0  # road lines
    assert lookup[[0, *range(20, 24), *range(25, 29)]].tolist() == [IGNORE] * 9
    assert [len(table) for table in TAGS.values()] == [23, 29]
    for tags, table in TAGS.items():
        assert len({tag.colour for tag in table}) == len(table)
        assert {tag.stands_for for tag in table} - {None} <= {*CLASSES, "wall", "train"}
        assert tags_of(tags, "road")[0] == ROAD[tags]
