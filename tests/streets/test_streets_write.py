"""Streets on disk: what the folder reader finds there is what the world shows."""

import numpy as np
import pytest
from PIL import Image

from davsn.core.errors import DataError
from davsn.data.export.writing import write
from davsn.data.labels.taxonomy import read_classes
from davsn.data.sets.streets import Config, Streets


@pytest.fixture
def dataset():
    return Streets(Config(size=(64, 32), clips=2, length=2, classes="synthia", domain="camera"))


def test_the_folder_holds_every_frame_and_label(dataset, tmp_path):
    calls = []
    write(dataset, tmp_path / "out", lambda done, total: calls.append((done, total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert read_classes(tmp_path / "out" / "classes.yaml") == dataset.taxonomy
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["classes.yaml", "frames", "labels"]
    for index, clip in enumerate(dataset.clips):
        for position, name in enumerate(clip.frames):
            frame = Image.open(tmp_path / "out" / "frames" / clip.name / f"{name}.png")
            label = Image.open(tmp_path / "out" / "labels" / clip.name / f"{name}.png")
            assert np.array_equal(np.asarray(frame), dataset.read_frame(index, position))
            assert label.mode == "P"
            assert np.array_equal(np.asarray(label), dataset.read_label(index, position))
            colours = dataset.taxonomy.palette[dataset.read_label(index, position)]
            assert np.array_equal(np.asarray(label.convert("RGB")), colours)


def test_a_folder_that_holds_something_is_left_alone(dataset, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="is not an empty folder"):
        write(dataset, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_interrupted_folder_has_no_class_table(dataset, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(dataset, tmp_path, stop)
    assert not (tmp_path / "classes.yaml").exists()
