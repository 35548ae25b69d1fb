"""The data set that paths mean: video files keep every setting that any data set has."""

import pytest

from davsn.api.data import footage_choice
from davsn.core.errors import ConfigError


def test_videos_keep_the_settings_that_every_data_set_has(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    settings = {"name": "folder", "labels": None, "size": [64, 32], "crop": [32, 32], "photometric": {"share": 1.0}}
    found = footage_choice([tmp_path / "a.mp4"], settings)
    assert found == {
        "name": "video",
        "paths": [tmp_path / "a.mp4"],
        "size": [64, 32],
        "crop": [32, 32],
        "photometric": {"share": 1.0},
    }
    assert footage_choice([tmp_path / "frames"], settings) == {**settings, "root": tmp_path / "frames"}
    with pytest.raises(ConfigError, match="one folder of frames, or any number of videos"):
        footage_choice([tmp_path / "one", tmp_path / "two"], settings)
