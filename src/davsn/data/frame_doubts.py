"""Frames that look like something else: label maps, or neighbours that are no neighbours in time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from davsn.core.errors import DataError, FileError
from davsn.data.dataset import VideoDataset

_LOOKED_AT = 8
"""Number of clips, evenly spread, whose frames are looked at."""
_FEW_COLOURS = 40
"""The number of colours up to which a frame looks like a label map; a photo has thousands."""
_LOSSY = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})


def doubted_frames(dataset: VideoDataset, firsts: Sequence[Path]) -> list[FileError]:
    """Look at the first frames of a few clips.

    Args:
        dataset: the data set.
        firsts: the file of the first frame of each clip.

    Returns:
        what is suspicious, as errors that are not raised. Frames that cannot be read are left to the training.
    """
    clips = np.linspace(0, len(firsts) - 1, min(_LOOKED_AT, len(firsts))).round().astype(int)
    painted = [firsts[clip] for clip in clips if firsts[clip].suffix.lower() not in _LOSSY and _painted(dataset, clip)]
    if not painted:
        return []
    return [
        DataError(
            f"looks like a label map and is taken as a frame: it has at most {_FEW_COLOURS} colours"
            + (f" ({len(painted)} of the {len(clips)} clips that were looked at)" if len(painted) > 1 else ""),
            str(painted[0]),
            "Name the folder of the real frames as 'frames', and that of the label maps as 'labels'",
        )
    ]


def _painted(dataset: VideoDataset, clip: int) -> bool:
    """Whether the first frame of a clip has as few colours as a label map."""
    try:
        frame = dataset.read_frame(clip, 0)
    except FileError:
        return False
    few = frame[:: max(1, frame.shape[0] // 256), :: max(1, frame.shape[1] // 256)].reshape(-1, 3)
    return len(np.unique(few, axis=0)) <= _FEW_COLOURS
