"""Frames of a video, a folder of images, one image, arrays or a live source, read once from first to last."""

from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from davsn.core.console import say
from davsn.core.errors import DataError
from davsn.data.images import PICTURE_SUFFIXES, picture_files, read_picture
from davsn.data.sets.video import Video
from davsn.data.video.containers import USUAL_SUFFIXES, is_video, videos_in
from davsn.data.video.live import Latest, arrivals, is_address
from davsn.data.video.recordings import recordings

Frame = NDArray[np.uint8]
"""A frame: (H, W, 3) uint8 RGB."""
Source = str | Path | int | NDArray[np.uint8] | Iterable[NDArray[np.uint8]]
"""A source of footage: a path, a camera's index, the address of a live stream, one frame, or frames in order."""
BadFiles = Literal["error", "skip"]
"""What to do with a frame that cannot be read: stop, or pass over it and say so."""


class Shot(NamedTuple):
    """One frame of footage.

    Attributes:
        name: the frame's name, unique in the footage, without suffix.
        frame: (H, W, 3) uint8 RGB.
        time: seconds since the first frame; None for images and arrays.
        duration: seconds for which the frame is shown; None if it is unknown.
    """

    name: str
    frame: Frame
    time: float | None = None
    duration: float | None = None


@dataclass(frozen=True)
class Footage:
    """Frames in temporal order.

    Attributes:
        frames: the frames, one in memory at a time. Iteration raises a DataError at a frame that cannot be read, and
            after the last frame of a video that stops before its end.
        count: the number of frames; None if it is unknown, as for a camera.
        rate: frames a second; None for images, and for a video that does not say.
        video: the video file; None for all other footage.
        begin: when the video's first frame is shown, in seconds of the file's own clock.
        skipped: the errors of the frames passed over so far; the last one may say that a video stops early.
        live: the reader of a live source, which drops frames that come too fast; None for all other footage.
    """

    frames: Iterator[Shot]
    count: int | None
    rate: Fraction | None
    video: Path | None = None
    begin: float = 0.0
    skipped: list[DataError] = field(default_factory=list)
    live: Latest[Any] | None = None

    @property
    def dropped(self) -> int:
        """The number of frames of a live source that were dropped so far."""
        return 0 if self.live is None else self.live.dropped

    def close(self) -> None:
        """Stop reading a live source."""
        if self.live is not None:
            self.live.close()


def footage(source: Source, bad_files: BadFiles = "error", stream: int | None = None) -> Footage:
    """Open a source of frames.

    Args:
        source: a video file, an image, or a folder of images, which are read in the natural order of their names; a
            camera's index or the address of a live stream, of which the newest frame is read, and frames between are
            dropped; one frame (H, W, 3) uint8 RGB, or any iterable of frames, such as a list, an array
            (T, H, W, 3) or a generator.
        bad_files: whether a frame that cannot be read is an error, or is passed over with a line that says so.
        stream: position of the video stream in a file that holds several; None chooses one.

    Raises:
        DataError: the source holds nothing that can be read.
    """
    if isinstance(source, int) or is_address(source):
        return _live(cast(int | str, source))
    if isinstance(source, np.ndarray) and source.ndim == 3:
        source = source[None]
    if not isinstance(source, str | Path):
        return Footage(_arrays(source), len(source) if isinstance(source, Sized) else None, None)
    path = Path(source)
    if path.is_dir():
        return _pictures(path, [path / name for name in picture_files(path)], bad_files)
    if not path.is_file():
        raise DataError("no such file or folder", str(path), "Give a video, a folder of frames or an image")
    if path.suffix.lower() in PICTURE_SUFFIXES and not is_video(path):
        return _pictures(path, [path], bad_files)
    try:
        return _video(path, bad_files, stream)
    except DataError:
        if is_video(path):
            raise
    known = f"Give a video ({USUAL_SUFFIXES}) or images ({_listed(PICTURE_SUFFIXES)})"
    raise DataError("is neither a video nor an image by its suffix", str(path), known)


def names_videos(path: Path) -> bool:
    """Whether a path is a file, or a folder of video files; see :func:`holds_videos`."""
    return path.is_file() or holds_videos(path)


def holds_videos(path: Path) -> bool:
    """Whether a path is a folder that contains video files: directly, or below it if there are no frames below it."""
    if not path.is_dir():
        return False
    below = recordings(path).values()
    return bool(videos_in(path)) or (bool(below) and all(each.is_file() for each in below))


def _pictures(place: Path, files: list[Path], bad_files: BadFiles) -> Footage:
    if not files:
        raise DataError(
            "holds no images", str(place), f"Give a folder of {_listed(PICTURE_SUFFIXES)} files, or a video"
        )
    seen: set[str] = set()
    for file in files:
        if file.stem in seen:
            raise DataError(f"holds two images named {file.stem}", str(place), "Keep one of them")
        seen.add(file.stem)
    skipped: list[DataError] = []
    shots = (lambda file=file: Shot(file.stem, read_picture(file)) for file in files)
    return Footage(_readable(shots, bad_files, skipped), len(files), None, skipped=skipped)


def _readable(
    shots: Iterable[Callable[[], Shot]], bad_files: BadFiles, skipped: list[DataError], ends: Iterable[DataError] = ()
) -> Iterator[Shot]:
    """Read frames by a policy.

    Args:
        shots: for each frame, a function that reads it.
        bad_files: the policy.
        skipped: receives the errors that the policy passes over.
        ends: the errors that hold after the last frame.
    """
    for read in shots:
        try:
            shot = read()
        except DataError as error:
            _pass_over(error, bad_files, skipped)
            continue
        yield shot
    for end in ends:
        _pass_over(end, bad_files, skipped)


def _pass_over(error: DataError, bad_files: BadFiles, skipped: list[DataError]) -> None:
    if bad_files == "error":
        advice = "" if "bad_files" in error.remedy else ", or set bad_files: skip to pass over it"
        remedy = (error.remedy + advice).replace("bad_files: skip", "bad_files: skip (--bad-files skip)")
        raise DataError(error.what, error.where, remedy) from error
    skipped.append(error)
    say(f"{error.where}: {error.what}; passed over (bad_files: skip)", "yellow")


def _arrays(frames: Iterable[Frame]) -> Iterator[Shot]:
    for position, frame in enumerate(frames):
        found = np.asarray(frame)
        if found.ndim != 3 or found.shape[2] != 3 or found.dtype != np.uint8:
            raise DataError(
                f"is {found.dtype} of shape {found.shape}",
                f"frame {position}",
                "Give frames (height, width, 3) of type uint8, in the order red, green, blue",
            )
        yield Shot(f"{position:06d}", found)


def _live(source: int | str) -> Footage:
    latest = Latest(arrivals(source))
    shots = (Shot(f"{position:06d}", frame, seconds) for position, seconds, frame in latest)
    return Footage(shots, None, None, live=latest)


def _video(path: Path, bad_files: BadFiles, stream: int | None) -> Footage:
    video = Video(Video.Config(paths=(path,), bad_files="skip", stream=stream))
    clip = video.clips[0]

    def shot(position: int) -> Shot:
        frame = video.read_frame(0, position)
        return Shot(clip.frames[position], frame, video.seconds(0, position), video.duration(0, position))

    skipped: list[DataError] = []
    shots = (lambda position=position: shot(position) for position in range(len(clip.frames)))
    rate = None if clip.rate is None else Fraction(clip.rate).limit_denominator(1001)  # 29.97 is 30000/1001
    frames = _readable(shots, bad_files, skipped, video.damage)
    return Footage(frames, len(clip.frames), rate, path, video.start(0), skipped)


def _listed(suffixes: frozenset[str]) -> str:
    return " ".join(sorted(suffixes))
