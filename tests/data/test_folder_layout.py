"""Folders as people have them: which files are frames, which are label maps, and what is suspicious about both."""

import os

import numpy as np
import pytest
from PIL import Image

from davsn.core.clip import ClipSpec
from davsn.core.errors import DataError
from davsn.data.samples import target_training
from davsn.data.sets.folder import Folder
from davsn.data.video.footage import footage
from davsn.doctor.data import check
from tiny_data import CLASSES, frame_of, label_of, texture, write_labelled

LABELLED = ClipSpec((0,), (), labels=True)
COLOURS = np.array([(128, 64, 128), (70, 130, 180), (220, 20, 60)], np.uint8)


def write(root, frames, labels, count=3):
    """Write frames and label maps under name patterns below a root, such as ``rgb/a/{}.png``."""
    for position in range(count):
        for pattern, content in ((frames, frame_of(0, position)), (labels, label_of(0, position))):
            if pattern is not None:
                path = root / pattern.format(position)
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(content).save(path)
    (root / "classes.yaml").write_text(CLASSES)
    return root


def folder(root, **settings):
    return Folder(Folder.Config(root=root, **settings))


@pytest.mark.parametrize(
    ("frames", "labels", "clips"),
    [
        ("frames/a/{}.png", "labels/a/{}.PNG", ["a"]),
        ("rgb/{}.JPG", "seg/{}.png", ["rgb"]),  # CARLA
        ("frames/a/{}.png", "seg/a/{}.png", ["a"]),
        ("img_dir/train/{}_img.png", "ann_dir/train/{}_gt.png", ["train"]),  # mmseg
        ("JPEGImages/{}.jpg", "SegmentationClass/{}.png", ["JPEGImages"]),  # VOC
        (
            "leftImg8bit/train/aachen/{}_leftImg8bit.png",
            "gtFine/train/aachen/{}_gtFine_labelTrainIds.png",
            ["train/aachen"],
        ),
        ("drive/rgb/{}.webp", "drive/seg/{}.bmp", ["drive/rgb"]),
        ("a/{}_rgb.png", "a/{}_mask.png", ["a"]),  # label maps beside frames
        ("rgb/rgb_{}.png", "seg/seg_{}.png", ["rgb"]),  # only the numbers are alike
    ],
)
def test_frames_and_label_maps_are_found_by_their_names(tmp_path, frames, labels, clips):
    data = folder(write(tmp_path, frames, labels))
    assert [info.name for info in data.clips] == clips
    assert [len(info.frames) for info in data.clips] == [3]
    assert data.clips[0].labelled == (0, 1, 2)
    assert all(np.array_equal(data.read_label(0, position), label_of(0, position)) for position in range(3))
    assert data.read_frame(0, 1).shape == (24, 40, 3)


@pytest.mark.parametrize(
    ("frames", "labels"), [("rgb/{}.jpg", "seg/{}.png"), ("a/rgb/{}.jpg", "a/seg/{}.png"), ("a/{}.jpg", "a/{}_gt.png")]
)
def test_label_maps_are_no_frames_of_a_target(tmp_path, frames, labels):
    data = folder(write(tmp_path, frames, labels), labels=None)
    assert [(info.frames, info.labelled) for info in data.clips] == [(("0", "1", "2"), ())]
    assert data.notes
    assert target_training(data).notes == data.notes
    assert not data.doubts()


def test_clips_that_only_have_such_names_stay_clips(tmp_path):
    for name in ("images", "seg"):
        write_labelled(tmp_path / name, {"a": 2})
    for name in ("frames", "labels"):
        os.rename(tmp_path / "seg" / name / "a", tmp_path / "seg" / name[0])
    (tmp_path / "drive").mkdir()
    Image.fromarray(frame_of(0, 0)).save(tmp_path / "drive" / "0.png")
    assert "drive" in [info.name for info in folder(tmp_path, labels=None).clips]


def test_the_best_of_several_label_maps_is_taken(tmp_path):
    write(tmp_path, "frames/a/{}_leftImg8bit.png", "gtFine/a/{}_gtFine_labelIds.png", 1)
    place = tmp_path / "gtFine" / "a"
    Image.fromarray(np.full((24, 40), 7, np.uint8)).save(place / "0_gtFine_labelIds.png")  # a road
    for name in ("color", "labelTrainIds", "instanceIds"):
        Image.fromarray(np.full((24, 40), 9, np.uint8)).save(place / f"0_gtFine_{name}.png")
    assert not folder(tmp_path).read_label(0, 0).any()


def test_a_colour_export_with_its_labelmap(tmp_path):
    write(tmp_path, "frames/a/{}.png", "SegmentationClass/a/{}.png")
    for position in range(3):
        label = label_of(0, position)
        painted = np.where((label == 255)[..., None], 0, COLOURS[np.minimum(label, 2)]).astype(np.uint8)
        Image.fromarray(painted).save(tmp_path / "SegmentationClass" / "a" / f"{position}.png")
    (tmp_path / "labelmap.txt").write_text("road:128,64,128::\nsky:70,130,180::\nperson:220,20,60::\n")
    for settings in ({}, {"classes": tmp_path / "labelmap.txt"}):
        assert np.array_equal(folder(tmp_path, **settings).read_label(0, 1), label_of(0, 1))


def test_a_photo_is_turned_as_it_is_displayed_and_its_label_map_with_it(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    write(tmp_path, "frames/a/{}.png", "labels/a/{}.png", 1)
    (tmp_path / "frames" / "a" / "0.png").unlink()
    Image.fromarray(texture(24, 40)).save(tmp_path / "frames" / "a" / "0.jpg", exif=exif, quality=100, subsampling=0)
    data = folder(tmp_path)
    assert data.read_frame(0, 0).shape == (40, 24, 3)
    assert np.abs(data.read_frame(0, 0).astype(int) - np.rot90(texture(24, 40), -1)).mean() < 5
    assert np.array_equal(data.read_label(0, 0), np.rot90(label_of(0, 0), -1))
    Image.fromarray(np.rot90(label_of(0, 0), -1)).save(
        tmp_path / "labels" / "a" / "0.png"
    )  # drawn on what is displayed
    assert np.array_equal(data.read_label(0, 0), np.rot90(label_of(0, 0), -1))


def test_a_label_map_of_another_size_is_read_and_said(tmp_path):
    data = folder(write(tmp_path, "frames/a/{}.png", "labels/a/{}.png"))
    Image.fromarray(label_of(0, 0, (20, 12))).save(tmp_path / "labels" / "a" / "1.png")
    assert data.read_label(0, 1).shape == (12, 20)
    assert [found.what for found in check(data, LABELLED) if found.severity == "warning"] == [
        "the label is 20x12 pixels, its frame 40x24"
    ]


def test_links_in_a_circle_are_left_out_and_said(tmp_path):
    write(tmp_path, "frames/a/{}.png", None)
    os.symlink(tmp_path / "frames", tmp_path / "frames" / "a" / "again")
    os.symlink(tmp_path / "frames" / "a", tmp_path / "frames" / "b")
    data = folder(tmp_path)
    assert [info.name for info in data.clips] == ["a", "b"]
    assert [doubt.what for doubt in data.doubts()] == [
        "links to a folder that it is in, so it is left out",
        f"is the same folder as {tmp_path / 'frames' / 'a'}, through a link, so its frames are taken twice",
        "links to a folder that it is in, so it is left out",
    ]


@pytest.mark.parametrize(
    ("names", "doubt"),
    [
        (["f_1", "f_2", "f_3", "f_4"], None),
        (["f_2", "f_4", "f_6", "f_8"], None),
        (["1403636579763555584", "1403636579813555456", "1403636579863555584"], None),  # times in nanoseconds
        (["f_1", "f_2", "f_3", "f_90"], "leave a gap in their numbers: f_3 and f_90"),
        (["a_1", "a_2", "b_1", "b_2"], "have names of several drives: a_2 and b_1"),
        (["f_30", "f_60", "f_90"], "have numbers far apart: f_30 and f_60"),
    ],
)
def test_frames_far_apart_are_said_to_be_no_neighbours(tmp_path, names, doubt):
    (tmp_path / "a").mkdir()
    for name in names:
        Image.fromarray(texture()).save(tmp_path / "a" / f"{name}.png")  # what does not move says nothing
    found = [each.what for each in folder(tmp_path).doubts()]
    assert found == ([] if doubt is None else [f"frames that are taken as neighbours {doubt}"])
    assert not folder(tmp_path, stills=True).doubts()


def test_label_maps_that_are_taken_as_frames_are_said(tmp_path):
    write(tmp_path, "tags/{}.png", None)
    for position in range(3):
        Image.fromarray(label_of(0, position)).save(tmp_path / "tags" / f"{position}.png")
    (doubt,) = folder(tmp_path).doubts()
    assert "looks like a label map and is taken as a frame" in str(doubt)


@pytest.mark.parametrize("suffix", ["JPG", "jpeg", "Png", "bmp", "gif", "tif", "TIFF", "webp", "ppm"])
def test_each_ending_is_read_in_any_case_by_every_way_to_read(tmp_path, suffix):
    Image.fromarray(texture()).save(tmp_path / f"0.{suffix}")
    assert folder(tmp_path).read_frame(0, 0).shape == (24, 40, 3)
    assert [shot.frame.shape for shot in footage(tmp_path).frames] == [(24, 40, 3)]
    assert footage(tmp_path / f"0.{suffix}").count == 1


def test_an_animation_is_no_frame(tmp_path):
    first, *others = (Image.fromarray(frame_of(0, position)) for position in range(3))
    first.save(tmp_path / "0.gif", save_all=True, append_images=others)
    with pytest.raises(DataError, match=r"0\.gif: is an animation of 3 images.*Read it as a video \(name: video\)"):
        folder(tmp_path).read_frame(0, 0)


@pytest.mark.parametrize("moves", [True, False])
def test_neighbours_that_look_like_frames_far_apart_are_said(tmp_path, moves):
    (tmp_path / "a").mkdir()
    for position in range(8):
        content = frame_of(0, position) if moves else texture(seed=position)
        Image.fromarray(content).save(tmp_path / "a" / f"{position}.png")
    found = [doubt.what for doubt in folder(tmp_path).doubts()]
    assert [what[:42] for what in found] == ([] if moves else ["neighbours look like frames far apart: the"])
    assert not folder(tmp_path, stills=True).doubts()


def test_a_frame_that_cannot_be_read_is_left_to_the_training(tmp_path):
    write(tmp_path, "a/{}.png", None)
    (tmp_path / "a" / "1.png").write_bytes(b"no image")
    assert not folder(tmp_path).doubts()
