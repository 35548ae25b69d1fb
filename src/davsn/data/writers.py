"""Writing what a network says of a video: masks, or the video tinted by them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.data.decoding import VIDEO_SUFFIXES
from davsn.data.footage import Frame, Source
from davsn.data.images import PICTURE_SUFFIXES
from davsn.data.painting import overlay
from davsn.data.taxonomy import Taxonomy

Mask = NDArray[np.uint8]
"""(H, W) uint8 train ids."""

WRITTEN_VIDEOS = (".mp4", ".mov", ".mkv")
PICTURES_RATE = Fraction(10)
"""Frames a second of a video of pictures, which have none."""


class Writer(Protocol):
    """Takes frames and masks in order."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, name: str, frame: Frame, mask: Mask) -> None:
        """Add one frame."""

    def kept(self, done: int) -> str:
        """After a failure: a sentence on where the ``done`` finished frames are."""


def writer_for(source: Source, target: Path, taxonomy: Taxonomy, rate: Fraction | None) -> Writer:
    """The writer that the name of the output asks for.

    Raises:
        DataError: a name that is no output, or that is the input's own.
    """
    if isinstance(source, str | Path) and Path(source).resolve() == target.resolve():
        raise DataError("is the input itself", str(target), "Choose another output")
    suffix = target.suffix.lower()
    if suffix in WRITTEN_VIDEOS:
        return OverlayVideo(target, taxonomy, rate or PICTURES_RATE)
    if suffix in (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES, ".gif") or target.is_file():
        raise DataError(
            "is neither a folder nor a video that can be written",
            str(target),
            f"Give a name ending in {', '.join(WRITTEN_VIDEOS)} for an overlay video, or a folder for masks",
        )
    return MaskFolder(target, taxonomy)


def save_mask(path: Path, mask: Mask, taxonomy: Taxonomy) -> None:
    """Write a mask as palette PNG: its pixels are train ids, its palette has the classes' colours.

    Raises:
        DataError: it cannot be written.
    """
    picture = Image.fromarray(mask)
    picture.putpalette(taxonomy.palette.tobytes())
    with replacing(path) as temporary:
        picture.save(temporary)


class MaskFolder:
    """Masks as palette PNGs, ``<name>.png``, each complete as soon as it is there.

    Args:
        path: the folder; it is made.
        taxonomy: the palette.
    """

    def __init__(self, path: Path, taxonomy: Taxonomy) -> None:
        self.path = path
        self._taxonomy = taxonomy

    def __enter__(self) -> "MaskFolder":
        return self

    def __exit__(self, *failure: object) -> None:
        """Nothing is open between two masks."""

    def write(self, name: str, frame: Frame, mask: Mask) -> None:
        """Save one mask; its pixel values are train ids."""
        save_mask(self.path / f"{name}.png", mask, self._taxonomy)

    def kept(self, done: int) -> str:
        """Where the finished masks are."""
        return f"The {done} masks before are in {self.path}"


class PictureVideo:
    """Pictures as H.264 video.

    It is written as ``<stem>.partial<suffix>``, which takes the final name once it is complete. After a failure
    or an interruption the part that was finished stays under the partial name, and can be played.

    Args:
        path: the video; its folder is made.
        rate: frames a second.
    """

    def __init__(self, path: Path, rate: Fraction) -> None:
        self.path = path
        self.partial = path.with_name(f"{path.stem}.partial{path.suffix}")
        self._rate = rate
        self._size: tuple[int, ...] | None = None

    def __enter__(self) -> "PictureVideo":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(str(self.partial), "w")
            self._stream = self._container.add_stream("libx264", rate=self._rate, options={"crf": "20"})
        except (OSError, av.FFmpegError) as error:
            raise DataError(f"cannot be written ({error.strerror})", str(self.path), "Choose another place") from error
        return self

    def add(self, name: str, picture: Frame) -> None:
        """Add one picture.

        Raises:
            DataError: its size differs from the first one's, or the disk is full.
        """
        height, width = picture.shape[:2]
        if self._size is None:
            self._size = (height, width)
            self._stream.width, self._stream.height = width + width % 2, height + height % 2
            self._stream.pix_fmt = "yuv420p"
        if (height, width) != self._size:
            raise DataError(
                f"frame {name} is {width}x{height}, and the video {self._size[1]}x{self._size[0]}",
                str(self.path),
                "Write masks to a folder instead, or predict each size alone",
            )
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")  # its colours come 2×2
        with self._telling():
            self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._size is None:
            self._container.close()
            self.partial.unlink(missing_ok=True)
            return
        if error is None:
            self._finish()
            os.replace(self.partial, self.path)
            return
        with suppress(DataError):  # what failed may be the disk: save what can be saved
            self._finish()

    def kept(self, done: int) -> str:
        """Where the finished part is."""
        return f"The {done} frames before are in {self.partial}"

    def _finish(self) -> None:
        with self._telling():
            self._container.mux(self._stream.encode(None))  # the frames the codec still holds
            self._container.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.FFmpegError) as error:
            raise DataError(f"cannot be written ({error.strerror})", str(self.partial), "Free some space") from error


class OverlayVideo(PictureVideo):
    """Frames tinted by their masks, as video of the input's rate.

    Args:
        path: the video; its folder is made.
        taxonomy: the colours.
        rate: frames a second.
    """

    def __init__(self, path: Path, taxonomy: Taxonomy, rate: Fraction) -> None:
        super().__init__(path, rate)
        self._taxonomy = taxonomy

    def write(self, name: str, frame: Frame, mask: Mask) -> None:
        """Add one frame; see :meth:`PictureVideo.add`."""
        self.add(name, overlay(frame, mask, self._taxonomy))
