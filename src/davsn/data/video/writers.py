"""Writing a network's predictions for a video: masks, or the video tinted by its masks."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.data.images import PICTURE_SUFFIXES
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.painting import overlay
from davsn.data.video.containers import VIDEO_SUFFIXES
from davsn.data.video.footage import Footage, Shot, Source
from davsn.data.video.soundtrack import Soundtrack
from davsn.data.video.writer import WRITTEN_VIDEOS, PictureVideo

Mask = NDArray[np.uint8]
"""A predicted mask: (H, W) uint8 train ids."""


class Writer(Protocol):
    """Writes frames and masks, given in order."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, shot: Shot, mask: Mask) -> None:
        """Add one frame."""

    def kept(self, done: int) -> str:
        """After a failure: a sentence that says where the ``done`` finished frames are."""


def writer_for(source: Source, target: Path, taxonomy: Taxonomy, found: Footage) -> Writer:
    """Choose the writer by the name of the output.

    Args:
        source: the source of the frames.
        target: the output: a video, for a single image also an image, or a folder.
        taxonomy: the class table.
        found: the opened source.

    Raises:
        DataError: the name fits no writer, or it is the input itself.
    """
    if isinstance(source, str | Path) and _writes_over(Path(source), target):
        raise DataError("is the input itself", str(target), "Choose another output")
    suffix = target.suffix.lower()
    if suffix in WRITTEN_VIDEOS:
        soundtrack = None if found.video is None else Soundtrack(found.video, found.begin)
        return OverlayVideo(target, taxonomy, found.rate, soundtrack)
    if suffix in PICTURE_SUFFIXES and found.count == 1 and found.video is None:
        return (MaskFile if suffix == ".png" else OverlayFile)(target, taxonomy)
    if suffix in (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES) or target.is_file():
        raise DataError(
            "is neither a folder nor a video format that can be written",
            str(target),
            f"Give a name ending in {', '.join(WRITTEN_VIDEOS)} for an overlay video, or a folder for masks",
        )
    return MaskFolder(target, taxonomy)


def _writes_over(source: Path, target: Path) -> bool:
    """Whether the output is the input, or the mask of a single image would replace the image."""
    return source.resolve() in (target.resolve(), (target / f"{source.stem}.png").resolve())


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

    def write(self, shot: Shot, mask: Mask) -> None:
        """Write one mask; its pixel values are train ids."""
        save_mask(self.path / f"{shot.name}.png", mask, self._taxonomy)

    def kept(self, done: int) -> str:
        """A sentence that says where the finished masks are."""
        return f"The {done} masks written so far are in {self.path}"


class MaskFile:
    """Writes the mask of a single image as a palette PNG; see :class:`MaskFolder`."""

    def __init__(self, path: Path, taxonomy: Taxonomy) -> None:
        self.path = path
        self._taxonomy = taxonomy

    def __enter__(self) -> "MaskFile":
        return self

    def __exit__(self, *failure: object) -> None:
        """Do nothing: no file is open."""

    def write(self, shot: Shot, mask: Mask) -> None:
        """Write the mask; its pixel values are train ids."""
        save_mask(self.path, mask, self._taxonomy)

    def kept(self, done: int) -> str:
        """A sentence that says where the mask is."""
        return f"The mask is in {self.path}"


class OverlayFile(MaskFile):
    """Writes a single image tinted by its mask, as JPEG."""

    def write(self, shot: Shot, mask: Mask) -> None:
        """Write the tinted image."""
        with replacing(self.path) as temporary:
            Image.fromarray(overlay(shot.frame, mask, self._taxonomy)).save(temporary, quality=95)

    def kept(self, done: int) -> str:
        """A sentence that says where the image is."""
        return f"The overlay is in {self.path}"


class OverlayVideo(PictureVideo):
    """Writes frames tinted by their masks, as a video with the input's times and audio.

    Args:
        path: the video; its folder is created.
        taxonomy: the class table with the colours.
        rate: frames a second, where frames have no time; None: 10.
        soundtrack: the input's audio; None: no audio.
    """

    def __init__(
        self, path: Path, taxonomy: Taxonomy, rate: Fraction | None, soundtrack: Soundtrack | None = None
    ) -> None:
        super().__init__(path, rate, soundtrack)
        self._taxonomy = taxonomy

    def write(self, shot: Shot, mask: Mask) -> None:
        """Add one frame; see :meth:`PictureVideo.add`."""
        self.add(shot.name, overlay(shot.frame, mask, self._taxonomy), shot.time, shot.duration)
