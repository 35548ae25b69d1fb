"""Data as a user names it: a folder of frames, video files, a labelled folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from davsn.core.errors import ConfigError
from davsn.data.footage import names_videos

_OF_ANY_VIDEO = ("size", "mirror", "colour", "flow")
"""Settings of a recipe's folder that hold for video files too."""


def footage_choice(paths: Sequence[Path], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The data set that paths name, as a recipe writes it: the set ``video``, or the set ``folder``.

    Args:
        paths: video files and folders of them, or one folder of frames.
        settings: of a folder; those that hold for any video are kept.

    Raises:
        ConfigError: several folders of frames.
    """
    if any(names_videos(path) for path in paths):
        kept = {key: value for key, value in settings.items() if key in _OF_ANY_VIDEO}
        return {"name": "video", "paths": list(paths), **kept}
    if len(paths) > 1:
        raise ConfigError("davsn adapt", ["--target  takes one folder of frames, or any number of videos"])
    return {**settings, "name": "folder", "root": paths[0]}
