"""Data sets from the paths that a user gives: a folder of frames, video files, or a labelled folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from davsn.core.errors import ConfigError
from davsn.data.dataset import DatasetSettings
from davsn.data.video.containers import is_video
from davsn.data.video.footage import names_videos


def footage_choice(paths: Sequence[Path], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Choose the data set for some paths, ``video`` or ``folder``, in the form that a recipe uses.

    Args:
        paths: video files and folders of them, or one folder of frames.
        settings: settings of ``folder``; for ``video``, those that every data set has are kept.

    Raises:
        ConfigError: the paths are several folders of frames.
    """
    if any(names_videos(path) or (is_video(path) and not path.exists()) for path in paths):
        kept = {key: value for key, value in settings.items() if key in DatasetSettings.model_fields}
        return {"name": "video", "paths": list(paths), **kept}
    if len(paths) > 1:
        raise ConfigError("davsn adapt", ["--target  takes one folder of frames, or any number of videos"])
    return {**settings, "name": "folder", "root": paths[0]}
