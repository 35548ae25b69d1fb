"""Writing a network's predictions for a video: masks, or the video tinted by its masks."""

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
from davsn.data.containers import VIDEO_SUFFIXES
from davsn.data.footage import Frame, Source
from davsn.data.images import PICTURE_SUFFIXES
from davsn.data.painting import overlay
from davsn.data.taxonomy import Taxonomy

Mask = NDArray[np.uint8]
"""A predicted mask: (H, W) uint8 train ids."""

WRITTEN_VIDEOS = (".mp4", ".mov", ".mkv")
PICTURES_RATE = Fraction(10)
"""Frame rate, in frames a second, of a video made of images, which have none of their own."""


class Writer(Protocol):
    """Writes frames and masks, given in order."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, name: str, frame: Frame, mask: Mask) -> None:
        """Add one frame."""

    def kept(self, done: int) -> str:
        """After a failure: a sentence that says where the ``done`` finished frames are."""


def writer_for(source: Source, target: Path, taxonomy: Taxonomy, rate: Fraction | None) -> Writer:
    """Choose the writer by the name of the output.

    Raises:
        DataError: the name fits no writer, or it is the input itself.
    """
    if isinstance(source, str | Path) and Path(source).resolve() == target.resolve():
        raise DataError("is the input itself", str(target), "Choose another output")
    suffix = target.suffix.lower()
    if suffix in WRITTEN_VIDEOS:
        return OverlayVideo(target, taxonomy, rate or PICTURES_RATE)
    if suffix in (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES, ".gif") or target.is_file():
        raise DataError(
            "is neither a folder nor a video format that can be written",
            str(target),
            f"Give a name ending in {', '.join(WRITTEN_VIDEOS)} for an overlay video, or a folder for masks",
        )
    return MaskFolder(target, taxonomy)


def save_mask(path: Path, mask: Mask, taxonomy: Taxonomy) -> None:
    """Write a mask as a palette PNG. Its pixels are train ids; its palette has the classes' colours.

    Raises:
        DataError: the file cannot be written.
    """
    picture = Image.fromarray(mask)
    picture.putpalette(taxonomy.palette.tobytes())
    with replacing(path) as temporary:
        picture.save(temporary)


class MaskFolder:
    """Writes masks as palette PNGs, ``<name>.png``. A file that exists is complete.

    Args:
        path: the folder; it is created.
        taxonomy: the class table, whose colours become the palette.
    """

    def __init__(self, path: Path, taxonomy: Taxonomy) -> None:
        self.path = path
        self._taxonomy = taxonomy

    def __enter__(self) -> "MaskFolder":
        return self

    def __exit__(self, *failure: object) -> None:
        """Do nothing: no file is open between two masks."""

    def write(self, name: str, frame: Frame, mask: Mask) -> None:
        """Write one mask; its pixel values are train ids."""
        save_mask(self.path / f"{name}.png", mask, self._taxonomy)

    def kept(self, done: int) -> str:
        """A sentence that says where the finished masks are."""
        return f"The {done} masks written so far are in {self.path}"


class PictureVideo:
    """Writes images as an H.264 video.

    The file is named ``<stem>.partial<suffix>`` until it is complete; then it gets its final name. After a failure
    or an interruption, the finished part stays under the partial name and can be played.

    Args:
        path: the video; its folder is created.
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
        """Add one image.

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
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")  # colours are stored 2×2
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
        with suppress(DataError):  # the disk may have failed: save what can be saved
            self._finish()

    def kept(self, done: int) -> str:
        """A sentence that says where the finished part is."""
        return f"The {done} frames written so far are in {self.partial}"

    def _finish(self) -> None:
        with self._telling():
            self._container.mux(self._stream.encode(None))  # the frames that the codec still holds
            self._container.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.FFmpegError) as error:
            raise DataError(f"cannot be written ({error.strerror})", str(self.partial), "Free some space") from error


class OverlayVideo(PictureVideo):
    """Writes frames tinted by their masks, as a video with the input's frame rate.

    Args:
        path: the video; its folder is created.
        taxonomy: the class table with the colours.
        rate: frames a second.
    """

    def __init__(self, path: Path, taxonomy: Taxonomy, rate: Fraction) -> None:
        super().__init__(path, rate)
        self._taxonomy = taxonomy

    def write(self, name: str, frame: Frame, mask: Mask) -> None:
        """Add one frame; see :meth:`PictureVideo.add`."""
        self.add(name, overlay(frame, mask, self._taxonomy))
