"""The outputs of a prediction: which there are, how their files are named, and who writes them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from davsn.core.errors import DataError, did_you_mean
from davsn.data.images import PICTURE_SUFFIXES
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.video.brush import USUAL, Brush, Look
from davsn.data.video.containers import VIDEO_SUFFIXES, is_video
from davsn.data.video.footage import Footage, Frame, Source
from davsn.data.video.labelled import Labelled
from davsn.data.video.live import is_address
from davsn.data.video.soundtrack import Soundtrack
from davsn.data.video.writer import WRITTEN_VIDEOS
from davsn.data.video.writers import PaintedImage, PaintedVideo, PaletteFile, PaletteFolder, Several, ShareTable, Writer

_USUAL_VIDEO = ".mp4"
"""The suffix of a video whose input has a form that cannot be written."""


@dataclass(frozen=True)
class Kind(ABC):
    """A kind of output.

    Attributes:
        probabilities: whether it needs the probabilities of the classes.
        legend: whether it can have a legend.
        alpha: whether it tints by a share of the class colours.
    """

    probabilities: bool = False
    legend: bool = False
    alpha: bool = False

    @abstractmethod
    def suffix(self, source: Path, still: bool) -> str:
        """The suffix of the file for a source, which is a single image if it is ``still``; empty for a folder."""

    @abstractmethod
    def writer(self, path: Path, brush: Brush, found: Footage) -> Writer | None:
        """The writer; None if the path is no name for this kind."""

    @property
    @abstractmethod
    def names(self) -> str:
        """What a path of this kind should be, for messages."""


@dataclass(frozen=True)
class Painted(Kind):
    """Pictures: a video, or for a single image an image.

    Attributes:
        paint: makes a picture.
        image: the suffix of an image.
    """

    paint: Callable[[Brush, Frame, Labelled], Frame] = Brush.overlay
    image: str = ".png"

    def suffix(self, source: Path, still: bool) -> str:
        """The suffix of the source if it can be written."""
        if still:
            return self.image
        return source.suffix if source.suffix.lower() in WRITTEN_VIDEOS and not source.is_dir() else _USUAL_VIDEO

    def writer(self, path: Path, brush: Brush, found: Footage) -> Writer | None:
        """The writer of a video, or of an image."""
        paint = partial(self.paint, brush)
        if path.suffix.lower() in WRITTEN_VIDEOS:
            soundtrack = None if found.video is None else Soundtrack(found.video, found.begin)
            return PaintedVideo(path, paint, found.rate, soundtrack)
        return PaintedImage(path, paint) if path.suffix.lower() in PICTURE_SUFFIXES and _still(found) else None

    @property
    def names(self) -> str:
        """The formats of videos."""
        return f"a name ending in {', '.join(WRITTEN_VIDEOS)}"


class Palette(Kind):
    """Masks as palette PNGs: a folder, or for a single image a file."""

    def suffix(self, source: Path, still: bool) -> str:
        """None: a folder."""
        return ""

    def writer(self, path: Path, brush: Brush, found: Footage) -> Writer | None:
        """The writer of a folder, or of a file."""
        if path.is_file() or (path.suffix.lower() == ".png" and not path.is_dir()):
            return PaletteFile(path, brush.taxonomy) if path.suffix.lower() == ".png" and _still(found) else None
        return PaletteFolder(path, brush.taxonomy)

    @property
    def names(self) -> str:
        """A folder."""
        return "a folder"


class Shares(Kind):
    """The shares of the classes in each frame: a CSV file."""

    def suffix(self, source: Path, still: bool) -> str:
        """The suffix of tables."""
        return ".csv"

    def writer(self, path: Path, brush: Brush, found: Footage) -> Writer | None:
        """The writer of a table."""
        return ShareTable(path, brush.taxonomy, brush.shown.names) if path.suffix.lower() == ".csv" else None

    @property
    def names(self) -> str:
        """The suffix of tables."""
        return "a name ending in .csv"


KINDS: Mapping[str, Kind] = {
    "overlay": Painted(paint=Brush.overlay, image=".jpg", legend=True, alpha=True),
    "side-by-side": Painted(paint=Brush.beside, image=".jpg", legend=True),
    "masks": Painted(paint=Brush.mask, legend=True),
    "palette": Palette(),
    "shares": Shares(),
    "confidence": Painted(paint=Brush.confidence, probabilities=True),
}
"""The kinds of output by name. An entry is all that a further one needs."""


@dataclass(frozen=True)
class Output:
    """Where predictions are written, and how.

    Attributes:
        path: a file, or a folder.
        kinds: the names of the outputs, from :data:`KINDS`; empty: one output, as the path's name says.
        look: the user's choices for them.
    """

    path: Path
    kinds: tuple[str, ...] = ()
    look: Look = USUAL

    @property
    def is_file(self) -> bool:
        """Whether the output is one file, by its name or because it is there."""
        return _is_file(self.path)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of the outputs."""
        if self.kinds or not self.is_file:
            return self.kinds or ("palette",)
        return ({".png": "palette", ".csv": "shares"}.get(self.path.suffix.lower(), "overlay"),)

    @property
    def probabilities(self) -> bool:
        """Whether an output needs the probabilities of the classes."""
        return any(KINDS[name].probabilities for name in self.chosen)

    def mistakes(self, taxonomy: Taxonomy) -> list[str]:
        """What is wrong with the user's choices, a line for each mistake.

        Args:
            taxonomy: the network's class table.
        """
        kinds, look = [KINDS[name] for name in self.chosen if name in KINDS], self.look
        found = [
            f"--as  there is no output '{name}'.{did_you_mean(name, KINDS)} Known: {', '.join(KINDS)}"
            for name in self.chosen
            if name not in KINDS
        ]
        found += [
            f"--classes  the network has no class '{name}'.{did_you_mean(name, taxonomy.names)} Its classes are "
            f"{', '.join(taxonomy.names)}"
            for name in look.classes
            if name not in taxonomy.names
        ]
        if len(self.chosen) > 1 and self.is_file:
            found.append(f"--out  {self.path} is one file, but there are several outputs. Give a folder")
        if self.kinds == ("palette",) and self.is_file and self.path.suffix.lower() != ".png":
            found.append(f"--out  {self.path} is no name for the output palette. Give a folder")
        if look.alpha is not None and not 0 <= look.alpha <= 1:
            found.append(f"--alpha  should be in [0, 1], but got {look.alpha:g}")
        given = {"legend": look.legend, "alpha": look.alpha is not None}
        for option in (name for name, used in given.items() if used):
            takers = ", ".join(name for name, kind in KINDS.items() if getattr(kind, option))
            if kinds and not any(getattr(kind, option) for kind in kinds):
                found.append(
                    f"--{option}  has no use for {', '.join(self.chosen)}. Add one of these with --as: {takers}"
                )
        return found

    def of_recording(self, name: str, recording: Path) -> "Output":
        """Choose the output of one recording among several, below the folder of all."""
        path = self.path / name
        if len(self.chosen) == 1:
            path = _named(path, recording, KINDS[self.chosen[0]].suffix(recording, _is_still(recording)))
        return replace(self, path=path, kinds=self.chosen)

    def of_source(self, source: Source) -> "Output":
        """Name the output of a source after it, if it is one file and the path is a folder."""
        if self.is_file or len(self.chosen) > 1 or self.chosen == ("palette",):
            return replace(self, kinds=self.chosen)
        (name,) = self.chosen
        path = Path(name)
        if isinstance(source, str | Path) and not is_address(source):
            path = Path(source).resolve()
        stem = self.path / (path.name if path.is_dir() else path.stem)
        return replace(self, path=_named(stem, path, KINDS[name].suffix(path, _is_still(path))), kinds=self.chosen)

    def writer(self, source: Source, taxonomy: Taxonomy, found: Footage) -> Writer:
        """Open the writers of all outputs.

        Args:
            source: the source of the frames.
            taxonomy: the class table.
            found: the opened source.

        Raises:
            DataError: a name fits no writer, or is the input itself.
        """
        brush = Brush(taxonomy, self.look)
        writers = [self._writer(name, path, source, brush, found) for name, path in self._paths(found).items()]
        return writers[0] if len(writers) == 1 else Several(writers)

    def _paths(self, found: Footage) -> dict[str, Path]:
        """Where each output is written: one at the path, several below it, each under the name of its kind."""
        if len(self.chosen) == 1:
            return {self.chosen[0]: self.path}
        source = Path() if found.video is None else found.video
        return {name: self.path / f"{name}{KINDS[name].suffix(source, _still(found))}" for name in self.chosen}

    def _writer(self, name: str, path: Path, source: Source, brush: Brush, found: Footage) -> Writer:
        if isinstance(source, str | Path) and _writes_over(Path(source), path):
            raise DataError("is the input itself", str(path), "Choose another output")
        writer = KINDS[name].writer(path, brush, found)
        if writer is not None:
            return writer
        if self.kinds and self.kinds != Output(self.path).chosen:
            raise DataError(f"is no name for the output {name}", str(path), f"Give {KINDS[name].names}")
        raise DataError(
            "is neither a folder nor a format that can be written",
            str(path),
            f"Give a name ending in {', '.join(WRITTEN_VIDEOS)} for an overlay video, .csv for the shares of the "
            "classes, or a folder for masks",
        )


def _is_file(path: Path) -> bool:
    suffixes = (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES, ".csv")
    return path.is_file() or (path.suffix.lower() in suffixes and not path.is_dir())


def _still(found: Footage) -> bool:
    """Whether footage is a single image."""
    return found.count == 1 and found.video is None


def _is_still(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and path.is_file() and not is_video(path)


def _named(stem: Path, source: Path, suffix: str) -> Path:
    """A path with a suffix; a name that has the source's suffix already keeps it alone."""
    return stem if stem.name == source.name and stem.name.endswith(suffix) else stem.with_name(stem.name + suffix)


def _writes_over(source: Path, target: Path) -> bool:
    """Whether the output is the input, or the mask of a single image would replace the image."""
    return source.resolve() in (target.resolve(), (target / f"{source.stem}.png").resolve())
