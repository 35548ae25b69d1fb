"""Writing a network's predictions for a video: masks, or the video tinted by its masks."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.data.images import PICTURE_SUFFIXES
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.painting import overlay
from davsn.data.video.containers import VIDEO_SUFFIXES, is_video
from davsn.data.video.footage import Footage, Shot, Source
from davsn.data.video.soundtrack import Soundtrack
from davsn.data.video.writer import WRITTEN_VIDEOS, PictureVideo

Mask = NDArray[np.uint8]
"""A predicted mask: (H, W) uint8 train ids."""
_USUAL_VIDEO = ".mp4"
"""The suffix of an overlay video whose input has a form that cannot be written."""


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


@dataclass(frozen=True)
class Output:
    """Where predictions are written, and how.

    Attributes:
        path: a video, for a single image also an image, or a folder.
        form: 'masks' writes a folder of masks, whatever its name; 'overlay' writes overlays; None: as the name says.
        legend: whether each overlay has a legend of the classes.
    """

    path: Path
    form: Literal["masks", "overlay"] | None = None
    legend: bool = False

    @property
    def is_file(self) -> bool:
        """Whether the output is one file, by its name or because it is there."""
        suffixes = (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES)
        return self.path.is_file() or (self.path.suffix.lower() in suffixes and not self.path.is_dir())

    @property
    def overlays(self) -> bool:
        """Whether overlays are written, not masks."""
        return self.form == "overlay" or (self.form is None and self.is_file and self.path.suffix.lower() != ".png")

    def of_recording(self, name: str, recording: Path) -> "Output":
        """Choose the output of one recording among several: its folder of masks, or its overlay video."""
        if self.form != "overlay":
            return replace(self, path=self.path / name, form="masks")
        return replace(self, path=self.path / _overlay_name(name, recording))

    def of_source(self, source: Source) -> "Output":
        """Name the overlay of a source after it, if the output is a folder for overlays."""
        if self.form != "overlay" or self.is_file:
            return self
        path = Path(source).resolve() if isinstance(source, str | Path) else Path("overlay")
        return replace(self, path=self.path / _overlay_name(path.name if path.is_dir() else path.stem, path))


def _overlay_name(name: str, source: Path) -> str:
    """The file name of an overlay: a video keeps its suffix if that can be written."""
    suffix = source.suffix if source.suffix.lower() in WRITTEN_VIDEOS and not source.is_dir() else _USUAL_VIDEO
    if source.suffix.lower() in PICTURE_SUFFIXES and source.is_file() and not is_video(source):
        suffix = ".jpg"
    return name if Path(name).name == source.name and name.endswith(suffix) else name + suffix


def writer_for(source: Source, output: Output, taxonomy: Taxonomy, found: Footage) -> Writer:
    """Choose the writer by the form and the name of the output.

    Args:
        source: the source of the frames.
        output: the output; a folder for overlays is no output of one source, see :meth:`Output.of_source`.
        taxonomy: the class table.
        found: the opened source.

    Raises:
        DataError: the name fits no writer, it is the input itself, or masks should have a legend.
    """
    target, suffix = output.path, output.path.suffix.lower()
    if isinstance(source, str | Path) and _writes_over(Path(source), target):
        raise DataError("is the input itself", str(target), "Choose another output")
    if output.legend and not output.overlays:
        remedy = f"Add --overlay (overlay=True), or give a name ending in {', '.join(WRITTEN_VIDEOS)}"
        raise DataError("gets masks, but a legend is drawn into overlays alone", str(target), remedy)
    if output.form == "masks" or not output.is_file:
        return MaskFolder(target, taxonomy)
    if suffix in WRITTEN_VIDEOS:
        soundtrack = None if found.video is None else Soundtrack(found.video, found.begin)
        return OverlayVideo(target, taxonomy, found.rate, soundtrack, output.legend)
    if suffix in PICTURE_SUFFIXES and found.count == 1 and found.video is None:
        return OverlayFile(target, taxonomy, output.legend) if output.overlays else MaskFile(target, taxonomy)
    raise DataError(
        "is neither a folder nor a video format that can be written",
        str(target),
        f"Give a name ending in {', '.join(WRITTEN_VIDEOS)} for an overlay video, or a folder for masks",
    )


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
    """Writes a single image tinted by its mask.

    Args:
        path: the image; its suffix chooses the format.
        taxonomy: the class table with the colours.
        legend: whether to add a legend of the classes.
    """

    def __init__(self, path: Path, taxonomy: Taxonomy, legend: bool = False) -> None:
        super().__init__(path, taxonomy)
        self._legend = legend

    def write(self, shot: Shot, mask: Mask) -> None:
        """Write the tinted image."""
        tinted = overlay(shot.frame, mask, self._taxonomy, with_legend=self._legend)
        with replacing(self.path) as temporary:
            Image.fromarray(tinted).save(temporary, quality=95)

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
        legend: whether each frame has a legend of the classes.
    """

    def __init__(
        self,
        path: Path,
        taxonomy: Taxonomy,
        rate: Fraction | None,
        soundtrack: Soundtrack | None = None,
        legend: bool = False,
    ) -> None:
        super().__init__(path, rate, soundtrack)
        self._taxonomy, self._legend = taxonomy, legend

    def write(self, shot: Shot, mask: Mask) -> None:
        """Add one frame; see :meth:`PictureVideo.add`."""
        tinted = overlay(shot.frame, mask, self._taxonomy, with_legend=self._legend)
        self.add(shot.name, tinted, shot.time, shot.duration)
