import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tiny_data import cut, frame_of, label_of, write_labelled, write_video

from davsn.clip import ClipSpec
from davsn.data.check import Problem, check
from davsn.data.folder import Folder
from davsn.data.video import Video
from davsn.flow.files import write_flow

TWO = ClipSpec((0, -1), ((0, -1),), labels=True)


@pytest.fixture(name="root")
def _root(tmp_path):
    return write_labelled(tmp_path / "set", {"a": 6, "b": 6})


def look(root, spec=TWO, every=1, **settings):
    return check(Folder(Folder.Config(root=root, **{"missing": "repeat", **settings})), spec, every)


def test_nothing_is_wrong_with_whole_data(root):
    assert look(root) == []


def test_frames_without_neighbours(root):
    assert look(root, missing="skip") == [
        Problem(
            "the data set",
            "2 of 12 frames have no neighbour and are left out",
            "Nothing, if these are the first frames of the clips; or set missing: repeat",
            "warning",
        )
    ]
    (problem,) = look(root, missing="error")
    assert (problem.where, problem.severity) == ("a/f_8", "fatal")
    assert problem.what == "2 of 12 frames have no neighbour at -1"


def test_every_kind_of_bad_file_is_found_once(root):
    cut(root / "frames" / "a" / "f_9.png", 0.5)
    Image.fromarray(label_of(0, 0, (20, 12))).save(root / "labels" / "a" / "f_10.png")
    Image.fromarray(np.zeros((24, 40, 3), np.uint8)).save(root / "labels" / "b" / "f_8.png")
    Image.fromarray(np.full((24, 40), 9, np.uint8)).save(root / "labels" / "b" / "f_9.png")
    problems = look(root)
    found = {os.path.relpath(problem.where, root): problem.what for problem in problems}
    assert len(found) == len(problems) == 4  # though the damaged frame is a neighbour as well
    assert found["frames/a/f_9.png"].startswith("is a truncated or damaged picture")
    assert found["labels/a/f_10.png"].startswith("is 20x12 pixels, and its frame")
    assert found["labels/b/f_8.png"].startswith("is 8-bit RGB; a label is a PNG")
    assert found["labels/b/f_9.png"] == "holds ids outside the class table of 3 classes: 9 (960 pixels)"
    assert {problem.severity for problem in problems} == {"fatal"}
    assert all(problem.remedy for problem in problems)


def test_what_training_would_skip_is_a_warning(root):
    cut(root / "frames" / "a" / "f_9.png", 0.5)
    assert {problem.severity for problem in look(root, bad_files="skip")} == {"warning"}


def test_every_looks_at_some_only_and_at_the_last_frame_of_each_clip(root):
    cut(root / "frames" / "a" / "f_10.png", 0.5)
    cut(root / "frames" / "b" / "f_13.png", 0.5)
    settings = {"spec": ClipSpec(), "every": 5}
    assert [os.path.basename(problem.where) for problem in look(root, **settings)] == ["f_13.png"]


def test_sizes_that_cannot_share_a_batch(root):
    for position in range(8, 14):
        Image.fromarray(frame_of(0, 0, (20, 12))).save(root / "frames" / "b" / f"f_{position}.png")
    spec = replace(TWO, labels=False)
    (problem,) = look(root, spec)
    assert (problem.what, problem.severity) == ("frames of different sizes: 20x12, 40x24", "warning")
    assert look(root, spec, size=(20, 12)) == []


def test_stored_flow_is_looked_at(root, tmp_path):
    for name in "ab":
        for position in range(8, 14):
            write_flow(tmp_path / "flow" / name / f"f_{position}.flo", np.zeros((24, 40, 2)))
    settings = {"flow": "stored", "flow_root": tmp_path / "flow"}
    assert look(root, **settings) == []
    cut(tmp_path / "flow" / "a" / "f_9.flo", 0.5)
    (tmp_path / "flow" / "b" / "f_10.flo").unlink()
    first, second = look(root, **settings)
    assert first.where.endswith("flow/a/f_9.flo")
    assert second.what == "no flow of frame f_10.png there: looked for f_10 with .npy, .flo, .png"


def test_own_flow_where_there_is_none(root):
    assert look(root, flow="exact") == [Problem("the data set", "has no flow of its own", "Set flow: dis", "fatal")]


def test_a_source_without_labels(root):
    (problem,) = look(root, labels=None)
    assert problem.severity == "fatal"
    assert "labels are wanted of a data set that has none" in problem.what


def test_videos_are_opened_to_their_end(tmp_path):
    spec = ClipSpec((0, -1), ((0, -1),))
    path = write_video(tmp_path / "a.mkv", 40)
    assert check(Video(Video.Config(paths=(path,), missing="repeat")), spec, every=10) == []
    data = Video(Video.Config(paths=(cut(path, 0.7),), missing="repeat", bad_files="skip"))
    (problem,) = check(data, spec, every=10)
    assert problem.where == str(path)
    assert problem.what.startswith("stops after frame ")
    assert problem.severity == "warning"
