"""Further published data sets in their own layouts: which frames and neighbours, and the traps in words."""

import os

import numpy as np
import pytest
from PIL import Image

import published
from davsn.core.clip import IGNORE, ClipSpec
from davsn.core.errors import DataError, FlowError
from davsn.data.labels.class_tables import train_ids
from davsn.data.labels.colour_codes import COLOURS, paint, read_painted
from davsn.data.samples import Samples, target_training
from davsn.data.sets.acdc import Acdc
from davsn.data.sets.bddvid import BddVid
from davsn.data.sets.camvid import CamVid
from davsn.data.sets.cityscapes_vps import CityscapesVps
from davsn.data.sets.gta5 import Gta5
from davsn.data.sets.kitti_step import KittiStep
from davsn.data.sets.shift import Shift
from davsn.data.sets.vkitti2 import Vkitti2
from davsn.doctor.data import check
from davsn.flow.files.relative import read_relative, write_relative
from tiny_data import cut, frame_of

PAIR = ClipSpec((0, -1))
LABELLED = ClipSpec((0, -1), labels=True)
STORED = ClipSpec((0, -1), ((0, -1),))


def names(samples):
    return [
        f"{samples.dataset.clips[clip].name}/{samples.dataset.clips[clip].frames[at]}" for clip, at in samples.places
    ]


def make(part, values, **more):
    return part(part.Config(**{**values, **more}))


class TestCamVid:
    @pytest.fixture(name="values")
    def _values(self, tmp_path):
        drives = {"0006R0_f": [929, 930, 960], "0001TP_0": [6689, 6690], "0016E5_": [390, 7959, 7961, 7963]}
        return published.camvid(tmp_path, drives, {"0006R0_f": [930, 960], "0001TP_0": [6690], "0016E5_": [7961]})

    def test_labelled_frames_with_their_neighbour_by_number(self, values):
        samples = Samples(make(CamVid, values), LABELLED)
        assert names(samples) == ["0001TP_006689/0001TP_006690", "0006R0_f00929/0006R0_f00930"]
        assert samples.left_out == 2
        assert np.array_equal(samples[1].frames[-1], frame_of(0, 929))
        expected = train_ids("camvid", "viper")[published.raw_label(930, 32)]
        assert np.array_equal(samples[1].labels, expected)

    def test_stills_that_are_two_numbers_apart(self, values):
        samples = Samples(make(CamVid, values, step=2), LABELLED)
        assert names(samples) == ["0016E5_07959/0016E5_07961"]
        assert len(Samples(target_training(make(CamVid, values, step=2, every_frame=True)), PAIR)) == 2

    def test_frames_of_the_videos_in_folders(self, values, tmp_path):
        (tmp_path / "video").mkdir()
        os.rename(tmp_path / "701_StillsRaw_full", tmp_path / "video" / "seq06R0")
        assert len(Samples(make(CamVid, values, frames="video"), LABELLED)) == 2

    def test_stills_alone_have_no_neighbours(self, tmp_path):
        values = published.camvid(tmp_path, {"0006R0_f": [930, 960]}, {"0006R0_f": [930, 960]})
        message = (
            r"none of 2 frames .* The stills are a second apart\. Extract all frames from CamVid's videos and name"
        )
        with pytest.raises(DataError, match=message):
            Samples(make(CamVid, values), LABELLED)
        assert len(Samples(make(CamVid, values, missing="repeat"), LABELLED)) == 2

    def test_what_it_cannot_show_is_not_scored(self, values):
        unscored = {
            classes: make(CamVid, values, classes=classes).taxonomy.unscored for classes in ("viper", "synthia")
        }
        assert unscored["viper"] == {"terrain", "truck", "bus", "motorcycle", "bicycle"}
        assert unscored["synthia"] == {"fence"}  # which the protocol leaves out

    def test_a_rider_with_the_bicycle_is_no_person(self, tmp_path):
        values = published.camvid(tmp_path, {"0006R0_f": [1]}, {"0006R0_f": [1]})
        label = np.full((24, 40, 3), COLOURS["camvid"]["Bicyclist"], np.uint8)
        Image.fromarray(label).save(tmp_path / "LabeledApproved_full" / "0006R0_f00001_L.png")
        assert (make(CamVid, values).read_label(0, 0) == IGNORE).all()
        synthia = make(CamVid, values, classes="synthia")
        assert (synthia.read_label(0, 0) == synthia.taxonomy.names.index("rider")).all()

    def test_segnets_eleven_ids_and_lists(self, tmp_path):
        for name in ("0001TP_006690", "0016E5_07961"):
            for folder in ("train", "trainannot"):
                (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(frame_of(0, 1)).save(tmp_path / "train" / f"{name}.png")
            Image.fromarray(published.raw_label(1, 12)).save(tmp_path / "trainannot" / f"{name}.png")
        listed = tmp_path / "train.txt"
        listed.write_text("/SegNet/CamVid/train/0001TP_006690.png /SegNet/CamVid/trainannot/0001TP_006690.png\n")
        values = {"root": tmp_path, "frames": "train", "labels": "trainannot", "form": "segnet", "missing": "repeat"}
        assert len(Samples(make(CamVid, values), LABELLED)) == 2
        dataset = make(CamVid, values, frame_list=listed)
        (name,) = names(Samples(dataset, LABELLED))
        assert name == "0001TP_006690/0001TP_006690"
        assert np.array_equal(dataset.read_label(0, 0), train_ids("segnet", "viper")[published.raw_label(1, 12)])
        assert {"light", "sign"} <= dataset.taxonomy.unscored  # one class there
        Image.fromarray(np.full((24, 40), 12, np.uint8)).save(tmp_path / "trainannot" / "0001TP_006690.png")
        message = r"006690\.png: holds ids above 11, the highest valid id: 12\. Expected SegNet's ids, 0 \(sky\) to 10"
        with pytest.raises(DataError, match=message):
            dataset.read_label(0, 0)


class TestKittiStep:
    @pytest.mark.parametrize("moved", [False, True])
    @pytest.mark.parametrize(("split", "drive"), [("train", "0001"), ("val", "0002")])
    def test_the_drives_of_a_part_wherever_the_pictures_are(self, tmp_path, moved, split, drive):
        values = published.kitti_step(tmp_path, {drive: [0, 1, 3]}, split, moved)
        if not moved:  # KITTI's own folder has the drives of both parts
            for other in ("0000", "0018"):
                if other != drive:
                    published.kitti_step(tmp_path / "other", {other: [0, 1]}, "train")
                    os.rename(
                        tmp_path / "other" / "training" / "image_02" / other, tmp_path / "training/image_02" / other
                    )
        dataset = make(KittiStep, values, split=split)
        samples = Samples(dataset, LABELLED)
        assert names(samples) == [f"{drive}_000000/{drive}_000001"]
        assert np.array_equal(samples[0].frames[-1], frame_of(0, 0))
        every = Samples(target_training(make(KittiStep, values, split=split, every_frame=True)), PAIR)
        allowed = {"0000", "0001"} if split == "train" else {"0002", "0018"}
        assert {name[:4] for name in names(every)} <= allowed
        assert len(every) == (1 if moved else 2)

    def test_the_class_is_in_the_first_channel_and_255_is_nothing(self, tmp_path):
        dataset = make(KittiStep, published.kitti_step(tmp_path, {"0000": [0, 1]}))
        raw = published.raw_label(1, 20)
        raw[raw == 19] = 255
        assert (raw == 255).any()
        assert np.array_equal(dataset.read_label(0, 1), train_ids("kitti_step", "viper")[raw])
        assert not dataset.taxonomy.unscored

    def test_label_ids_instead_of_train_ids(self, tmp_path):
        values = published.kitti_step(tmp_path, {"0000": [0, 1]})
        path = tmp_path / "panoptic_maps" / "train" / "0000" / "000001.png"
        Image.fromarray(np.full((24, 40, 3), 26, np.uint8)).save(path)
        message = (
            r"000001\.png: holds ids above 18, the highest valid id: 26\. Expected Cityscapes train ids in the first "
            r".*; this file may hold lab"
        )
        with pytest.raises(DataError, match=message):
            make(KittiStep, values).read_label(0, 1)

    def test_nothing_there(self, tmp_path):
        (tmp_path / "training" / "image_02").mkdir(parents=True)
        message = r"image_02: holds no frames\. Expected training/image_02/0000/000000\.png, or images/train/0000/"
        with pytest.raises(DataError, match=message):
            make(KittiStep, {"root": tmp_path})

    def test_a_list_names_drive_and_frame(self, tmp_path):
        values = published.kitti_step(tmp_path, {"0000": [0, 1], "0001": [0, 1]})
        listed = tmp_path / "list.txt"
        listed.write_text("0001/000001.png\n")
        assert names(Samples(make(KittiStep, values, frame_list=listed), LABELLED)) == ["0001_000000/0001_000001"]


class TestVkitti2:
    @pytest.fixture(name="values")
    def _values(self, tmp_path):
        drives = {"Scene01/clone": [0, 1, 2], "Scene18/clone": [0, 1], "Scene01/fog": [0, 1]}
        return published.vkitti2(tmp_path, drives)

    def test_a_variation_of_all_scenes_or_some(self, values):
        assert names(Samples(make(Vkitti2, values), LABELLED)) == [
            "Scene01_clone_00000/Scene01_clone_00001",
            "Scene01_clone_00000/Scene01_clone_00002",
            "Scene18_clone_00000/Scene18_clone_00001",
        ]
        chosen = Samples(make(Vkitti2, values, variation="fog", scenes=[1, 2]), LABELLED)
        assert names(chosen) == ["Scene01_fog_00000/Scene01_fog_00001"]
        assert names(Samples(make(Vkitti2, values, scenes=[18]), LABELLED)) == [
            "Scene18_clone_00000/Scene18_clone_00001"
        ]

    def test_colours_become_the_ten_classes(self, values, tmp_path):
        dataset = make(Vkitti2, values)
        expected = train_ids("vkitti2", "vkitti2")[published.raw_label(1, 15)]
        assert np.array_equal(dataset.read_label(0, 1), expected)
        assert not dataset.taxonomy.unscored
        os.rename(
            tmp_path / "Scene18/clone/frames/classSegmentation", tmp_path / "Scene18/clone/frames/classsegmentation"
        )
        assert [len(info.labelled) for info in make(Vkitti2, values).clips] == [3, 2]  # as its own page spells it

    @pytest.mark.parametrize(("classes", "shown"), [("viper", 9), ("synthia", 8), ("vkitti2", 10)])
    def test_what_it_shows_of_each_set(self, values, classes, shown):
        assert len(make(Vkitti2, values, classes=classes).taxonomy.scored) == shown

    def test_its_own_flow_to_the_frame_before_and_after(self, values):
        dataset = make(Vkitti2, values, flow="stored")
        for other, step in ((0, -1), (2, 1)):
            flow, known = dataset.read_flow(0, 1, other)
            assert not known[:6].any()
            assert known[6:].all()
            assert not flow[~known].any()
            reach = np.array([39, 23]) / 65535  # half a step of the form
            assert (np.abs(flow[known] - [step * 1.1, 0.5]) <= reach + 1e-6).all()
        sample = Samples(dataset, STORED)[0]
        assert np.array_equal(sample.valid[0, -1], known)
        assert sample.flows[0, -1][-1, 0, 0] == pytest.approx(-1.1, abs=1e-3)

    def test_flow_of_another_folder(self, values, tmp_path):
        published.vkitti2(tmp_path / "flow", {"Scene01/clone": [0, 1]})
        folder = tmp_path / "Scene01/clone/frames/backwardFlow"
        os.rename(folder, tmp_path / "gone")
        dataset = make(Vkitti2, values, flow="stored")
        with pytest.raises(FlowError) as caught:
            dataset.read_flow(0, 1, 0)
        assert str(caught.value) == (
            f"{folder}/Camera_0: holds no backwardFlow_00001.png, the flow from frame Scene01_clone_00001 to "
            f"Scene01_clone_00000. Unpack vkitti_2.0.3_backwardFlow.tar into {tmp_path}, or set flow: dis to estimate "
            "flow on the fly"
        )
        assert make(Vkitti2, values, flow_root=tmp_path / "flow").read_flow(0, 1, 0) is not None

    def test_no_flow_leads_further_than_a_neighbour(self, values):
        message = (
            r"Scene01_clone_00002: stored flow goes to the frame before or after, not to Scene01_clone_00000\. Set s"
        )
        with pytest.raises(FlowError, match=message):
            make(Vkitti2, values).read_flow(0, 2, 0)

    def test_a_damaged_flow_file(self, values, tmp_path):
        path = tmp_path / "Scene01/clone/frames/backwardFlow/Camera_0/backwardFlow_00001.png"
        cut(path, 0.6)
        with pytest.raises(FlowError, match=r"backwardFlow_00001\.png: is a truncated or damaged PNG"):
            make(Vkitti2, values).read_flow(0, 1, 0)
        Image.fromarray(frame_of(0, 0)).save(path)
        with pytest.raises(FlowError, match=r"is a PNG of 8 bits .*, not the 16-bit RGB of KITTI flow"):
            make(Vkitti2, values).read_flow(0, 1, 0)


class TestShift:
    def test_neighbours_are_ten_numbers_apart_or_one(self, tmp_path):
        values = published.shift(tmp_path, {"007b-4e72": [0, 10, 30, 40], "00ab-cdef": [5, 15]})
        assert names(Samples(make(Shift, values), LABELLED)) == [
            "007b-4e72_00000000/007b-4e72_00000010",
            "007b-4e72_00000030/007b-4e72_00000040",
            "00ab-cdef_00000005/00ab-cdef_00000015",
        ]
        os.rename(tmp_path / "discrete" / "images", tmp_path / "discrete" / "videos")
        front = tmp_path / "discrete" / "videos" / "train" / "front"
        os.rename(front / "img", front / "img_decompressed")
        with pytest.raises(DataError, match=r"none of 6 frames .* set framerate: videos"):
            Samples(make(Shift, values, framerate="videos"), LABELLED)
        with pytest.raises(
            DataError, match=r"val/front/img: cannot be listed .*\. Expected discrete/videos/val/front/img"
        ):
            make(Shift, values, framerate="videos", split="val")

    def test_tags_are_in_the_first_channel(self, tmp_path):
        values = published.shift(tmp_path, {"007b-4e72": [0, 10]})
        dataset = make(Shift, values, classes="gta5")
        assert np.array_equal(dataset.read_label(0, 1), train_ids("carla_0.9.10", "gta5")[published.raw_label(10, 23)])
        assert dataset.taxonomy.unscored == {"rider", "truck", "bus", "train", "motorcycle", "bicycle"}
        with pytest.raises(DataError, match=r"train/right_45/img: cannot be listed"):
            make(Shift, values, view="right_45")


class TestAcdc:
    def test_conditions_and_stills(self, tmp_path):
        frames = {"fog/GOPR0475": [41, 51], "night/GP010397": [55], "fog/GOPR0476": [7]}
        values = published.acdc(tmp_path, frames, frames)
        published.acdc(tmp_path, {"fog/GOPR0480": [1]}, {"fog/GOPR0480": [1]}, "val")
        published.acdc(tmp_path, {"fog/GOPR0481": [1]}, {"fog/GOPR0481": [1]}, "train_ref")
        with pytest.raises(DataError, match=r"none of 4 frames .* The labelled frames are stills: set missing: repeat"):
            Samples(make(Acdc, values), LABELLED)
        found = {
            each: names(Samples(make(Acdc, values, missing="repeat", condition=each), LABELLED))
            for each in ("fog", None)
        }
        assert [len(found[each]) for each in ("fog", None)] == [3, 4]
        assert found["fog"][0] == "fog_GOPR0475_000041/fog_GOPR0475_000041"
        dataset = make(Acdc, values, classes="gta5")
        assert dataset.published == {"used": 1600}
        assert make(Acdc, values, split="val", condition="fog").published == {"used": 100}
        assert np.array_equal(dataset.read_label(0, 0), train_ids("cityscapes", "gta5")[published.raw_label(41, 34)])


def test_bddvids_labelled_frame_has_neighbours_on_both_sides(tmp_path):
    values = published.bddvid(tmp_path, ["0004a4c0-d4dff0ad"], [303, 304, 305, 306, 307, 308])
    dataset = make(BddVid, values, stride=2)
    spec = ClipSpec((0, -1, -2), labels=True)
    assert names(Samples(dataset, spec)) == ["0004a4c0-d4dff0ad_303/0004a4c0-d4dff0ad_307"]
    label = dataset.read_label(0, 4)
    assert label[published._train_ids(307) == 255].tolist().count(IGNORE) == (published._train_ids(307) == 255).sum()
    assert np.array_equal(label, train_ids("kitti_step", "viper")[published._train_ids(307)])
    with pytest.raises(DataError, match=r"val_orig_10k/images: cannot be listed"):
        make(BddVid, values, split="val_orig_10k")


def test_cityscapes_vps_has_all_frames_or_every_fifth(tmp_path):
    numbers = list(range(1732, 1744))
    values = published.cityscapes_vps(tmp_path, {"frankfurt_000000": numbers}, {"frankfurt_000000": [1736, 1741]})
    first = "frankfurt_000000_001732/frankfurt_000000_00"
    assert names(Samples(make(CityscapesVps, values), LABELLED)) == [f"{first}1736", f"{first}1741"]
    assert len(Samples(make(CityscapesVps, values, every_frame=True), PAIR)) == 11
    os.rename(tmp_path / "train" / "img_all", tmp_path / "gone")
    samples = Samples(make(CityscapesVps, values), LABELLED)
    assert names(samples) == ["frankfurt_000000_001736/frankfurt_000000_001741"]
    assert np.array_equal(samples[0].frames[-1], frame_of(0, 1736))
    assert np.array_equal(samples[0].labels, train_ids("kitti_step", "viper")[published._train_ids(1741)])


class TestGta5:
    def test_stills_with_the_indices_of_their_palette(self, tmp_path):
        dataset = make(Gta5, published.gta5(tmp_path, [1, 2, 24966]), missing="repeat")
        assert [info.frames for info in dataset.clips] == [("00001",), ("00002",), ("24966",)]
        assert np.array_equal(dataset.read_label(1, 0), train_ids("cityscapes", "gta5")[published.raw_label(2, 34)])
        assert len(dataset.taxonomy.scored) == 19
        assert Gta5.classes_of(dataset.config) == dataset.taxonomy

    def test_images_of_two_sizes(self, tmp_path):
        values = published.gta5(tmp_path, [1, 2])
        Image.fromarray(frame_of(0, 2, (40, 22))).save(tmp_path / "images" / "00002.png")
        published.palette_png(tmp_path / "labels" / "00002.png", published.raw_label(2, 34, (40, 22)))
        samples = Samples(make(Gta5, values, missing="repeat", size=[20, 12]), LABELLED)
        drawn = [samples.load(index, np.random.default_rng(0)) for index in (0, 1)]
        assert [(sample.frames[0].shape, sample.labels.shape) for sample in drawn] == [((12, 20, 3), (12, 20))] * 2


def test_flow_beyond_the_picture_is_written_as_unknown(tmp_path):
    known = np.ones((4, 5), bool)
    write_relative(tmp_path / "a.png", np.broadcast_to(np.float32([4.1, 0]), (4, 5, 2)), known)
    _, found = read_relative(tmp_path / "a.png")
    assert not found.any()


class TestPaintedLabels:
    @pytest.mark.parametrize("raw", COLOURS)
    def test_every_colour_is_read_back(self, tmp_path, raw):
        ids = np.arange(len(COLOURS[raw]), dtype=np.uint8)[None].repeat(3, 0)
        Image.fromarray(paint(ids, raw)).save(tmp_path / "0.png")
        assert np.array_equal(read_painted(tmp_path / "0.png", raw), ids)
        assert len(set(COLOURS[raw].values())) == len(COLOURS[raw])

    def test_a_few_strays_are_ignored(self, tmp_path):
        picture = np.full((20, 20, 3), COLOURS["camvid"]["Road"], np.uint8)
        picture[0, :4] = 1, 2, 3
        Image.fromarray(picture).save(tmp_path / "0.png")
        ids = read_painted(tmp_path / "0.png", "camvid")
        assert not ids[0, :4].any()
        assert (train_ids("camvid", "viper")[ids] == IGNORE).sum() == 4
        picture[0, :5] = 1, 2, 3
        Image.fromarray(picture).save(tmp_path / "0.png")
        message = (
            r"0\.png: has colours that mean no class in 1% of its pixels, such as \(1, 2, 3\)\. Use the label map as it"
        )
        with pytest.raises(DataError, match=message):
            read_painted(tmp_path / "0.png", "camvid")

    def test_colours_mixed_by_resizing(self, tmp_path):
        picture = Image.fromarray(paint(published.raw_label(0, 32), "camvid"))
        picture.resize((60, 36), Image.Resampling.BILINEAR).save(tmp_path / "0.png")
        with pytest.raises(DataError, match=r"mean no class .*interpolation and JPEG compression mix colours"):
            read_painted(tmp_path / "0.png", "camvid")


class TestLabelsOfAnotherSize:
    def test_of_the_same_shape_is_told_of_each(self, tmp_path):
        values = published.kitti_step(tmp_path, {"0000": [0, 1, 2]})
        for number in range(3):
            larger = np.zeros((48, 80, 3), np.uint8)
            Image.fromarray(larger).save(tmp_path / f"panoptic_maps/train/0000/{number:06d}.png")
        found = [one for one in check(make(KittiStep, values), LABELLED) if "the label is" in one.what]
        assert {(one.severity, one.what) for one in found} == {
            ("warning", "the label is 80x48 pixels, its frame 40x24")
        }
        assert [one.where for one in found] == ["0000_000000/0000_000001", "0000_000000/0000_000002"]

    def test_of_another_shape_is_refused(self, tmp_path):
        values = published.kitti_step(tmp_path, {"0000": [0, 1]})
        path = tmp_path / "panoptic_maps/train/0000/000001.png"
        Image.fromarray(np.zeros((24, 42, 3), np.uint8)).save(path)
        with pytest.raises(DataError) as caught:
            make(KittiStep, values).read_label(0, 1)
        assert str(caught.value) == (
            f"{path}: is 42x24 pixels, which is another shape than the 40x24 of its image "
            f"{tmp_path}/training/image_02/0000/000001.png. It belongs to another image, or one of the two was "
            "cropped. Use both as they were downloaded"
        )
        (problem,) = [one for one in check(make(KittiStep, values), LABELLED) if one.severity == "fatal"]
        assert "is 42x24 pixels" in problem.what

    @pytest.mark.parametrize("size", [(21, 12), (39, 24), (13, 8), (81, 48)])
    def test_sizes_that_rounding_gives_are_not(self, tmp_path, size):
        values = published.kitti_step(tmp_path, {"0000": [0, 1]})
        Image.fromarray(np.zeros((*size[::-1], 3), np.uint8)).save(tmp_path / "panoptic_maps/train/0000/000001.png")
        assert make(KittiStep, values).read_label(0, 1).shape == size[::-1]
