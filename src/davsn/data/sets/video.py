"""Video files as a data set. They are read by seeking; no whole video is in memory or unpacked."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from davsn.core.errors import DataError
from davsn.data.dataset import ClipInfo, DatasetSettings, VideoDataset
from davsn.data.origin import Origin, origin
from davsn.data.video.containers import USUAL_SUFFIXES, videos_in
from davsn.data.video.decoding import VideoReader
from davsn.data.video.index import VideoIndex, video_index
from davsn.data.video.recordings import recordings

_OPEN_READERS = 8


class Video(VideoDataset):
    """Video files. Every file is a clip; its frames are named by their position, counted from 0.

    Args:
        config: where the videos are.

    Raises:
        DataError: there are no videos, a file is no video, or a video stops before its end. If ``bad_files`` is
            'skip', such a video is used up to that point, and the error is in ``damage``.
    """

    class Config(DatasetSettings):
        """Where the videos are."""

        paths: Annotated[
            tuple[Path, ...], BeforeValidator(lambda one: (one,) if isinstance(one, str | Path) else one)
        ] = Field(min_length=1)
        """Video files, or folders of video files; a single path needs no list. A folder without a video is searched
        below, links included."""
        samples: int | None = Field(None, ge=1)
        """Largest number of current frames, evenly spread over all videos; the other frames are only neighbours. null:
        every frame may be a current frame."""
        stream: int | None = Field(None, ge=0)
        """Which of a file's video streams to read, counted from 0. null takes the default stream, else the one with
        the most pixels, and says so."""

    def __init__(self, config: Config) -> None:
        self.config: Video.Config = config
        self.taxonomy = None
        self.damage: list[DataError] = []
        self._paths = _videos(config.paths)
        self._indices = [self._whole(path) for path in self._paths]
        lengths = [len(index.times) for index in self._indices]
        self.clips: Sequence[ClipInfo] = tuple(
            ClipInfo(name, tuple(f"{position:06d}" for position in range(length)), rate=index.rate, chosen=chosen)
            for name, index, length, chosen in zip(
                _names(self._paths), self._indices, lengths, _spread(lengths, config.samples), strict=True
            )
        )
        self._readers: OrderedDict[int, VideoReader] = OrderedDict()
        self._process = os.getpid()

    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a frame: (H, W, 3) RGB.

        The frames just read and the next one are cheap. Any other frame needs a seek and decoding from a key frame.
        """
        if self._process != os.getpid():  # a forked process must not share its parent's position in the file
            self._readers, self._process = OrderedDict(), os.getpid()
        if clip not in self._readers:
            while len(self._readers) >= _OPEN_READERS:
                self._readers.popitem(last=False)[1].close()
            self._readers[clip] = VideoReader(self._paths[clip], self._indices[clip])
        self._readers.move_to_end(clip)
        return self._readers[clip].read(position)

    def seconds(self, clip: int, position: int) -> float:
        """When a frame is shown, in seconds after the first frame of its video."""
        return self._indices[clip].seconds(position)

    def duration(self, clip: int, position: int) -> float:
        """How long a frame is shown, in seconds."""
        return self._indices[clip].duration(position)

    def start(self, clip: int) -> float:
        """When the first frame of a video is shown, in seconds of the file's own clock."""
        return self._indices[clip].start

    def frame_origin(self, clip: int, position: int) -> Origin | None:
        """The key of the video's file, its stream and the frame in it; see :meth:`VideoDataset.frame_origin`."""
        index = self._indices[clip]
        return origin(self, self._paths[clip], index.stream, int(index.marks[position]))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_readers": OrderedDict()}

    def _whole(self, path: Path) -> "VideoIndex":
        index, damage = video_index(path, path.stat().st_mtime_ns, self.config.stream)
        if damage is not None:
            if self.config.bad_files == "error" or not len(index.times):
                raise damage
            self.damage.append(damage)
        return index


def _spread(lengths: Sequence[int], number: int | None) -> list[Sequence[int] | None]:
    """At most ``number`` positions in each clip, evenly spread over all clips; None for every position."""
    if number is None or number >= sum(lengths):
        return [None] * len(lengths)
    places, begins = np.linspace(0, sum(lengths) - 1, number).round().astype(int), np.cumsum([0, *lengths])
    return [[int(place - begin) for place in places if begin <= place < end] for begin, end in pairwise(begins)]


def _videos(paths: Sequence[Path]) -> list[Path]:
    """The video files that the paths name or hold; those of a folder in the natural order of their names."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = videos_in(path) or [each for each in recordings(path).values() if each.is_file()]
            if not inside:
                raise DataError("holds no videos", str(path), f"Expected files that end in {USUAL_SUFFIXES}")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise DataError("no such file or folder", str(path), "Give video files, or folders of video files")
    return found


def _names(paths: Sequence[Path]) -> list[str]:
    """A unique name for each video, as short as possible."""
    for candidates in ([path.stem for path in paths], [path.name for path in paths]):
        if len(set(candidates)) == len(paths):
            return candidates
    names = ["_".join(path.resolve().parts[1:]) for path in paths]
    if len(set(names)) < len(names):
        twice = next(path for path in paths if list(paths).count(path) > 1)
        raise DataError("is given twice", str(twice), "Name every video once")
    return names
