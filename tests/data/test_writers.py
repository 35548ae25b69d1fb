from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from davsn.core.errors import DataError
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.video.brush import Brush, Look
from davsn.data.video.footage import Footage, Shot
from davsn.data.video.labelled import Labelled
from davsn.data.video.outputs import KINDS, Output
from davsn.data.video.writers import PaintedVideo, PaletteFolder, ShareTable

TAXONOMY = Taxonomy(("road", "sky"), ((128, 64, 128), (70, 130, 180)))
BRUSH = Brush(TAXONOMY)


VIDEO = Footage(iter(()), 3, Fraction(25))


def blank(name, height=16, width=16):
    return Shot(name, np.zeros((height, width, 3), np.uint8)), Labelled(np.zeros((height, width), np.uint8))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.mp4", PaintedVideo),
        ("a.MKV", PaintedVideo),
        ("a", PaletteFolder),
        ("run.v2", PaletteFolder),
        ("a.csv", ShareTable),
    ],
)
def test_the_name_of_the_output_chooses_its_form(tmp_path, name, kind):
    assert isinstance(Output(tmp_path / name).writer(tmp_path / "in.mp4", TAXONOMY, VIDEO), kind)


@pytest.mark.parametrize("name", ["a.avi", "a.webm", "a.png", "a.gif"])
def test_other_forms_are_refused(tmp_path, name):
    with pytest.raises(
        DataError, match=r"Give a name ending in \.mp4, \.mov, \.mkv for an overlay video, \.csv .*folder"
    ):
        Output(tmp_path / name).writer(tmp_path / "in.mp4", TAXONOMY, VIDEO)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is neither a folder nor a format"):
        Output(tmp_path / "file").writer(tmp_path / "in.mp4", TAXONOMY, VIDEO)


def test_the_input_is_never_overwritten(tmp_path):
    with pytest.raises(DataError, match=r"in\.mp4: is the input itself. Choose another output"):
        Output(tmp_path / "." / "in.mp4").writer(tmp_path / "in.mp4", TAXONOMY, VIDEO)


def test_a_video_has_frames_of_one_size(tmp_path):
    with PaintedVideo(tmp_path / "a.mp4", BRUSH.overlay, Fraction(10)) as writer:
        writer.write(*blank("a"))
        with pytest.raises(
            DataError, match=r"frame b is 20x16, but the video is 16x16. Write masks to a folder instead"
        ):
            writer.write(*blank("b", 16, 20))


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"a\.mp4: cannot be written \(.*\). Choose another place"):
        PaintedVideo(tmp_path / "file" / "a.mp4", BRUSH.overlay, Fraction(10)).__enter__()
    with pytest.raises(DataError, match=r"a\.png: could not be written \(.*\). Free some space"):
        PaletteFolder(tmp_path / "file", TAXONOMY).write(*blank("a"))


class FullDisk:
    """A container none of whose bytes reach the disk."""

    def mux(self, packets):
        raise OSError(28, "No space left on device")

    close = mux


@pytest.mark.parametrize("frames", [0, 1], ids=["at the end", "in the middle"])
def test_a_full_disk_is_told_and_no_half_video_takes_the_name(tmp_path, monkeypatch, frames):
    def write():
        with PaintedVideo(tmp_path / "a.mp4", BRUSH.overlay, Fraction(10)) as writer:
            writer.write(*blank("0"))
            monkeypatch.setattr(writer, "_container", FullDisk())
            for _ in range(frames):
                writer.write(*blank("1"))

    with pytest.raises(DataError, match=r"a\.partial\.mp4: cannot be written \(No space left on device\). Free some"):
        write()
    assert not (tmp_path / "a.mp4").exists()


FRAME = np.full((2, 2, 3), 100, np.uint8)
LABELLED = Labelled(
    np.array([[0, 1], [1, 1]], np.uint8),
    np.array([[[0.9, 0.2], [0.4, 0.0]], [[0.1, 0.8], [0.6, 1.0]]], np.float32),
)


def test_pictures_of_a_prediction():
    road, sky = TAXONOMY.colours
    colours = np.array([[road, sky], [sky, sky]])
    np.testing.assert_array_equal(BRUSH.mask(FRAME, LABELLED), colours)
    np.testing.assert_array_equal(BRUSH.beside(FRAME, LABELLED), np.concatenate([FRAME, colours], 1))
    assert BRUSH.confidence(FRAME, LABELLED)[..., 0].tolist() == [[230, 204], [153, 255]]
    np.testing.assert_array_equal(Brush(TAXONOMY, Look(alpha=1)).overlay(FRAME, LABELLED), colours)
    np.testing.assert_array_equal(Brush(TAXONOMY, Look(alpha=0)).overlay(FRAME, LABELLED), FRAME)


def test_chosen_classes_alone_are_shown(tmp_path):
    brush = Brush(TAXONOMY, Look(alpha=1, classes=("sky",)))
    chosen = brush.chosen(LABELLED)
    assert chosen.mask.tolist() == [[255, 1], [1, 1]]
    assert brush.overlay(FRAME, chosen)[0, 0].tolist() == [100, 100, 100]
    assert brush.overlay(FRAME, chosen)[0, 1].tolist() == list(TAXONOMY.colours[1])
    assert brush.mask(FRAME, chosen)[0, 0].tolist() == [0, 0, 0]
    with Output(tmp_path / "a.csv", look=brush.look).writer("in.mp4", TAXONOMY, VIDEO) as writer:
        writer.write(Shot("0", FRAME, 0.5), chosen)
    assert (tmp_path / "a.csv").read_text().split() == ["frame,time,sky", "0,0.500000,0.750000"]


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.legend])
def test_every_picture_in_class_colours_can_have_a_legend_of_the_chosen_classes(kind):
    frame, labelled = np.zeros((20, 200, 3), np.uint8), Labelled(np.ones((20, 200), np.uint8))
    plain = KINDS[kind].paint(BRUSH, frame, labelled)
    told = KINDS[kind].paint(Brush(TAXONOMY, Look(classes=("sky",), legend=True)), frame, labelled)
    np.testing.assert_array_equal(told[:20], plain)
    colours = {tuple(colour) for colour in told[20:].reshape(-1, 3).tolist()}
    assert TAXONOMY.colours[1] in colours
    assert TAXONOMY.colours[0] not in colours


def test_several_outputs_lie_in_one_folder_under_their_names(tmp_path):
    output = Output(tmp_path / "out", tuple(KINDS)).of_source(tmp_path / "in.mkv")
    with output.writer(tmp_path / "in.mkv", TAXONOMY, VIDEO) as writer:
        writer.write(Shot("a", np.zeros((16, 16, 3), np.uint8)), sure())
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert found == [
        *("confidence.mp4", "masks.mp4", "overlay.mp4", "palette/a.png", "shares.csv", "side-by-side.mp4"),
    ]


def sure(height=16, width=16):
    return Labelled(np.zeros((height, width), np.uint8), np.full((2, height, width), 0.5, np.float32))


def test_outputs_of_a_single_image_are_images(tmp_path):
    still = Footage(iter(()), 1, None)
    with Output(tmp_path, tuple(KINDS)).writer(tmp_path / "in.png", TAXONOMY, still) as writer:
        writer.write(Shot("in", np.zeros((16, 16, 3), np.uint8)), sure())
    names = ["confidence.png", "masks.png", "overlay.jpg", "palette", "shares.csv", "side-by-side.jpg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_failure_leaves_what_every_output_has_finished(tmp_path):
    def write():
        with writer:
            for number in range(3):
                writer.write(Shot(str(number), np.zeros((16, 16, 3), np.uint8)), sure())
            raise KeyboardInterrupt

    writer = Output(tmp_path / "out", ("masks", "shares")).writer(tmp_path / "in.mp4", TAXONOMY, VIDEO)
    with pytest.raises(KeyboardInterrupt):
        write()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["masks.partial.mp4", "shares.partial.csv"]
    with av.open(str(tmp_path / "out" / "masks.partial.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 3
    assert len((tmp_path / "out" / "shares.partial.csv").read_text().split()) == 4
    assert "The 3 frames written so far are in" in writer.kept(3)
    assert f"The 3 lines written so far are in {tmp_path / 'out' / 'shares.partial.csv'}" in writer.kept(3)


def test_a_failure_before_the_first_frame_leaves_no_file(tmp_path):
    writer = Output(tmp_path / "out", ("masks", "shares")).writer(tmp_path / "in.mp4", TAXONOMY, VIDEO)
    with pytest.raises(KeyboardInterrupt), writer:
        raise KeyboardInterrupt
    assert not list((tmp_path / "out").iterdir())


def test_all_mistakes_in_the_choice_of_outputs_are_told_at_once():
    output = Output(Path("a.mp4"), ("overlays", "shares"), Look(2.0, ("rode", "sky"), legend=True))
    assert output.mistakes(TAXONOMY) == [
        "--as  there is no output 'overlays'. Did you mean 'overlay'? Known: overlay, side-by-side, masks, palette, "
        "shares, confidence",
        "--classes  the network has no class 'rode'. Did you mean 'road'? Its classes are road, sky",
        "--out  a.mp4 is one file, but there are several outputs. Give a folder",
        "--alpha  should be in [0, 1], but got 2",
        "--legend  has no use for overlays, shares. Add one of these with --as: overlay, side-by-side, masks",
        "--alpha  has no use for overlays, shares. Add one of these with --as: overlay",
    ]
    assert Output(Path("a.mp4"), ("palette",)).mistakes(TAXONOMY) == [
        "--out  a.mp4 is no name for the output palette. Give a folder"
    ]


@pytest.mark.parametrize(("kind", "name"), [("shares", "a.mp4"), ("masks", "a.csv"), ("overlay", "a.avi")])
def test_a_name_that_does_not_fit_the_output_is_refused(tmp_path, kind, name):
    with pytest.raises(DataError, match=rf"{name}: is no(?: name for the output {kind}|t)|is neither a folder"):
        Output(tmp_path / name, (kind,)).writer(tmp_path / "in.mp4", TAXONOMY, VIDEO)
