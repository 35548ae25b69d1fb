import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from davsn.core.clip import ClipSpec
from davsn.core.errors import DataError, FlowError
from davsn.data.loading import Samples, evaluation_batches, target_training, training_batches
from davsn.data.sets.folder import Folder
from davsn.flow.files.io import write_flow
from tiny_data import CLASSES, frame_of, label_of, texture, write_labelled

SHARED = Path(os.environ.get("DAVSN_SHARED", Path(__file__).parents[2].parent / "shared"))
REAL = SHARED / "data" / "procity_camvid"
TWO = ClipSpec((0, -1), ((0, -1),), labels=True)


def folder(root, **settings):
    return Folder(Folder.Config(root=root, **settings))


def test_labelled_layout_is_read_as_it_was_written(tmp_path):
    data = folder(write_labelled(tmp_path, {"b": 3, "a": 4}, labels_from=1))
    assert [info.name for info in data.clips] == ["a", "b"]
    assert data.taxonomy.names == ("road", "sky", "person")
    assert list(data.clips[0].labelled) == [1, 2, 3]
    assert np.array_equal(data.read_frame(1, 2), frame_of(0, 2))
    assert np.array_equal(data.read_label(0, 3), label_of(1, 3))


def test_neighbours_are_neighbours_in_natural_order_though_numbers_go_up_by_two(tmp_path):
    data = folder(write_labelled(tmp_path, {"a": 4}, step=2))
    assert list(data.clips[0].frames) == ["f_8", "f_10", "f_12", "f_14"]  # as text, f_10 would come first


@pytest.mark.parametrize("layout", ["frames/a", "a", "."])
def test_unlabelled_layouts(tmp_path, layout):
    place = tmp_path / "street" / layout
    place.mkdir(parents=True)
    for position in range(3):
        Image.fromarray(frame_of(0, position)).save(place / f"{position}.jpg", quality=95)
    data = folder(tmp_path / "street", rate=15)
    assert data.taxonomy is None
    assert [(info.name, list(info.frames), info.rate) for info in data.clips] == [
        ("street" if layout == "." else "a", ["0", "1", "2"], 15)
    ]
    assert data.read_frame(0, 1).shape == (24, 40, 3)


def test_clips_may_lie_in_folders_of_folders(tmp_path):
    for name in ("city/one", "city/two"):
        (tmp_path / "frames" / name).mkdir(parents=True)
        Image.fromarray(frame_of(0, 0)).save(tmp_path / "frames" / name / "0.png")
    assert [info.name for info in folder(tmp_path).clips] == ["city/one", "city/two"]


def test_hidden_files_and_other_files_are_no_frames(tmp_path):
    write_labelled(tmp_path, {"a": 2})
    for name in ("._f_8.png", "notes.txt", ".thumbs.jpg"):
        (tmp_path / "frames" / "a" / name).write_text("not a frame")
    assert list(folder(tmp_path).clips[0].frames) == ["f_8", "f_9"]


def test_stills_have_no_neighbours(tmp_path):
    write_labelled(tmp_path, {"a": 3})
    os.rename(tmp_path / "frames" / "a", tmp_path / "stills")
    os.rename(tmp_path / "labels" / "a", tmp_path / "stills_labels")
    settings = {"frames": "stills", "labels": "stills_labels", "stills": True}
    data = folder(tmp_path, missing="repeat", **settings)
    assert [info.name for info in data.clips] == ["f_8", "f_9", "f_10"]
    sample = Samples(data, TWO)[2]
    assert np.array_equal(sample.frames[0], sample.frames[-1])
    assert not sample.flows[0, -1].any()
    assert np.array_equal(sample.labels, label_of(0, 2))
    with pytest.raises(
        DataError, match=r"none of 3 frames in 3 clips has a neighbour at -1\. Single frames need missin"
    ):
        Samples(folder(tmp_path, **settings), TWO)


def test_palette_labels_are_ids_and_not_colours(tmp_path):
    write_labelled(tmp_path, {"a": 1})
    picture = Image.fromarray(label_of(0, 0), "L").convert("P")
    picture.putdata(label_of(0, 0).ravel())
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    picture.save(tmp_path / "labels" / "a" / "f_8.png")
    assert np.array_equal(folder(tmp_path).read_label(0, 0), label_of(0, 0))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_frames_of_any_8_bit_mode_become_rgb(tmp_path, mode):
    suffix = "jpg" if mode == "CMYK" else "png"
    Image.fromarray(texture()).convert(mode).save(tmp_path / f"0.{suffix}")
    frame = folder(tmp_path).read_frame(0, 0)
    assert frame.shape == (24, 40, 3)
    assert frame.dtype == np.uint8


def test_labels_can_be_left_out(tmp_path):
    write_labelled(tmp_path, {"a": 2})
    data = folder(tmp_path, labels=None)
    assert data.taxonomy is None
    assert not data.clips[0].labelled


def test_a_class_table_elsewhere(tmp_path):
    write_labelled(tmp_path / "set", {"a": 2})
    os.rename(tmp_path / "set" / "classes.yaml", tmp_path / "table.yaml")
    assert len(folder(tmp_path / "set", classes=tmp_path / "table.yaml").taxonomy) == 3


@pytest.mark.parametrize("suffix", [".npy", ".flo", ".png"])
def test_stored_flow_keeps_its_own_size(tmp_path, suffix):
    write_labelled(tmp_path / "set", {"a": 3})
    stored = np.round(np.random.default_rng(0).uniform(-9, 9, (12, 20, 2)))
    for stem in ("f_9", "f_10"):
        write_flow(tmp_path / "flow" / "a" / f"{stem}{suffix}", stored)
    samples = Samples(folder(tmp_path / "set", flow="stored", flow_root=tmp_path / "flow", size=(30, 18)), TWO)
    sample = samples[1]
    assert sample.frames[0].shape == (18, 30, 3)
    assert np.array_equal(sample.flows[0, -1], stored)
    assert sample.flows[0, -1].dtype == (np.float64 if suffix == ".npy" else np.float32)


def test_stored_flow_that_is_missing_names_folder_and_frame(tmp_path):
    write_labelled(tmp_path / "set", {"a": 3})
    (tmp_path / "flow").mkdir()
    data = folder(tmp_path / "set", flow="stored", flow_root=tmp_path / "flow")
    with pytest.raises(
        FlowError, match=r"flow/a: holds no flow of frame f_9\.png: looked for f_9 with \.npy, \.flo, \.pn"
    ):
        Samples(data, TWO)[0]


def test_stored_flow_to_another_frame_is_refused(tmp_path):
    write_labelled(tmp_path / "set", {"a": 3})
    (tmp_path / "flow").mkdir()
    data = folder(tmp_path / "set", flow="stored", flow_root=tmp_path / "flow")
    with pytest.raises(FlowError, match=r"stored flow goes to the neighbour before \(stride 1\), not to position 2"):
        data.read_flow(0, 1, 2)


@pytest.mark.skipif(not REAL.is_dir(), reason="no shared/data/procity_camvid beside the project")
class TestRealData:
    classes = REAL / "classes.yaml"

    def test_source(self):
        data = folder(REAL / "source", classes=self.classes, size=(160, 80), crop=(96, 64), mirror=True, colour=0.5)
        samples = Samples(data, TWO)
        assert (len(data.clips), len(samples), samples.left_out) == (15, 435, 15)
        batch = next(training_batches(samples, 2, seed=0))
        assert batch.current.shape == (2, 3, 64, 96)
        assert batch.labels.shape == (2, 64, 96)

    def test_target_video(self):
        samples = Samples(target_training(folder(REAL / "target" / "train")), ClipSpec((0, -1), ((0, -1),)))
        assert len(samples) == 60
        assert samples[0].name == "0016E5_a/0016E5_07961"
        flow = samples[10].flows[0, -1]
        assert 0.2 < np.median(np.linalg.norm(flow, axis=-1)) < 20

    def test_target_stills(self):
        data = folder(REAL / "target" / "train", frames="stills", stills=True, missing="repeat")
        assert len(Samples(data, ClipSpec((0, -1), ((0, -1),)))) == 367

    @pytest.mark.parametrize(
        ("settings", "length"),
        [({}, 29), ({"frames": "stills", "labels": "stills_labels", "stills": True, "missing": "repeat"}, 47)],
    )
    def test_validation(self, settings, length):
        samples = Samples(folder(REAL / "target" / "val", classes=self.classes, size=(160, 120), **settings), TWO)
        assert len(samples) == length
        batch = next(evaluation_batches(samples))
        assert batch.size == (120, 160)
        assert batch.labels.shape == (1, 240, 320)
        assert set(batch.labels.unique().tolist()) <= {*range(10), 255}


def test_classes_are_in_the_form_of_the_shared_data(tmp_path):
    (tmp_path / "classes.yaml").write_text(CLASSES)
    write_labelled(tmp_path / "set", {"a": 1})
    assert folder(tmp_path / "set", classes=tmp_path / "classes.yaml").taxonomy.colours[1] == (70, 130, 180)
