"""Video files, decoded by seeking. Any frame can be read at any time; no whole video is in memory or unpacked."""

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
"""Suffixes of the files in a folder that count as videos, in lower case."""

_RECENT_FRAMES = 4
_SEEKS = 3
_REPAIR = "Copy the file again, or save the undamaged part with: ffmpeg -i {name} whole.mp4"


def is_video(path: Path) -> bool:
    """Whether a file is a video by its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True)
class VideoIndex:
    """The times at which the frames of a video are shown, and the key frames, which can be decoded alone.

    Attributes:
        times: when each frame is shown, ascending, in units of the stream's time base.
        keys: the times of the key frames, ascending.
        rate: frames a second, or None if the file does not say.
        tick: seconds of one unit of the time base.
    """

    times: NDArray[np.int64]
    keys: NDArray[np.int64]
    rate: float | None
    tick: float

    def seconds(self, position: int) -> float:
        """When a frame is shown, in seconds after the first frame."""
        return float(self.times[position] - self.times[0]) * self.tick


class VideoReader:
    """One open video, and the few frames decoded last."""

    def __init__(self, path: Path, index: VideoIndex) -> None:
        self._path, self._times, self._keys = path, index.times, index.keys
        self._container = _open(path)
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1  # the loader's workers are the parallelism
        self._recent: OrderedDict[int, Any] = OrderedDict()
        self._decoded: Iterator[Any] = iter(())
        self._last: int | None = None

    def read(self, position: int) -> NDArray[np.uint8]:
        """Read a frame: (H, W, 3) RGB, upright.

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
        upright = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)  # the camera may have been turned
        return np.ascontiguousarray(upright)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _decode(self, time: int) -> bool:
        """Decode until the frame of this time is among the recent frames. Returns whether it was found."""
        before = int(np.searchsorted(self._keys, time, "right")) - 1
        if self._last is not None and self._keys[before] <= self._last < time and self._run(time):
            return True
        # A seek may land too late. And frames after the key frame of an open group may need the group before it.
        for key in range(before, max(before - _SEEKS, -1), -1):
            try:
                self._container.seek(int(self._keys[key]), stream=self._stream)
            except av.FFmpegError:  # a damaged index
                continue
            self._decoded, self._last = self._container.decode(self._stream), None
            if self._run(time):
                return True
        return False

    def _run(self, time: int) -> bool:
        try:
            for frame in self._decoded:
                self._last = frame.pts
                if not frame.is_corrupt:  # else the decoder would silently fill in what is damaged
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
        return av.open(path, metadata_errors="replace")  # titles and places are often in another encoding than UTF-8
    except FileNotFoundError:
        raise DataError("no such file", str(path), "Give a video file or a folder of videos") from None
    except (av.FFmpegError, OSError) as error:
        found = f"cannot be opened as a video ({error.strerror})"
        raise DataError(found, str(path), _REPAIR.format(name=path.name)) from None


@lru_cache(maxsize=1024)
def video_index(path: Path, changed: int) -> tuple[VideoIndex, DataError | None]:
    """Index a video from its packets, without decoding.

    Args:
        path: the video.
        changed: when the file was last changed, in nanoseconds; it makes a changed file a new entry of the cache.

    Returns:
        The index, and the error if the video stops before its end, or None.

    Raises:
        DataError: the file cannot be opened, holds no video, or cannot be read by seeking.
    """
    with _open(path) as container:
        stream = _stream(container, path)
        packets = _scan(container, stream)
        short = packets.broken or _lacks_frames(stream, packets)
        promised, tick = stream.frames, float(stream.time_base)  # read while the container is open
    times = np.unique(np.array(packets.times, np.int64))
    keys = np.unique(np.array(packets.keys, np.int64))
    times = times[times >= keys[0]] if len(keys) else times[:0]  # frames before the first key frame cannot be decoded
    if short:  # frames are stored out of order, so later frames may have gaps before them
        times = times[times <= packets.last]
    if not len(times):
        damage = DataError("holds no frame that can be decoded", str(path), _REPAIR.format(name=path.name))
    elif short:
        damage = DataError(
            f"stops after frame {len(times) - 1}" + (f" of {promised}" if promised else ""),
            str(path),
            _REPAIR.format(name=path.name) + ", or set bad_files: skip to use the part that can be read",
        )
    else:
        damage = None
    return VideoIndex(times, keys, packets.rate, tick), damage


def _stream(container: Any, path: Path) -> Any:
    """The video stream of a file; an error if it cannot be read by seeking."""
    if not container.streams.video:
        raise DataError("holds no video", str(path), "Give a video file or a folder of videos")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise DataError("holds video that cannot be decoded", str(path), _REPAIR.format(name=path.name))
    if stream.width * stream.height > PIXEL_LIMIT:
        found = f"claims a size of {stream.width}x{stream.height} pixels"
        raise DataError(found, str(path), _REPAIR.format(name=path.name))
    if container.format.name == "avi" and stream.codec_context.has_b_frames:
        raise DataError(
            "is an AVI whose frames are stored out of order, and AVI does not say when they are shown",
            str(path),
            f"Convert it: ffmpeg -i {path.name} {path.stem}.mp4",
        )
    return stream


@dataclass
class _Packets:
    """What the packets of a stream say.

    Attributes:
        rate: frames a second, or None.
        times: when each frame is shown.
        keys: when each key frame is shown.
        count: number of packets with a time.
        last: decoding time of the last packet.
        broken: whether a packet is damaged, or reading stopped early.
    """

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
    """Whether the stream is clearly shorter than the container's header says.

    The comparison is tolerant, because headers count loosely and frame rates may vary.
    """
    if stream.frames:
        return bool(packets.count + 2 < stream.frames)
    step = 1 / (packets.rate or 1.0)
    ends = max(packets.times, default=0) * float(stream.time_base) + step
    return ends + max(3 * step, 0.25) < _duration(stream)


def _duration(stream: Any) -> float:
    """The duration of the stream in seconds, as the container states it; 0 if it does not. Matroska has it in a tag."""
    text = str(stream.metadata.get("DURATION", ""))
    try:
        hours, minutes, seconds = map(float, text.split(":"))
    except ValueError:
        return 0.0
    return 3600 * hours + 60 * minutes + seconds
