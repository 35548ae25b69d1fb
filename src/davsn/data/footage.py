"""Frames of a video, a folder of pictures or one picture, read once from first to last."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import DataError
from davsn.data.images import PICTURE_SUFFIXES, picture_files, read_picture
from davsn.data.sets.video import VIDEO_SUFFIXES, Video

Frame = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""


@dataclass(frozen=True)
class Footage:
    """Frames in temporal order.

    Attributes:
        frames: unique names without suffix, and frames. One frame is held at a time. A DataError comes where a
            frame cannot be read, and after the last one of a video that stops before its end.
        count: how many frames there are.
        rate: frames a second; None for pictures, and for a video that does not say.
    """

    frames: Iterator[tuple[str, Frame]]
    count: int
    rate: Fraction | None


def footage(path: Path) -> Footage:
    """The frames at a path: a video file, a picture, or a folder of pictures in the natural order of their names.

    Raises:
        DataError: nothing there that can be read.
    """
    if path.is_dir():
        return _pictures(path, [path / name for name in picture_files(path)])
    if not path.is_file():
        raise DataError("no such file or folder", str(path), "Give a video, a folder of frames or a picture")
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return _pictures(path, [path])
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return _video(path)
    known = f"Give a video ({_listed(VIDEO_SUFFIXES)}) or pictures ({_listed(PICTURE_SUFFIXES)})"
    raise DataError("is neither a video nor a picture by its name", str(path), known)


def holds_videos(path: Path) -> bool:
    """Whether a path is a folder with video files in it, not counting folders below."""
    return path.is_dir() and any(file.suffix.lower() in VIDEO_SUFFIXES for file in path.iterdir())


def _pictures(place: Path, files: list[Path]) -> Footage:
    if not files:
        raise DataError(
            "holds no pictures", str(place), f"Give a folder of {_listed(PICTURE_SUFFIXES)} files, or a video"
        )
    seen: set[str] = set()
    for file in files:
        if file.stem in seen:
            raise DataError(f"holds two pictures called {file.stem}", str(place), "Keep one of them")
        seen.add(file.stem)
    return Footage(((file.stem, read_picture(file)) for file in files), len(files), None)


def _video(path: Path) -> Footage:
    video = Video(Video.Config(paths=(path,), bad_files="skip"))
    clip = video.clips[0]

    def frames() -> Iterator[tuple[str, Frame]]:
        for position, name in enumerate(clip.frames):
            yield name, video.read_frame(0, position)
        for damage in video.damage:
            raise damage

    rate = None if clip.rate is None else Fraction(clip.rate).limit_denominator(1001)  # 29.97 is 30000/1001
    return Footage(frames(), len(clip.frames), rate)


def _listed(suffixes: frozenset[str]) -> str:
    return " ".join(sorted(suffixes))
