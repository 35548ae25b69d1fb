"""davsn flow convert, show and measure, as a person calls them."""

import json
import os

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from davsn.flow.files.direction import RECORD
from davsn.flow.files.io import read_flow, write_flow

HEIGHT, WIDTH, MOVED = 48, 80, 3


def texture(seed=0):
    noise = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


@pytest.fixture(name="place")
def _place(tmp_path):
    """Frames 0 to 2 that move to the right, and the exact flow of each to the next."""
    for folder in ("rgb", "flow"):
        (tmp_path / folder).mkdir()
    exact = np.broadcast_to(np.array([MOVED, 0], np.float32), (HEIGHT, WIDTH, 2))
    for number in range(3):
        Image.fromarray(np.roll(texture(), number * MOVED, 1)).save(tmp_path / "rgb" / f"{number:06d}.png")
        if number < 2:
            write_flow(tmp_path / "flow" / f"{number:06d}.flo", exact)
    return tmp_path


def test_a_tree_is_converted_and_its_direction_recorded(davsn, place):
    (place / "flow" / "deep").mkdir()
    os.rename(place / "flow" / "000001.flo", place / "flow" / "deep" / "000001.flo")
    code, out, err = davsn(
        place, "flow", "convert", "flow", "new", "--to", "kitti", "--direction", "previous-to-current"
    )
    assert (code, err) == (0, "")
    assert out.endswith(f"2 flow files, previous-to-current; recorded in {RECORD}: new\n")
    flow, known = read_flow(place / "new" / "deep" / "000001.png")
    assert known is None
    assert np.abs(flow - (MOVED, 0)).max() < 1 / 64
    code, out, _ = davsn(place, "flow", "convert", "new", "again", "--to", "flo")  # the record tells
    assert code == 0
    assert "previous-to-current" in out


def test_the_direction_is_asked_for_where_files_do_not_tell(davsn, place):
    code, _, err = davsn(place, "flow", "convert", "flow", "new", "--to", "kitti")
    assert code == 2
    assert err.startswith(
        "flow: these files do not state the direction of their flow. Set --direction current-to-previous"
    )
    assert not (place / "new").exists()


@pytest.mark.parametrize(
    ("folder", "told"), [("forwardFlow", "previous-to-current"), ("backwardFlow", "current-to-prev")]
)
def test_virtual_kittis_folders_tell(davsn, place, folder, told):
    os.rename(place / "flow", place / folder)
    code, out, _ = davsn(place, "flow", "convert", folder, "new", "--to", "kitti")
    assert code == 0
    assert f"2 flow files, {told}" in out
    code, _, err = davsn(
        *(place, "flow", "convert", folder, "other", "--to", "kitti", "--direction"),
        "current-to-previous" if folder == "forwardFlow" else "previous-to-current",
    )
    assert code == 2
    assert f"has the direction {told}" in err
    assert "by its record, folder or form" in err


def test_a_direction_is_never_turned_round(davsn, place):
    code, _, err = davsn(place, "flow", "convert", "flow", "new", "--to", "npy", "--direction", "previous-to-current")
    assert code == 2
    assert ".npy files are always read as current-to-previous. The other direction is not this flow negated" in err
    code, *_ = davsn(place, "flow", "convert", "flow", "new", "--to", "npy", "--direction", "current-to-previous")
    assert code == 0
    assert davsn(place, "flow", "convert", "new", "back", "--to", "flo").code == 0  # .npy tells it


def test_a_conversion_goes_on_where_it_was_stopped(davsn, place):
    words = ["flow", "convert", "flow", "new", "--to", "kitti", "--direction", "previous-to-current"]
    assert davsn(place, *words).code == 0
    kept, lost = place / "new" / "000000.png", place / "new" / "000001.png"
    before = kept.stat().st_mtime_ns
    lost.unlink()
    assert davsn(place, *words).code == 0
    assert kept.stat().st_mtime_ns == before
    assert lost.is_file()
    write_flow(place / "flow" / "000000.flo", np.ones((HEIGHT, WIDTH, 2)))
    os.utime(place / "flow" / "000000.flo", ns=(before + 10**9, before + 10**9))
    assert davsn(place, *words).code == 0
    assert (read_flow(kept)[0] == 1).all()  # its source is newer
    code, _, err = davsn(place, *words[:4], "--to", "vkitti", *words[6:])
    assert code == 2
    assert "new: already holds kitti files with the direction previous-to-current. Choose a new folder" in err


def test_what_does_not_fit_is_named_and_the_rest_converted(davsn, place):
    write_flow(place / "flow" / "000000.flo", np.full((HEIGHT, WIDTH, 2), 600.0))
    code, _, err = davsn(place, "flow", "convert", "flow", "new", "--to", "kitti", "--direction", "previous-to-current")
    assert code == 2
    assert err.startswith("1 of 2 files were not converted:\n")
    assert "000000.png: the flow holds values that this .png form cannot store" in err
    assert (place / "new" / "000001.png").is_file()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nowhere", "new"], "nowhere: no such file or folder"),
        (["rgb", "flow/new"], "rgb/000000.png: is a PNG of 8 bits a channel"),
        (["flow", "flow/new"], "is inside the folder to convert"),
        (["flow/000000.flo", "a.flo"], "a kitti flow file ends in .png. Name it a.png"),
        (["flow/000000.flo", "a.png", "--form", "vkitti"], "a vkitti flow file ends in .png"),
    ],
)
def test_conversions_that_cannot_be(davsn, place, words, text):
    code, _, err = davsn(place, "flow", "convert", *words, "--to", "kitti", "--direction", "previous-to-current")
    assert code == 2
    assert text in err


def test_two_files_of_one_new_name_are_refused(davsn, place):
    np.save(place / "flow" / "000000.npy", np.zeros((4, 4, 2), np.int16))
    code, _, err = davsn(place, "flow", "convert", "flow", "new", "--to", "kitti", "--direction", "current-to-previous")
    assert code == 2
    assert "would become the same file" in err


def test_a_folder_of_the_wrong_direction_is_no_stored_flow(davsn, place):
    assert davsn(place, *"flow convert flow new --to flo --direction previous-to-current".split()).code == 0
    code, _, err = davsn(place, "flow", "measure", "folder", "root=rgb", "flow=stored", "flow_root=new")
    assert code == 2
    assert "new: has the direction previous-to-current; training needs current-to-previous" in err


def test_one_pair_is_shown(davsn, place):
    code, out, _ = davsn(place, "flow", "show", "rgb/000000.png", "rgb/000001.png", "-o", "a.png")
    assert code == 0
    assert out == "000000→000001: a.png\n"
    with Image.open(place / "a.png") as drawn:
        assert drawn.width == 1500
        assert len(drawn.convert("RGB").getcolors(1 << 24)) > 1000


def test_a_stored_flow_is_shown(davsn, place):
    words = ["flow", "show", "rgb/000000.png", "rgb/000001.png", "--flow", "flow/000000.flo", "-o", "a.png"]
    assert davsn(place, *words, "--scale", "5").code == 0
    assert (place / "a.png").is_file()


def test_a_folder_is_shown_as_video(davsn, place):
    code, out, _ = davsn(place, "flow", "show", "rgb", "-o", "a.mp4")
    assert code == 0
    assert out.endswith("2 pairs: a.mp4\n")
    with av.open(str(place / "a.mp4")) as video:
        assert len(list(video.decode(video=0))) == 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["rgb/000000.png", "-o", "a.png"], "has only one frame. Flow needs two frames"),
        (["none.png", "rgb/000000.png", "-o", "a.png"], "none.png: no such file or folder"),
        (["rgb", "rgb", "-o", "a.png"], "is one too many: give two images, one folder or one video"),
        (["streams", "-o", "a.png"], "there is no VideoDataset 'streams'. Did you mean 'streets'?"),
        (["-o", "a.png"], "gives no frames: name two images, a video, a folder or a data set"),
        (["rgb", "-o", "a.jpg"], "a.jpg: is neither an image nor a video by its name. End it in .png, .mp4"),
        (["rgb", "-o", "a.png", "--estimator", "diss"], "there is no FlowEstimator 'diss'. Did you mean 'dis'?"),
        (["rgb", "-o", "a.png", "--scale", "0"], "Must be > 0"),
        (["rgb", "--flow", "flow", "-o", "a.png"], "these files do not state the direction of their flow"),
    ],
)
def test_what_cannot_be_shown(davsn, place, words, text):
    code, out, err = davsn(place, "flow", "show", *words)
    assert code == 2
    assert text in " ".join((out + err).split())


def test_a_folder_is_measured_against_its_exact_flow(davsn, place):
    words = ["--exact", "flow", "--direction", "previous-to-current", "-o", "a.json"]
    code, out, _ = davsn(place, "flow", "measure", "rgb", *words, "--estimator", "dis", "--estimator", "zero")
    assert code == 0
    assert "2 pairs" in out
    for text in ("end-point error", "outliers", "s0-10", "near edges", "ms a pair"):
        assert text in out
    record = json.loads((place / "a.json").read_text())
    assert record["pairs"] == 2
    assert record["flow"]["zero"]["end-point error"] == pytest.approx(MOVED)
    assert record["flow"]["dis"]["end-point error"] < 0.5
    assert record["flow"]["zero"]["s40+"] is None


def test_the_direction_of_the_exact_flow_decides_which_frame_is_a(davsn, place):
    """Read the other way, every figure is off by twice the motion."""
    words = ["--exact", "flow", "--direction", "current-to-previous", "-o", "a.json"]
    assert davsn(place, "flow", "measure", "rgb", *words).code == 0
    record = json.loads((place / "a.json").read_text())
    assert record["pairs"] == 1  # the flow of frame 1, taken for that to frame 0
    assert record["flow"]["dis"]["end-point error"] == pytest.approx(2 * MOVED, abs=0.5)


def test_without_exact_flow_the_frames_are_asked(davsn, place):
    words = ["-o", "a.json", "--estimator", "dis", "--estimator", "{name: dis, preset: fast}", "--pairs", "1"]
    assert davsn(place, "flow", "measure", "rgb", *words).code == 0
    rows = json.loads((place / "a.json").read_text())["flow"]
    assert list(rows) == ["dis", "{name: dis, preset: fast}"]
    for row in rows.values():
        assert row["photometric error"] < row["photometric error at rest"]
        assert row["comes home"] > 50
        assert row["round trip"] < 1


def test_a_file_is_measured_against_a_file(davsn, place):
    known = np.ones((HEIGHT, WIDTH), bool)
    known[: HEIGHT // 2] = False
    write_flow(place / "mine.png", np.full((HEIGHT, WIDTH, 2), (MOVED, 1.0)), known)
    words = ["rgb/000000.png", "rgb/000001.png", "--exact", "flow/000000.flo", "--flow", "mine.png", "-o", "a.json"]
    assert davsn(place, "flow", "measure", *words).code == 0
    row = json.loads((place / "a.json").read_text())["flow"]["mine.png"]
    assert row["end-point error"] == 1
    assert row["known"] == 50
    code, _, err = davsn(place, "flow", "measure", "rgb", "--flow", "mine.png")
    assert code == 2
    assert "mine.png: can be measured for two images only. Give frame A and frame B" in err


def test_a_data_set_is_measured(davsn, place):
    words = ["streets", "flow=exact", "clips=1", "length=3", "size=[64,32]", "-o", "a.json"]
    assert davsn(place, "flow", "measure", *words, "--estimator", "zero").code == 0
    record = json.loads((place / "a.json").read_text())
    assert record["pairs"] == 2
    assert record["flow"]["zero"]["near edges"] is not None  # labels and motion have edges


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH - 2), (HEIGHT - 1, WIDTH)])
def test_flow_of_another_size_is_refused(davsn, place, size):
    write_flow(place / "small.flo", np.zeros((*size, 2)))
    words = ["rgb/000000.png", "rgb/000001.png", "--exact", "small.flo"]
    code, _, err = davsn(place, "flow", "measure", *words)
    assert code == 2
    assert f"small.flo: is flow of {size[1]}x{size[0]} pixels, but its frame 000000 is {WIDTH}x{HEIGHT}" in err


@pytest.mark.parametrize("command", ["convert", "show", "measure"])
def test_help_shows_what_to_try(davsn, place, command):
    code, out, _ = davsn(place, "flow", command, "--help")
    assert code == 0
    assert f"davsn flow {command}" in out.split("Try:")[1]
