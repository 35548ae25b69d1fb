"""VIPER, Cityscapes-Seq and SYNTHIA-Seq in their own layouts: which frames and neighbours, and the traps in words."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import published
from davsn.core.clip import ClipSpec
from davsn.core.errors import ConfigError, DataError, FlowError
from davsn.core.settings import validate
from davsn.data.dataset import NO_FILE
from davsn.data.labels.class_tables import taxonomy, train_ids
from davsn.data.layout import runs as _runs
from davsn.data.samples import Samples, target_training
from davsn.data.sets.cityscapes import Cityscapes
from davsn.data.sets.synthia import Synthia
from davsn.data.sets.viper import Viper, without_own_car
from davsn.doctor.data import check
from davsn.flow.files.io import write_flow
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


class TestViper:
    @pytest.mark.parametrize("suffix", [".jpg", ".png"])
    def test_frames_that_end_in_0_with_their_neighbour_by_number(self, tmp_path, suffix):
        values = published.viper(tmp_path, {"001": [9, 10, 11, 19, 20, 30], "002": [8, 9, 10]}, suffix)
        samples = Samples(make(Viper, values), LABELLED)
        assert names(samples) == ["001_00009/001_00010", "001_00019/001_00020", "002_00008/002_00010"]
        assert samples.left_out == 1  # 00030 has no 00029
        sample = samples[0]
        if suffix == ".png":
            assert np.array_equal(sample.frames[0], frame_of(0, 10))
            assert np.array_equal(sample.frames[-1], frame_of(0, 9))

    def test_other_frames_are_neighbours_only_unless_asked_for(self, tmp_path):
        values = published.viper(tmp_path, {"001": [8, 9, 10, 11]})
        assert len(Samples(make(Viper, values), PAIR)) == 1
        assert len(Samples(make(Viper, values, every=1), LABELLED)) == 3

    def test_a_palettes_colours_mean_nothing(self, tmp_path):
        values = published.viper(tmp_path, {"001": [9, 10]})
        with Image.open(tmp_path / "train" / "cls" / "001" / "001_00010.png") as image:
            assert image.mode == "P"
        label = make(Viper, values).read_label(0, 1)
        raw = published.raw_label(10, 32)
        assert np.array_equal(label, train_ids("viper", "viper")[without_own_car(raw)])

    def test_the_own_car_is_found_at_the_size_that_is_trained_at(self, tmp_path):
        values = published.viper(tmp_path, {"001": [9, 10]})
        raw = np.full((24, 40), 3, np.uint8)
        raw[20:, 10:30] = 24
        raw[5:10, 16:26] = 24
        raw[10:20, 21] = 24  # joins the own car to another; resizing to a third leaves this column out
        published.palette_png(tmp_path / "train" / "cls" / "001" / "001_00010.png", raw)
        dataset = make(Viper, values)
        assert 10 not in dataset.read_label(0, 1)
        small = np.array(Image.fromarray(raw).resize((13, 8), Image.Resampling.NEAREST))
        resized = dataset.resized_label(0, 1, (13, 8))
        assert np.array_equal(resized, train_ids("viper", "viper")[without_own_car(small)])
        assert 10 in resized
        sample = Samples(make(Viper, values, size=(13, 8)), LABELLED).load(0, np.random.default_rng(0))
        assert np.array_equal(sample.labels, resized)
        assert Samples(make(Viper, values, size=(13, 8)), LABELLED)[0].labels.shape == (24, 40)

    @pytest.mark.parametrize(("width", "middle"), [(6, 3), (7, 3)])
    def test_the_own_car_is_the_one_in_the_middle(self, width, middle):
        for column in range(width):
            raw = np.full((4, width), 3, np.uint8)
            raw[-1, column] = raw[-2, max(column - 1, 0)] = 24  # joined corner to corner
            raw[0, 0] = 24
            kept = raw.copy()
            if column == middle:
                kept[-1, column] = kept[-2, column - 1] = 0
            before = raw.copy()
            assert np.array_equal(without_own_car(raw), kept)
            assert np.array_equal(raw, before)

    def test_the_validation_part(self, tmp_path):
        values = published.viper(tmp_path, {"070": [9, 10]}, split="val")
        assert names(Samples(make(Viper, values, split="val"), LABELLED)) == ["070_00009/070_00010"]
        with pytest.raises(
            DataError, match=r"train/img: cannot be listed \(No such file or directory\)\. Expected train/img"
        ):
            make(Viper, values)

    def test_a_neighbour_that_was_not_downloaded(self, tmp_path):
        values = published.viper(tmp_path, {"001": [10, 20]})
        message = (
            r"none of 2 frames in 2 clips has a neighbour at -1\. The neighbours of frames that end in 0 end in "
            r"9; they are in VIPER's image archives \[2-9\]"
        )
        with pytest.raises(DataError, match=message):
            Samples(make(Viper, values), LABELLED)
        with pytest.raises(DataError, match=r"image archives \[2-9\]"):
            Samples(target_training(make(Viper, values)), PAIR)
        (problem,) = (found for found in check(make(Viper, values), LABELLED) if found.severity == "fatal")
        assert problem.what.startswith("none of 2 frames in ")

    def test_mapped_labels_are_told(self, tmp_path):
        values = published.viper(tmp_path, {"001": [9, 10]})
        path = tmp_path / "train" / "cls" / "001" / "001_00010.png"
        Image.fromarray(np.array([[0, 255], [40, 3]], np.uint8)).save(path)
        message = (
            r"001_00010\.png: holds ids above 31, the highest valid id: 40, 255\. VIPER's cls files hold ids up to 31"
        )
        with pytest.raises(DataError, match=message):
            make(Viper, values).read_label(0, 1)

    def test_colours_instead_of_ids(self, tmp_path):
        values = published.viper(tmp_path, {"001": [9, 10]})
        Image.fromarray(frame_of(0, 1)).save(tmp_path / "train" / "cls" / "001" / "001_00010.png")
        with pytest.raises(
            DataError, match=r"001_00010\.png: is 8-bit RGB; a label map is a PNG of 8 bits and one channel"
        ):
            make(Viper, values).read_label(0, 1)

    def test_two_pictures_of_one_frame(self, tmp_path):
        values = published.viper(tmp_path, {"001": [9, 10]})
        Image.fromarray(frame_of(0, 9)).save(tmp_path / "train" / "img" / "001" / "001_00009.png")
        with pytest.raises(
            DataError, match=r"img: holds both 001/001_00009\.\w+ and 001/001_00009\.\w+: two files for one"
        ):
            make(Viper, values)

    def test_no_labels_at_all(self, tmp_path):
        values = published.viper(tmp_path, {"001": [9, 11]})
        with pytest.raises(
            DataError, match=r"cls: holds no label maps, so it is unknown which frames to use\. Expected tra"
        ):
            make(Viper, values)


class TestCityscapes:
    @pytest.fixture(name="values")
    def _values(self, tmp_path):
        drives = {"aachen_000000": [0, 17, 18, 19, 20], "hamburg_000000": [41, 42, 72, 73], "bochum_000001": [311, 312]}
        return published.cityscapes(tmp_path, drives, {"aachen_000000": [19], "hamburg_000000": [42, 73]})

    def test_labelled_frames_of_both_numbering_styles(self, values):
        samples = Samples(make(Cityscapes, values), LABELLED)
        assert names(samples) == [
            "aachen_000000_000017/aachen_000000_000019",
            "hamburg_000000_000041/hamburg_000000_000042",
            "hamburg_000000_000072/hamburg_000000_000073",
        ]
        assert np.array_equal(samples[1].frames[-1], frame_of(0, 41))
        assert np.array_equal(samples[1].labels, train_ids("cityscapes", "viper")[published.raw_label(42, 34)])

    def test_the_classes_of_either_pair(self, values):
        dataset = make(Cityscapes, values, classes="synthia")
        clip, position = Samples(dataset, LABELLED).places[0]
        assert len(dataset.taxonomy) == 12
        expected = train_ids("cityscapes", "synthia")[published.raw_label(19, 34)]
        assert np.array_equal(dataset.read_label(clip, position), expected)

    def test_target_training_takes_the_labelled_frames_or_all(self, values):
        target = target_training(make(Cityscapes, values))
        assert len(Samples(target, PAIR)) == 3
        assert len(Samples(target_training(make(Cityscapes, values, every_frame=True)), PAIR)) == 6
        assert len(Samples(make(Cityscapes, values, every_frame=True), LABELLED)) == 3

    def test_validation_scores_consistency_only_if_told_to_read_every_frame(self, values):
        assert len(Samples(make(Cityscapes, values), LABELLED, every_frame=True)) == 3
        samples = Samples(make(Cityscapes, values, every_frame=True), LABELLED, every_frame=True)
        assert len(samples) == 6
        assert sum(samples[index].labels is not None for index in range(6)) == 3

    def test_a_list_names_the_frames_labelled_or_not(self, values, tmp_path):
        listed = tmp_path / "list.txt"
        listed.write_text("bochum/bochum_000001_000312_leftImg8bit.png")  # no newline after the last, as published
        os.rename(tmp_path / "gtFine", tmp_path / "elsewhere")
        dataset = make(Cityscapes, values, frame_list=listed)
        assert dataset.taxonomy is None
        assert names(Samples(dataset, PAIR)) == ["bochum_000001_000311/bochum_000001_000312"]
        with pytest.raises(DataError, match="labels are required, but the data set has none"):
            Samples(dataset, LABELLED)

    def test_without_labels_or_a_list_nothing_says_which_frames(self, values, tmp_path):
        os.rename(tmp_path / "gtFine", tmp_path / "elsewhere")
        with pytest.raises(DataError, match=r"gtFine/train: holds no label maps.*; or name the frames in a frame_list"):
            make(Cityscapes, values)
        assert len(Samples(make(Cityscapes, values, every_frame=True), PAIR)) == 6

    def test_frames_listed_that_are_not_there(self, values, tmp_path):
        listed = tmp_path / "list.txt"
        listed.write_text("\n".join(f"ulm/ulm_{drive:06d}_000019_leftImg8bit.png" for drive in range(3)))
        message = (
            r"leftImg8bit_sequence/train: lacks the image of 3 frames, such as ulm_000000_000019\. "
            r"Download the missing files, or"
        )
        with pytest.raises(DataError, match=message):
            make(Cityscapes, values, frame_list=listed)

    def test_listed_frames_without_label_where_there_are_others(self, values, tmp_path):
        listed = tmp_path / "list.txt"
        listed.write_text("a/aachen_000000_000019_leftImg8bit.png\na/aachen_000000_000018_leftImg8bit.png\n\n")
        with pytest.raises(
            DataError, match=r"gtFine/train: lacks the label map of 1 frames, such as aachen_000000_000018\."
        ):
            make(Cityscapes, values, frame_list=listed)
        dataset = make(Cityscapes, values, frame_list=listed, bad_files="skip")
        assert len(Samples(dataset, LABELLED)) == 1
        assert any("lacks the label map of 1 frames" in problem.what for problem in check(dataset, LABELLED))

    def test_labels_without_their_pictures(self, tmp_path):
        values = published.cityscapes(tmp_path, {"aachen_000000": [18, 19]}, {"aachen_000000": [19, 49]})
        with pytest.raises(DataError, match=r"lacks the image of 1 frames, such as aachen_000000_000049"):
            make(Cityscapes, values)
        assert len(Samples(make(Cityscapes, values, bad_files="skip"), LABELLED)) == 1

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                b"aachen_000000_000019\n",
                r"list\.txt: line 1 names no frame: 'aachen_000000_000019'\. Each line should be the path of an image "
                r"below .*leftImg8bit_sequence/train, such as aachen/aachen_000000_0000\d\d_leftImg8bit\.png",
            ),
            (b"\n", r"list\.txt: names no frame\. Each line should be the path of an image below "),
            (b"\xff\xfe", r"list\.txt: is not a list of frames"),
        ],
    )
    def test_a_list_that_is_none(self, values, tmp_path, content, message):
        (tmp_path / "list.txt").write_bytes(content)
        with pytest.raises(DataError, match=message):
            make(Cityscapes, values, frame_list=tmp_path / "list.txt")

    def test_train_ids_instead_of_label_ids(self, values, tmp_path):
        path = tmp_path / "gtFine" / "train" / "aachen" / "aachen_000000_000019_gtFine_labelIds.png"
        Image.fromarray(np.array([[0, 255]], np.uint8)).save(path)
        dataset = make(Cityscapes, values)
        message = (
            r"labelIds\.png: holds ids above 34, the highest valid id: 255\. Expected .*; this file "
            r"may hold labelTrainIds"
        )
        with pytest.raises(DataError, match=message):
            dataset.read_label(*Samples(dataset, LABELLED).places[0])

    def test_the_package_without_neighbours(self, tmp_path):
        values = published.cityscapes(tmp_path, {"aachen_000000": [19]}, {"aachen_000000": [19]})
        with pytest.raises(DataError, match=r"The frames before .* are in leftImg8bit_sequence_trainvaltest, not in"):
            Samples(make(Cityscapes, values), LABELLED)
        assert len(Samples(make(Cityscapes, values, missing="repeat"), LABELLED)) == 1

    @pytest.mark.parametrize(
        ("drive", "published_name", "tps_name"),
        [
            ("ulm_000019", "ulm_000019_000018_000017", "ulm_000018_000018_000017"),
            ("ulm_000018", "ulm_000018_000018_000017", "ulm_000018_000018_000017"),
            ("ulm_000000", "ulm_000000_000018_000017", "ulm_000000_000018_000017"),
        ],
    )
    def test_tps_finds_another_snippets_flow_of_the_frames_before(self, tmp_path, drive, published_name, tps_name):
        values = published.cityscapes(tmp_path, {drive: [17, 18, 19]}, {drive: [19]})
        for path in (tmp_path / "flow").iterdir():
            path.unlink()
        dataset, as_tps = make(Cityscapes, values), make(Cityscapes, values, flow_names="replaced")
        for one, name in ((dataset, published_name), (as_tps, tps_name)):
            with pytest.raises(FlowError, match=f"holds no {name}_int16_x10"):
                one.read_flow(0, 1, 0)
            with pytest.raises(FlowError, match=f"holds no {drive}_000019_000018_int16_x10"):
                one.read_flow(0, 2, 1)  # the used frame's own flow has the right name in both

    def test_a_frame_without_label(self, values):
        with pytest.raises(DataError, match=r"000018_leftImg8bit\.png: has no label map\. Read label maps of"):
            make(Cityscapes, values).read_label(1, 1)


class TestSynthia:
    @pytest.mark.parametrize("archive", [False, True])
    def test_both_layouts_and_the_first_channel(self, tmp_path, archive):
        dataset = make(Synthia, published.synthia(tmp_path, [0, 1, 2], archive))
        samples = Samples(dataset, LABELLED)
        assert names(samples) == ["000000/000001", "000000/000002"]  # the first frame has nothing before it
        sample = samples[0]
        assert np.array_equal(sample.frames[-1], frame_of(0, 0)[:-4])
        assert np.array_equal(sample.labels, train_ids("synthia", "synthia")[published.raw_label(1, 16)][:-4])

    def test_the_published_size(self, tmp_path):
        values = published.synthia(tmp_path, [0])
        dataset = make(Synthia, {"root": values["root"]})
        assert dataset.read_frame(0, 0).shape == (640, 1280, 3)
        label = dataset.read_label(0, 0)
        assert label.shape == (640, 1280)
        whole = Image.fromarray(train_ids("synthia", "synthia")[published.raw_label(0, 16)])
        assert np.array_equal(label, np.array(whole.resize((1280, 760), Image.Resampling.NEAREST))[:640])

    def test_grey_16_bits(self, tmp_path):
        values = published.synthia(tmp_path, [0])
        raw = published.raw_label(5, 16)
        cv2.imwrite(str(tmp_path / "label" / "000000.png"), raw.astype(np.uint16))
        assert np.array_equal(make(Synthia, values).read_label(0, 0), train_ids("synthia", "synthia")[raw][:-4])

    def test_ids_of_the_stills(self, tmp_path):
        values = published.synthia(tmp_path, [0])
        published.wide_png(tmp_path / "label" / "000000.png", published.raw_label(0, 23))
        message = (
            r"above 15, the highest valid id: 16, 17, .* Ids from 16 on belong to SYNTHIA-RAND-CITYSCAPES, which is"
        )
        with pytest.raises(DataError, match=message):
            make(Synthia, values).read_label(0, 0)

    @pytest.mark.parametrize("mode", ["L", "RGB", "P"])
    def test_eight_bits(self, tmp_path, mode):
        values = published.synthia(tmp_path, [0])
        Image.fromarray(published.raw_label(0, 16)).convert(mode).save(tmp_path / "label" / "000000.png")
        message = r"000000\.png: is 8-bit .*expected a PNG of 16 bits a channel whose first .*: a copy in 8 bits or in"
        with pytest.raises(DataError, match=message):
            make(Synthia, values).read_label(0, 0)

    def test_turned_channels(self, tmp_path):
        values = published.synthia(tmp_path, [0])
        path = tmp_path / "label" / "000000.png"
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1])
        message = r"000000\.png: holds ids above 15, the highest valid id: 300, .*The class is in the first channel"
        with pytest.raises(DataError, match=message):
            make(Synthia, values).read_label(0, 0)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"GIF89a", r"000000\.png: is not a PNG; expected a PNG of 16 bits"),
            (None, r"is a truncated or damaged image"),
        ],
    )
    def test_damaged(self, tmp_path, content, message):
        values = published.synthia(tmp_path, [0])
        path = tmp_path / "label" / "000000.png"
        if content is None:
            cut(path, 0.6)
        else:
            path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            make(Synthia, values).read_label(0, 0)

    def test_a_label_that_went_away(self, tmp_path):
        dataset = make(Synthia, published.synthia(tmp_path, [0]))
        (tmp_path / "label" / "000000.png").unlink()
        with pytest.raises(DataError, match=r"000000\.png: cannot be read \(No such file or directory\)"):
            dataset.read_label(0, 0)

    def test_no_rows_left(self, tmp_path):
        with pytest.raises(ConfigError, match=r"cut  cutting 760 rows leaves nothing of an image 760 rows high"):
            validate(Synthia.Config, {"root": tmp_path, "cut": 760}, "the recipe")

    def test_neither_layout(self, tmp_path):
        with pytest.raises(DataError, match=r"rgb: cannot be listed"):
            make(Synthia, {"root": tmp_path})
        (tmp_path / "rgb").mkdir()
        with pytest.raises(
            DataError, match=r"rgb: holds no frames\. Expected RGB/Stereo_Left/Omni_F/000001\.png and GT/"
        ):
            make(Synthia, {"root": tmp_path})


class TestStoredFlow:
    @pytest.fixture(
        params=[
            (Viper, "001_0001000009_int16_x10.npy", "001_00010"),
            (Cityscapes, "ulm_000019_000019_000018_int16_x10.npy", "ulm_000019_000019"),
            (Synthia, "000001_int16_x10.npy", "000001"),
        ],
        ids=["viper", "cityscapes", "synthia"],
        name="case",
    )
    def _case(self, request, tmp_path):
        part, file, frame = request.param
        values = {
            Viper: lambda: published.viper(tmp_path, {"001": [8, 9, 10]}),
            Cityscapes: lambda: published.cityscapes(tmp_path, {"ulm_000019": [17, 18, 19]}, {"ulm_000019": [19]}),
            Synthia: lambda: published.synthia(tmp_path, [0, 1]),
        }[part]()
        return make(part, values, flow="stored"), tmp_path / "flow" / file, frame

    def test_is_found_by_the_frames_number(self, case):
        dataset, path, frame = case
        samples = Samples(dataset, STORED)
        assert [name.rpartition("/")[2] for name in names(samples)] == [frame]
        flow = samples[0].flows[0, -1]
        assert flow.shape == (12, 20, 2)  # its own size
        assert np.array_equal(flow, np.load(path) / 10.0)
        assert flow[0, 0, 0] == -int(frame[-5:]) / 10  # and no other frame's, though the drive has the frame's number

    def test_a_missing_file_names_folder_file_and_remedy(self, case):
        dataset, path, frame = case
        path.unlink()
        with pytest.raises(FlowError) as caught:
            Samples(dataset, STORED)[0]
        assert str(caught.value).startswith(f"{path.parent}: holds no {path.name}, the flow from frame {frame} to ")
        assert str(caught.value).endswith(f". {NO_FILE}")
        assert "davsn flow RECIPE --estimator dis --out FOLDER" in NO_FILE
        found = [problem for problem in check(dataset, STORED) if problem.severity == "fatal"]
        assert [problem.where for problem in found] == [str(path.parent)]

    def test_the_folder_is_needed(self, case):
        part = type(case[0])
        with pytest.raises(
            ConfigError, match=r"flow_root  flow: stored needs the folder of the flow files\. Set flow_root, or"
        ):
            validate(part.Config, {"root": ".", "flow": "stored"}, "the recipe")

    def test_the_flow_of_another_drive_is_read_by_accident_alone(self, tmp_path):
        drives = {"ulm_000018": [16, 17, 18], "ulm_000019": [17, 18, 19], "ulm_000020": [17, 18, 19]}
        values = published.cityscapes(tmp_path, drives, {"ulm_000019": [19], "ulm_000020": [19]})
        other = tmp_path / "flow" / "ulm_000018_000018_000017_int16_x10.npy"
        write_flow(other, np.full((12, 20, 2), 9.0))  # what the public code makes of 000019_000019 for 18→17
        three = ClipSpec((0, -1, -2), ((0, -1), (-1, -2)))

        def read(**changes):
            samples = Samples(make(Cityscapes, values, flow="stored", **changes), three)
            assert [name.rpartition("/")[2] for name in names(samples)] == ["ulm_000019_000019", "ulm_000020_000019"]
            loaded = [samples[index] for index in range(2)]
            return [[round(float(sample.flows[pair][0, 0, 0]), 1) for pair in three.flows] for sample in loaded]

        assert read() == [[-1.9, -1.8], [-1.9, -1.8]]
        assert read(flow_names="replaced") == [[-1.9, 9.0], [-1.9, -1.8]]

    def test_a_wider_stride_has_a_name_where_names_have_both_numbers(self, tmp_path):
        dataset = make(Cityscapes, published.cityscapes(tmp_path, {"ulm_000000": [17, 18, 19]}, {"ulm_000000": [19]}))
        with pytest.raises(FlowError, match=r"holds no ulm_000000_000019_000017_int16_x10\.npy"):
            dataset.read_flow(0, 2, 0)
        dataset = make(Synthia, published.synthia(tmp_path, [0, 1, 2]))
        with pytest.raises(
            FlowError, match=r"frame 000002: stored flow goes to the frame before, not to 000000\. Set flow"
        ):
            dataset.read_flow(0, 2, 0)


@given(st.sets(st.tuples(st.sampled_from(["001_", "002_"]), st.integers(0, 40)), min_size=1), st.integers(1, 3))
@settings(deadline=None, max_examples=50)
def test_runs_hold_every_frame_once_and_only_neighbours_by_number(keys, step):
    runs = list(_runs(keys, step))
    assert sorted(key for run in runs for key in run) == sorted(keys)
    assert [run[0] for run in runs] == sorted(run[0] for run in runs)
    for run in runs:
        assert {drive for drive, _ in run} == {run[0][0]}
        assert [number for _, number in run] == list(range(run[0][1], run[0][1] + step * len(run), step))
        drive, last = run[-1]
        assert (drive, last + step) not in keys
        assert (drive, run[0][1] - step) not in keys


def test_twenty_thousand_files_are_listed_and_none_is_opened(tmp_path):
    for kind, suffix in (("img", "jpg"), ("cls", "png")):
        for drive in range(1, 11):
            folder = tmp_path / "train" / kind / f"{drive:03d}"
            folder.mkdir(parents=True)
            for number in range(1, 1001):
                Path(folder, f"{drive:03d}_{number:05d}.{suffix}").touch()  # empty: opening one would fail
    assert len(Samples(make(Viper, {"root": tmp_path}), LABELLED)) == 1000


@pytest.mark.parametrize(
    ("part", "told", "classes"),
    [
        (Viper, {}, "viper"),
        (Synthia, {}, "synthia"),
        (Cityscapes, {}, "viper"),
        (Cityscapes, {"classes": "synthia"}, "synthia"),
    ],
)
def test_the_classes_are_known_without_the_files(part, told, classes):
    assert part.classes_of(part.Config(root="not/there", **told)) == taxonomy(classes)
