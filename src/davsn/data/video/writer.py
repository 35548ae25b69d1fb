"""Writing images as a video, each at its own time, with the audio of the video that they came from."""

import errno
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from davsn.core.errors import DataError
from davsn.data.video.containers import local
from davsn.data.video.footage import Frame
from davsn.data.video.soundtrack import Soundtrack

WRITTEN_VIDEOS = (".mp4", ".mov", ".mkv")
PICTURES_RATE = Fraction(10)
"""Frame rate, in frames a second, of a video made of images, which have none of their own."""

_TICKS = 90_000
"""Units of time in a second; the usual frame rates are whole numbers of them."""


class PictureVideo:
    """Writes images as an H.264 video.

    The file is named ``<stem>.partial<suffix>`` until it is complete; then it gets its final name. After a failure
    or an interruption, the finished part stays under the partial name and can be played.

    Args:
        path: the video; its folder is created.
        rate: frames a second, for images that have no time of their own; None: 10.
        soundtrack: the audio to copy; None: no audio.
    """

    def __init__(self, path: Path, rate: Fraction | None, soundtrack: Soundtrack | None = None) -> None:
        self.path = path
        self.partial = path.with_name(f"{path.stem}.partial{path.suffix}")
        self._rate = rate or PICTURES_RATE
        self._soundtrack = soundtrack
        self._size: tuple[int, ...] | None = None
        self._lead = 0.0
        self._ends = 0.0
        self._last = -1
        self._durations: dict[int, int] = {}

    def __enter__(self) -> "PictureVideo":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(local(self.partial), "w")
            # Without bidirectional frames, the order of decoding is that of showing, and players agree on durations.
            # docs/performance.md has what the preset saves.
            options = {"crf": "20", "bf": "0", "preset": "veryfast"}
            self._stream = self._container.add_stream("libx264", rate=self._rate, options=options)
            self._stream.codec_context.time_base = Fraction(1, _TICKS)
            if self._soundtrack is not None:
                self._lead = self._soundtrack.open(self._container)
        except (OSError, av.FFmpegError) as error:
            raise DataError(f"cannot be written ({error.strerror})", str(self.path), "Choose another place") from error
        return self

    def add(self, name: str, picture: Frame, time: float | None = None, duration: float | None = None) -> None:
        """Add one image.

        Args:
            name: its name, for messages.
            picture: (H, W, 3) uint8 RGB.
            time: seconds after the first image at which it is shown; None: after the previous image.
            duration: seconds for which it is shown, unless another image comes earlier; None: by the frame rate.

        Raises:
            DataError: the image's size differs from the first one's, or the disk is full.
        """
        height, width = picture.shape[:2]
        if self._size is None:
            self._size = (height, width)
            self._stream.width, self._stream.height = width + width % 2, height + height % 2
            self._stream.pix_fmt = "yuv420p"
        if (height, width) != self._size:
            raise DataError(
                f"frame {name} is {width}x{height}, but the video is {self._size[1]}x{self._size[0]}",
                str(self.path),
                "Write masks to a folder instead, or predict frames of each size separately",
            )
        begin = self._ends if time is None else time
        duration = float(1 / self._rate) if duration is None else duration
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")  # colours are stored 2×2
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.time_base = Fraction(1, _TICKS)
        frame.pts = self._last = max(round((self._lead + begin) * _TICKS), self._last + 1)
        self._durations[frame.pts] = max(round(duration * _TICKS), 1)
        self._ends = begin + duration
        with self._telling():
            self._encode(frame)
            if self._soundtrack is not None:
                self._soundtrack.copy(self._container, begin)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._size is None:
            self._container.close()
            self.partial.unlink(missing_ok=True)
        elif error is None:
            self._finish(math.inf)
            os.replace(self.partial, self.path)
        else:
            with suppress(DataError):  # the disk may have failed: save what can be saved
                self._finish(self._ends)
        if self._soundtrack is not None:
            self._soundtrack.close()

    def kept(self, done: int) -> str:
        """A sentence that says where the finished part is."""
        return f"The {done} frames written so far are in {self.partial}"

    def _encode(self, frame: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            packet.duration = self._durations.pop(packet.pts)  # the encoder knows the usual one alone
            self._container.mux(packet)

    def _finish(self, until: float) -> None:
        with self._telling():
            self._encode(None)  # the frames that the codec still holds
            if self._soundtrack is not None:
                self._soundtrack.copy(self._container, until)
                self._soundtrack.finish(self._container)
            self._container.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.FFmpegError) as error:
            remedy = "Free some space" if error.errno == errno.ENOSPC else "Choose another place or another format"
            raise DataError(f"cannot be written ({error.strerror})", str(self.partial), remedy) from error
