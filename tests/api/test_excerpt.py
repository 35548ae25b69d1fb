"""The overlay video of a few seconds of a run's target, which ``davsn.adapt`` writes at its end."""

import av
import numpy as np
import pytest

from davsn.api.excerpt import write_excerpt
from davsn.core.errors import DataError
from davsn.core.plugins import choose
from davsn.data.dataset import VideoDataset
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.video.labelled import Labelled
from tiny_data import cut, write_labelled, write_video


class Plain:
    """A network that predicts the first class everywhere."""

    taxonomy = Taxonomy(("road", "sky"), ((128, 64, 128), (70, 130, 180)))

    def label(self, frames):
        return (Labelled(np.zeros(frame.shape[:2], np.uint8)) for frame in frames)


def times(path):
    with av.open(str(path)) as video:
        return [float(frame.time) for frame in video.decode(video=0)]


def test_a_damaged_frame_is_an_error_that_names_the_policy_or_is_passed_over(tmp_path):
    root = write_labelled(tmp_path / "camera", {"a": 5})
    cut(root / "frames" / "a" / "f_10.png", 0.5)
    part = {"name": "folder", "root": root, "labels": None}
    with pytest.raises(DataError, match=r"f_10\.png: is a truncated .* bad_files: skip for the target"):
        write_excerpt(Plain(), choose(VideoDataset, part), tmp_path / "a.mp4")
    write_excerpt(Plain(), choose(VideoDataset, {**part, "bad_files": "skip"}), tmp_path / "b.mp4")
    assert len(times(tmp_path / "b.mp4")) == 4
    for path in (root / "frames" / "a").iterdir():
        path.write_bytes(b"no image")
    write_excerpt(Plain(), choose(VideoDataset, {**part, "bad_files": "skip"}), tmp_path / "c.mp4")
    assert not (tmp_path / "c.mp4").exists()


def test_frames_of_a_video_keep_their_times(tmp_path):
    shown = [0, 1, 2, 10, 11, 30]
    part = choose(VideoDataset, {"name": "video", "paths": [write_video(tmp_path / "a.mkv", 6, times=shown)]})
    write_excerpt(Plain(), part, tmp_path / "b.mp4")
    assert times(tmp_path / "b.mp4") == pytest.approx(np.array(shown) / 25, abs=2e-3)
