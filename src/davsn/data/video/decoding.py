"""Video files, decoded by seeking. Any frame can be read at any time; no whole video is in memory or unpacked."""

import itertools
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import DataError
from davsn.data.video.containers import opened, repair
from davsn.data.video.index import Key, VideoIndex, marked

_RECENT_FRAMES = 4
_GROUPS = 3
"""Number of key frames to start from: frames after the key frame of an open group may need the group before it."""


class VideoReader:
    """One open video, and the few frames decoded last.

    A frame is the same whether the video is read in order or by seeking: decoding always begins at the packet of a key
    frame, wherever the container's seek arrives.
    """

    def __init__(self, path: Path, index: VideoIndex) -> None:
        self._path, self._index = path, index
        self._positions = {int(mark): position for position, mark in enumerate(index.marks)}
        self._starts = [key.position for key in index.keys]
        self._recent: OrderedDict[int, Any] = OrderedDict()
        self._frames: Iterator[Any] = iter(())
        self._group = 0
        self._last: int | None = None
        self._ends: dict[int, int] = {}
        self._damaged: set[int] = set()
        self._open()

    def read(self, position: int) -> NDArray[np.uint8]:
        """Read a frame: (H, W, 3) RGB, upright and of square pixels.

        Raises:
            DataError: the frame cannot be decoded.
        """
        if position not in self._recent and not self._decode(position):
            raise DataError(
                f"frame {position} of {len(self._index.times)} cannot be decoded",
                str(self._path),
                repair(self._path) + ", or set bad_files: skip",
            )
        return displayed(self._recent[position], self._index.aspect)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _open(self) -> None:
        self._container = opened(self._path)
        self._stream = self._container.streams.video[self._index.stream]
        self._stream.codec_context.thread_count = 1  # the loader's workers are the parallelism

    def _decode(self, position: int) -> bool:
        """Decode until the frame is among the recent frames. Returns whether it was found."""
        before = max(bisect_right(self._starts, position) - 1, 0)
        if self._last is not None and self._starts[before] <= self._last < position and self._run(position):
            return True
        for group in range(before, max(before - _GROUPS, -1), -1):
            if position in self._damaged:
                return False
            if position > self._ends.get(group, position):
                continue  # decoding from here stopped before the frame
            self._begin(group)
            if self._run(position):
                return True
        return False

    def _begin(self, group: int) -> None:
        """Go to a key frame, so that the next frames come from there."""
        key = self._index.keys[group]
        self._group, self._last = group, None
        if self._index.clock != "count":
            # Containers seek by one or the other time, and some only roughly.
            for time in (key.pts, key.dts, self._index.keys[group - 1].dts if group else None):
                if time is not None and self._seek(time, key):
                    return
        self._container.close()
        self._open()
        if self._index.clock == "count":
            self._group = 0
            self._frames = self._decoded(self._container.demux(self._stream))
        else:
            self._skip_to(key)

    def _seek(self, time: int, key: Key) -> bool:
        try:
            self._container.seek(time, stream=self._stream)
            return self._skip_to(key)
        except av.FFmpegError:
            return False

    def _skip_to(self, key: Key) -> bool:
        """Pass over packets up to a key frame's. Returns False if they are later in the file."""
        packets = self._container.demux(self._stream)
        by_dts = self._index.clock == "dts"
        for packet in packets:
            if packet.size and (packet.dts if by_dts else packet.pts) == key.mark:
                self._frames = self._decoded(itertools.chain([packet], packets))
                return True
            if packet.dts is not None and key.dts is not None and packet.dts > key.dts:
                break
        self._frames = iter(())
        return False

    def _decoded(self, packets: Iterator[Any]) -> Iterator[Any]:
        for packet in marked(packets, self._index.clock):
            yield from packet.decode()

    def _run(self, position: int) -> bool:
        try:
            for frame in self._frames:
                found = self._positions.get(frame.pts)
                if found is None:
                    continue
                self._last = found
                self._keep(found, frame)
                if found >= position:
                    return position in self._recent
        except av.FFmpegError:
            self._ends[self._group] = -1 if self._last is None else self._last
            self._last = None
        return False

    def _keep(self, position: int, frame: Any) -> None:
        """Add a frame to the recent ones, unless the decoder has filled in what is damaged."""
        if not frame.is_corrupt:
            self._recent[position] = frame
        elif self._group == 0 or self._group < bisect_right(self._starts, position) - 1:
            self._damaged.add(position)  # an earlier start does not help
        if len(self._recent) > _RECENT_FRAMES:
            self._recent.popitem(last=False)


def displayed(frame: Any, aspect: Fraction) -> NDArray[np.uint8]:
    """The pixels of a decoded frame as a player shows them: (H, W, 3) RGB, turned and mirrored as the file says.

    Args:
        frame: the decoded frame.
        aspect: the width of a stored pixel divided by its height; the frame is stretched to this width, its height
            stays.
    """
    size = {} if aspect == 1 else {"width": max(round(frame.width * aspect), 1), "interpolation": "BICUBIC"}
    pixels = frame.to_ndarray(format="rgb24", **size)
    stored = frame.side_data.get("DISPLAYMATRIX")
    if stored is not None:
        (a, b, _), (c, d, _), _ = np.frombuffer(bytes(stored), np.int32).reshape(3, 3).tolist()
        if abs(a) < abs(b):  # x becomes y; angles between are rounded to a quarter turn
            pixels, a, d = pixels.swapaxes(0, 1), c, b
        pixels = pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(pixels)
