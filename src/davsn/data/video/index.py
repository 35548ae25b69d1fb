"""The index of a video: which frames are shown, when, and from where each can be decoded."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import DataError
from davsn.data.video.containers import chosen_stream, is_cut, opened, pixel_aspect, repair

Clock = Literal["pts", "dts", "count"]
"""What identifies a packet: the time it is shown, the time it is decoded, or its position in the file."""


class Key(NamedTuple):
    """A key frame, which can be decoded alone.

    Attributes:
        position: position of the first frame shown at or after it.
        mark: what identifies its packet.
        pts: when it is shown, in units of the time base; None if the file does not say.
        dts: when it is decoded; None if the file does not say.
    """

    position: int
    mark: int
    pts: int | None
    dts: int | None


@dataclass(frozen=True)
class VideoIndex:
    """The frames of a video as a player shows them, and the key frames.

    Attributes:
        stream: position of the stream among the file's video streams.
        clock: what the marks are. Most files say when each frame is shown. AVI says only when it is decoded, and a
            raw stream says nothing.
        marks: the mark of each frame, in the order in which they are shown.
        times: when each frame is shown, ascending, in units of the stream's time base.
        end: when the last frame ends, in the same units.
        keys: the key frames, in ascending order.
        rate: frames a second, or None if the file does not say.
        tick: seconds of one unit of the time base.
        aspect: the width of a stored pixel divided by its height.
    """

    stream: int
    clock: Clock
    marks: NDArray[np.int64]
    times: NDArray[np.int64]
    end: int
    keys: tuple[Key, ...]
    rate: float | None
    tick: float
    aspect: Fraction

    @property
    def start(self) -> float:
        """When the first frame is shown, in seconds of the file's own clock, which its audio shares."""
        return float(self.times[0]) * self.tick

    def seconds(self, position: int) -> float:
        """When a frame is shown, in seconds after the first frame."""
        return float(self.times[position] - self.times[0]) * self.tick

    def duration(self, position: int) -> float:
        """How long a frame is shown, in seconds."""
        after = self.end if position + 1 == len(self.times) else self.times[position + 1]
        return float(after - self.times[position]) * self.tick


def marked(packets: Iterator[Any], clock: Clock) -> Iterator[Any]:
    """Write the mark of each packet into its time, which the decoder hands on to the packet's frame."""
    position = 0
    for packet in packets:
        if packet.size and clock != "pts":
            packet.pts = packet.dts if clock == "dts" else position
            position += 1
        yield packet


@lru_cache(maxsize=1024)
def video_index(path: Path, changed: int, number: int | None = None) -> tuple[VideoIndex, DataError | None]:
    """Index a video from its packets. Only a video that does not say when its frames are shown is decoded for it.

    Args:
        path: the video.
        changed: when the file was last changed, in nanoseconds; it makes a changed file a new entry of the cache.
        number: position of the stream among the file's video streams; None chooses one.

    Returns:
        The index, and the error if the video stops before its end, or None.

    Raises:
        DataError: the file cannot be opened, or holds no such video.
    """
    with opened(path) as container:
        stream = chosen_stream(container, path, number)
        facts = _Facts.of(container, stream)
        packets, broken = _scan(container, stream)
    broken = broken or _lacks_frames(path, facts, len(packets))
    packets = [packet for packet in packets if packet.size]
    if broken and facts.form.startswith("mov"):
        packets = packets[:-1]  # an MP4 that is cut ends in a part of a packet
    clock = _clock(facts, packets)
    marks, times, keys = _shown(packets) if clock == "pts" else _decoded(path, facts, clock, packets)
    if broken and clock == "pts" and packets:
        marks = times = times[: _before_a_gap(times, packets[-1], facts.shortest)]
    end = _end(facts, packets, times, broken)
    index = VideoIndex(facts.stream, clock, marks, times, end, keys, facts.rate, facts.tick, facts.aspect)
    return index, _damage(path, index, broken, facts.frames if not any(packet.discard for packet in packets) else 0)


class _Packet(NamedTuple):
    """One packet: its times and duration in units of the time base, its size in bytes, and its flags."""

    pts: int | None
    dts: int | None
    duration: int
    size: int
    key: bool
    discard: bool


@dataclass(frozen=True)
class _Facts:
    """What the container's header says about a stream, read while it is open."""

    stream: int
    form: str
    frames: int
    rate: float | None
    shortest: float
    tick: float
    aspect: Fraction
    end: int | None
    reorders: bool

    @classmethod
    def of(cls, container: Any, stream: Any) -> "_Facts":
        rate = None if not stream.average_rate else float(stream.average_rate)
        tick = float(stream.time_base)
        guessed = float(stream.guessed_rate or 0) or rate or 25.0
        return cls(
            container.streams.video.index(stream),
            container.format.name,
            stream.frames,
            rate,
            1 / (guessed * tick),
            tick,
            pixel_aspect(stream),
            _stated_end(stream, tick),
            bool(stream.codec_context.has_b_frames),
        )


def _stated_end(stream: Any, tick: float) -> int | None:
    """When the stream ends, as the container states it, in units of the time base. Matroska has it in a tag."""
    if stream.duration:
        return int((stream.start_time or 0) + stream.duration)
    try:
        hours, minutes, seconds = map(float, str(stream.metadata.get("DURATION", "")).split(":"))
    except ValueError:
        return None
    return round((3600 * hours + 60 * minutes + seconds) / tick)


def _scan(container: Any, stream: Any) -> tuple[list[_Packet], bool]:
    """All packets, and whether the last one is damaged or reading stopped early."""
    found: list[_Packet] = []
    corrupt = False
    try:
        for packet in container.demux(stream):
            if packet.size == 0 and packet.pts is None:
                continue  # the mark of the end
            corrupt = packet.is_corrupt
            flags = (bool(packet.is_keyframe), bool(packet.is_discard))
            found.append(_Packet(packet.pts, packet.dts, packet.duration or 0, packet.size, *flags))
    except av.FFmpegError:
        return found, True
    return (found[:-1] if corrupt else found), corrupt


def _lacks_frames(path: Path, facts: _Facts, count: int) -> bool:
    """Whether the stream is shorter than the container says. Headers count loosely, so two frames may be missing.

    The count of an MP4 includes frames that its edit list leaves out; so the lengths of its boxes decide.
    """
    if facts.form.startswith(("mov", "matroska")):
        return is_cut(path) and not 0 < facts.frames <= count
    return count + 2 < facts.frames


def _clock(facts: _Facts, packets: list[_Packet]) -> Clock:
    """What identifies the packets. AVI gives a time of decoding as the time of showing."""
    pts, dts = [packet.pts for packet in packets], [packet.dts for packet in packets]
    known = [time for time in dts if time is not None]
    ascending = all(a < b for a, b in pairwise(known))
    told = None not in pts and len(set(pts)) == len(pts) and not (facts.form == "avi" and facts.reorders)
    if ascending and told and any(packet.key for packet in packets):
        return "pts"
    return "dts" if ascending and None not in dts and any(packet.key for packet in packets) else "count"


def _before_a_gap(times: NDArray[np.int64], last: _Packet, usual: float) -> int:
    """Count the frames of a video that stops, up to the first that may be missing.

    Frames are stored out of order. So up to the time at which the last packet is decoded none is missing; after it, the
    first gap may be one.
    """
    time = last.pts if last.dts is None else last.dts
    assert time is not None  # by the clock
    count = int(np.searchsorted(times, time, "right"))
    while 0 < count < len(times) and times[count] - times[count - 1] < 1.5 * usual:
        count += 1
    return count


_Layout = tuple[NDArray[np.int64], NDArray[np.int64], tuple[Key, ...]]


def _shown(packets: list[_Packet]) -> _Layout:
    """Marks, times and key frames by the times in the packets."""
    keys = sorted((packet.pts, packet) for packet in packets if packet.key and packet.pts is not None)
    # Frames before the first key frame cannot be decoded.
    times = np.array([p.pts for p in packets if not p.discard and p.pts is not None and p.pts >= keys[0][0]], np.int64)
    times.sort()
    places = np.searchsorted(times, [pts for pts, _ in keys])
    return times, times, tuple(Key(int(at), pts, pts, p.dts) for at, (pts, p) in zip(places, keys, strict=True))


def _decoded(path: Path, facts: _Facts, clock: Clock, packets: list[_Packet]) -> _Layout:
    """Marks, times and key frames by decoding the whole video in order."""
    found: list[int] = []
    with opened(path) as container:
        stream = container.streams.video[facts.stream]
        stream.thread_type = "AUTO"
        try:
            for packet in marked(container.demux(stream), clock):
                found += _marks_of(packet)
        except av.FFmpegError:
            pass  # the scan has met it too
    order = {mark: position for position, mark in enumerate(found)}
    marks = np.array(list(order), np.int64)
    times = np.sort(marks) if clock == "dts" else np.arange(len(marks)) * max(round(facts.shortest), 1)
    keys = [
        Key(order[mark], mark, packet.pts, packet.dts)
        for position, packet in enumerate(packets)
        if packet.key and (mark := packet.dts if clock == "dts" else position) in order
    ]
    return marks, times.astype(np.int64), tuple(sorted(keys)) or (Key(0, 0, None, None),)


def _marks_of(packet: Any) -> list[int]:
    try:
        return [frame.pts for frame in packet.decode() if frame.pts is not None]
    except av.FFmpegError:
        return []


def _end(facts: _Facts, packets: list[_Packet], times: NDArray[np.int64], broken: bool) -> int:
    """When the last frame ends: as stated, if that is after the frame; else after its packet's or a usual duration."""
    if not len(times):
        return 0
    last = int(times[-1])
    if facts.end is not None and facts.end > last and not broken:
        return facts.end
    own = next((packet.duration for packet in packets if packet.pts == last and packet.duration > 0), facts.shortest)
    return last + max(round(min(own, facts.shortest)), 1)


def _damage(path: Path, index: VideoIndex, broken: bool, promised: int) -> DataError | None:
    count = len(index.times)
    if not count:
        return DataError("holds no frame that can be decoded", str(path), repair(path))
    if not broken:
        return None
    return DataError(
        f"stops after frame {count - 1}" + (f" of {promised}" if promised > count else ""),
        str(path),
        repair(path) + ", or set bad_files: skip to use the part that can be read",
    )
