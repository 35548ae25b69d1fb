"""Video files decoded by seeking: any frame at any time, and never a whole video in memory or on disk."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import DataError
from davsn.data.images import PIXEL_LIMIT

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm"})
"""Of the files taken from a folder, in lower case."""

_RECENT_FRAMES = 4
_SEEKS = 3
_REPAIR = "Copy the file again, or write what is whole anew with: ffmpeg -i {name} whole.mp4"


def is_video(path: Path) -> bool:
    """Whether a file is a video by its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True)
class VideoIndex:
    """When the frames of a video are shown, in the stream's time base, ascending; which can be decoded alone."""

    times: NDArray[np.int64]
    keys: NDArray[np.int64]
    rate: float | None
    tick: float
    """Seconds of the time base's unit."""

    def seconds(self, position: int) -> float:
        """When a frame is shown, after the first one."""
        return float(self.times[position] - self.times[0]) * self.tick


class VideoReader:
    """One open video and the frames decoded last."""

    def __init__(self, path: Path, index: VideoIndex) -> None:
        self._path, self._times, self._keys = path, index.times, index.keys
        self._container = _open(path)
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1  # the loader's workers are the parallelism
        self._recent: OrderedDict[int, Any] = OrderedDict()
        self._decoded: Iterator[Any] = iter(())
        self._last: int | None = None

    def read(self, position: int) -> NDArray[np.uint8]:
        """(H, W, 3) RGB, upright.

        Raises:
            DataError: the frame cannot be decoded.
        """
        time = int(self._times[position])
        if time not in self._recent and not self._decode(time):
            raise DataError(
                f"frame {position} of {len(self._times)} cannot be decoded",
                str(self._path),
                _REPAIR.format(name=self._path.name),
            )
        frame = self._recent[time]
        upright = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)  # as the camera was held
        return np.ascontiguousarray(upright)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _decode(self, time: int) -> bool:
        """Decode until the frame of this time is among the recent ones; say whether it was found."""
        before = int(np.searchsorted(self._keys, time, "right")) - 1
        if self._last is not None and self._keys[before] <= self._last < time and self._run(time):
            return True
        # A container may land a seek too late, and frames after an open group's key may need the group before.
        for key in range(before, max(before - _SEEKS, -1), -1):
            self._container.seek(int(self._keys[key]), stream=self._stream)
            self._decoded, self._last = self._container.decode(self._stream), None
            if self._run(time):
                return True
        return False

    def _run(self, time: int) -> bool:
        try:
            for frame in self._decoded:
                self._last = frame.pts
                if not frame.is_corrupt:  # or a decoder would patch up what is damaged, in silence
                    self._recent[frame.pts] = frame
                if len(self._recent) > _RECENT_FRAMES:
                    self._recent.popitem(last=False)
                if frame.pts >= time:
                    return time in self._recent
        except av.FFmpegError:
            self._last = None
        return False


def _open(path: Path) -> Any:
    try:
        return av.open(path)
    except FileNotFoundError:
        raise DataError("no such file", str(path), "Give a video file or a folder of them") from None
    except (av.FFmpegError, OSError) as error:
        found = f"cannot be opened as a video ({error.strerror})"
        raise DataError(found, str(path), _REPAIR.format(name=path.name)) from None


@lru_cache(maxsize=1024)
def video_index(path: Path, changed: int) -> tuple[VideoIndex, DataError | None]:
    """The index of a file as it was changed last, from its packets, undecoded; and what is wrong with its end."""
    with _open(path) as container:
        stream = _stream(container, path)
        packets = _scan(container, stream)
        short = packets.broken or _lacks_frames(stream, packets)
        promised, tick = stream.frames, float(stream.time_base)  # read while the container is open
    times = np.unique(np.array(packets.times, np.int64))
    keys = np.unique(np.array(packets.keys, np.int64))
    times = times[times >= keys[0]] if len(keys) else times[:0]  # what comes before the first key cannot be decoded
    if short:  # frames are stored out of order: later ones have holes before them
        times = times[times <= packets.last]
    if not len(times):
        damage = DataError("holds no frame that can be decoded", str(path), _REPAIR.format(name=path.name))
    elif short:
        damage = DataError(
            f"stops after frame {len(times) - 1}" + (f" of {promised}" if promised else ""),
            str(path),
            _REPAIR.format(name=path.name) + ", or set bad_files: skip to use the part that is there",
        )
    else:
        damage = None
    return VideoIndex(times, keys, packets.rate, tick), damage


def _stream(container: Any, path: Path) -> Any:
    """The video in the file, if it is one that can be read by seeking."""
    if not container.streams.video:
        raise DataError("holds no video", str(path), "Give a video file or a folder of them")
    stream = container.streams.video[0]
    if stream.width * stream.height > PIXEL_LIMIT:
        found = f"claims a size of {stream.width}x{stream.height} pixels"
        raise DataError(found, str(path), _REPAIR.format(name=path.name))
    if container.format.name == "avi" and stream.codec_context.has_b_frames:
        raise DataError(
            "is an AVI with frames out of order, and AVI does not say when they are shown",
            str(path),
            f"Convert it: ffmpeg -i {path.name} {path.stem}.mp4",
        )
    return stream


@dataclass
class _Packets:
    """What the packets of a stream say: times shown, those of key frames, how many, the last one's decoding time."""

    rate: float | None
    times: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    count: int = 0
    last: int = np.iinfo(np.int64).max
    broken: bool = False


def _scan(container: Any, stream: Any) -> _Packets:
    found = _Packets(None if stream.average_rate is None else float(stream.average_rate))
    try:
        for packet in container.demux(stream):
            found.broken = found.broken or packet.is_corrupt
            if packet.pts is None or packet.is_corrupt:
                continue
            found.count += 1
            found.last = packet.pts if packet.dts is None else packet.dts
            if packet.size and not packet.is_discard:
                found.times.append(packet.pts)
                found.keys += [packet.pts] * packet.is_keyframe
    except av.FFmpegError:
        found.broken = True
    return found


def _lacks_frames(stream: Any, packets: _Packets) -> bool:
    """Whether there is clearly less than the container's head promises; heads count loosely, and rates may vary."""
    if stream.frames:
        return bool(packets.count + 2 < stream.frames)
    step = 1 / (packets.rate or 1.0)
    ends = max(packets.times, default=0) * float(stream.time_base) + step
    return ends + max(3 * step, 0.25) < _duration(stream)


def _duration(stream: Any) -> float:
    """Seconds that the container says this stream lasts; 0 where it does not. Matroska keeps them in a tag."""
    text = str(stream.metadata.get("DURATION", ""))
    try:
        hours, minutes, seconds = map(float, text.split(":"))
    except ValueError:
        return 0.0
    return 3600 * hours + 60 * minutes + seconds
