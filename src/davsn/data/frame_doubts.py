"""Frames that look like something else: label maps, or neighbours that are no neighbours in time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from davsn.core.errors import DataError, FileError
from davsn.data.dataset import VideoDataset

_LOOKED_AT = 8
"""Number of clips, evenly spread, whose frames are looked at."""
_FEW_COLOURS = 40
"""The number of colours up to which a frame looks like a label map; a photo has thousands."""
_TRIPLES = 6
"""Number of times that three frames in a row are compared."""
_DIFFERENT = 10.0
"""Difference of neighbours, in grey levels at 32×18 pixels, from which they may be no neighbours in time."""
_STEADY = 0.72
"""Difference of neighbours over that of frames two apart: 0.55 to 0.66 for video at 15 Hz, 0.8 for stills a second
apart (CamVid and a rendered street)."""
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


def doubted_neighbours(dataset: VideoDataset) -> list[FileError]:
    """Compare neighbours with frames two apart. In a video, twice the time makes about twice the difference.

    Args:
        dataset: the data set.

    Returns:
        what is suspicious, as errors that are not raised; nothing if there are too few frames to say.
    """
    stride = dataset.config.stride
    long = [clip for clip, info in enumerate(dataset.clips) if len(info.frames) > 2 * stride]
    starts = [(long[len(long) * number // _TRIPLES], number) for number in range(_TRIPLES if long else 0)]
    found = []
    for clip, number in starts:
        position = (len(dataset.clips[clip].frames) - 1 - 2 * stride) * number // (_TRIPLES - 1)
        try:
            first, second, third = (_thumbnail(dataset.read_frame(clip, position + stride * at)) for at in range(3))
        except FileError:
            continue
        found.append((np.abs(second - first).mean(), np.abs(third - first).mean()))
    if not found:
        return []
    one, two = np.median(found, axis=0)
    if one < _DIFFERENT or one < _STEADY * two:
        return []
    return [
        DataError(
            f"neighbours look like frames far apart: they differ by {one:.0f} grey levels, and frames twice as far "
            f"apart by {two:.0f}",
            "the frames",
            "If they are no neighbours in time, set stills: true and missing: repeat",
        )
    ]


def _thumbnail(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(18, 32) the grey levels of a frame, very small."""
    return np.asarray(Image.fromarray(frame).convert("L").resize((32, 18), Image.Resampling.BOX), np.float64)
