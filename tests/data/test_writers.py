from fractions import Fraction

import numpy as np
import pytest

from davsn.core.errors import DataError
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.video.footage import Footage, Shot
from davsn.data.video.writers import MaskFolder, Output, OverlayVideo, writer_for

TAXONOMY = Taxonomy(("road", "sky"), ((128, 64, 128), (70, 130, 180)))


VIDEO = Footage(iter(()), 3, Fraction(25))


def blank(name, height=16, width=16):
    return Shot(name, np.zeros((height, width, 3), np.uint8)), np.zeros((height, width), np.uint8)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.mp4", OverlayVideo), ("a.MKV", OverlayVideo), ("a", MaskFolder), ("run.v2", MaskFolder)]
)
def test_the_name_of_the_output_chooses_its_form(tmp_path, name, kind):
    assert isinstance(writer_for(tmp_path / "in.mp4", Output(tmp_path / name), TAXONOMY, VIDEO), kind)


@pytest.mark.parametrize("name", ["a.avi", "a.webm", "a.png", "a.gif"])
def test_other_forms_are_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"Give a name ending in \.mp4, \.mov, \.mkv for an overlay video, or a folder"):
        writer_for(tmp_path / "in.mp4", Output(tmp_path / name), TAXONOMY, VIDEO)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is neither a folder nor a video"):
        writer_for(tmp_path / "in.mp4", Output(tmp_path / "file"), TAXONOMY, VIDEO)


def test_the_input_is_never_overwritten(tmp_path):
    with pytest.raises(DataError, match=r"in\.mp4: is the input itself. Choose another output"):
        writer_for(tmp_path / "in.mp4", Output(tmp_path / "." / "in.mp4"), TAXONOMY, VIDEO)


def test_a_video_has_frames_of_one_size(tmp_path):
    with OverlayVideo(tmp_path / "a.mp4", TAXONOMY, Fraction(10)) as writer:
        writer.write(*blank("a"))
        with pytest.raises(
            DataError, match=r"frame b is 20x16, but the video is 16x16. Write masks to a folder instead"
        ):
            writer.write(*blank("b", 16, 20))


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"a\.mp4: cannot be written \(.*\). Choose another place"):
        OverlayVideo(tmp_path / "file" / "a.mp4", TAXONOMY, Fraction(10)).__enter__()
    with pytest.raises(DataError, match=r"a\.png: could not be written \(.*\). Free some space"):
        MaskFolder(tmp_path / "file", TAXONOMY).write(*blank("a"))


class FullDisk:
    """A container none of whose bytes reach the disk."""

    def mux(self, packets):
        raise OSError(28, "No space left on device")

    close = mux


@pytest.mark.parametrize("frames", [0, 1], ids=["at the end", "in the middle"])
def test_a_full_disk_is_told_and_no_half_video_takes_the_name(tmp_path, monkeypatch, frames):
    def write():
        with OverlayVideo(tmp_path / "a.mp4", TAXONOMY, Fraction(10)) as writer:
            writer.write(*blank("0"))
            monkeypatch.setattr(writer, "_container", FullDisk())
            for _ in range(frames):
                writer.write(*blank("1"))

    with pytest.raises(DataError, match=r"a\.partial\.mp4: cannot be written \(No space left on device\). Free some"):
        write()
    assert not (tmp_path / "a.mp4").exists()
