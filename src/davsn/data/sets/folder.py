"""Folders of frames, with or without label maps: the layout of a user's own data (docs/data.md)."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import DataError, FlowError
from davsn.data.dataset import NO_FILE, ClipInfo, DatasetSettings, VideoDataset
from davsn.data.images import check_ids, natural, picture_files, picture_size, read_ids, read_picture
from davsn.data.origin import Origin, origin
from davsn.data.taxonomy import Taxonomy, read_classes
from davsn.flow.files.direction import told
from davsn.flow.files.io import SUFFIXES, Flow, found_flow, read_flow

_LAYOUT = "Expected <root>/frames/<clip>/*.jpg or *.png, <root>/<clip>/*, or a folder of frames; see docs/data.md"
_DEPTH = 4
"""Number of folder levels that are searched for frames."""


@dataclass(frozen=True)
class _Place:
    """The files of one clip: its folder below 'frames', 'labels' and 'flow_root', and the names of its images."""

    folder: Path
    files: Sequence[str]


class Folder(VideoDataset):
    """Folders of images. Every folder is a clip; its frames are neighbours in the natural order of their names.

    Args:
        config: where the frames are.

    Raises:
        DataError: the folder does not exist or holds no frames, two frames have the same name, no label map belongs to
            a frame, or label maps come without a class table.
        ConfigError: the class table has mistakes.
        FlowError: the stored flow is marked with the wrong direction.
    """

    class Config(DatasetSettings):
        """Where frames, label maps, classes and flow are."""

        root: Path
        """The folder that holds the folders of frames and of label maps, or a folder of frames or clips itself."""
        frames: str = "frames"
        """Name of the folder of frames below root. If root has no folder frames, root itself is used."""
        labels: str | None = "labels"
        """Name of the folder of label maps below root, which holds <clip>/<frame>.png; null looks for no label maps."""
        classes: Path | None = None
        """The class table; null takes root/classes.yaml."""
        stills: bool = False
        """Whether the frames are stills: each is a clip of its own and has no neighbour."""
        flow_root: Path | None = None
        """The folder that holds <clip>/<frame>.npy, .flo, .pfm, .npz or .png for flow: stored: the flow from each
        frame to its neighbour before."""
        rate: float | None = None
        """Frames a second; null if it is unknown."""

    def __init__(self, config: Config) -> None:
        self.config: Folder.Config = config
        if not config.root.is_dir():
            raise DataError("no such folder", str(config.root), _LAYOUT)
        self._frames = _named(config.root, config.frames, "frames") or config.root
        self._labels = None if config.labels is None else _named(config.root, config.labels, "labels")
        if config.flow_root is not None and not config.flow_root.is_dir():
            raise DataError("no such folder", str(config.flow_root), "Give the folder of the stored flow")
        if config.flow_root is not None and told(config.flow_root) == "previous-to-current":
            raise FlowError(
                "has the direction previous-to-current; training needs current-to-previous, which is not its negative",
                str(config.flow_root),
                "Set flow: dis",
            )
        self.taxonomy: Taxonomy | None = None
        self._places: list[_Place] = []
        self.clips: list[ClipInfo] = []
        for folder in _picture_folders(self._frames, {self._labels, config.flow_root}):
            self._add(folder.relative_to(self._frames))
        if not self.clips:
            raise DataError("holds no frames", str(self._frames), _LAYOUT)
        self._learn_classes()

    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a frame: (H, W, 3) RGB at native size; see :meth:`VideoDataset.read_frame`."""
        return read_picture(self._frame(clip, position))

    def read_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a label map: (H, W) train ids at native size; see :meth:`VideoDataset.read_label`."""
        frame = self._frame(clip, position)
        if self._labels is None or self.taxonomy is None or position not in self.clips[clip].labelled:
            raise DataError("has no label map", str(frame), "Read label maps of labelled frames only")
        path = self._label(self._labels, clip, position)
        ids = read_ids(path)
        (height, width), (frame_width, frame_height) = ids.shape, picture_size(frame)
        if (width, height) != (frame_width, frame_height):
            raise DataError(
                f"is {width}x{height} pixels, but its frame {frame} is {frame_width}x{frame_height}",
                str(path),
                "Render both at the same size, or resize the label map without interpolation",
            )
        check_ids(ids, self.taxonomy, path)
        return ids

    def frame_origin(self, clip: int, position: int) -> Origin | None:
        """The key of the image's file; see :meth:`VideoDataset.frame_origin`."""
        return origin(self, self._frame(clip, position))

    def label_origin(self, clip: int, position: int) -> Origin | None:
        """The key of the label map's file, the frame's file, whose size it must have, and the number of classes."""
        if self._labels is None or self.taxonomy is None:
            return None
        return origin(self, self._label(self._labels, clip, position), self._frame(clip, position), len(self.taxonomy))

    def read_flow(self, clip: int, position: int, other: int) -> Flow | None:
        """Read the stored flow position→other; see :meth:`VideoDataset.read_flow`.

        Raises:
            FlowError: there is no file, it is damaged, or the other frame is not the neighbour before.
        """
        path = self.find_flow(clip, position, other)
        return None if path is None else read_flow(path)

    def find_flow(self, clip: int, position: int, other: int) -> Path | None:
        """The file of the stored flow position→other; see :meth:`VideoDataset.find_flow`."""
        if self.config.flow_root is None:
            return None
        frame, name = self._frame(clip, position), self.flow_file(clip, position, other)
        if name is None:
            raise FlowError(
                f"stored flow goes to the neighbour before (stride {self.config.stride}), not to position {other}",
                str(frame),
                "Set flow: dis",
            )
        path = self.config.flow_root / name
        found = found_flow(path.with_suffix(""))
        if found is not None:
            return found
        raise FlowError(
            f"holds no flow of frame {frame.name}: looked for {frame.stem} with {', '.join(SUFFIXES)}",
            str(path.parent),
            NO_FILE,
        )

    def flow_file(self, clip: int, position: int, other: int) -> str | None:
        """The frame's own name, if the other frame is the neighbour before; see :meth:`VideoDataset.flow_file`."""
        if other != position - self.config.stride:
            return None
        place = self._places[clip]
        return (place.folder / f"{Path(place.files[position]).stem}.npy").as_posix()

    def _frame(self, clip: int, position: int) -> Path:
        place = self._places[clip]
        return self._frames / place.folder / place.files[position]

    def _label(self, labels: Path, clip: int, position: int) -> Path:
        place = self._places[clip]
        return (labels / place.folder / place.files[position]).with_suffix(".png")

    def _add(self, folder: Path) -> None:
        """Add the clip, or the stills, of one folder of images below the folder of frames."""
        files = picture_files(self._frames / folder)
        stems = [Path(file).stem for file in files]
        for one, two in pairwise(files):
            if Path(one).stem == Path(two).stem:
                both = f"holds both {one} and {two}: two frames with the same name"
                raise DataError(both, str(self._frames / folder), "Keep one of them")
        labels = self._label_stems(folder)
        if self.config.stills:
            prefix = "" if folder == Path() else f"{folder.as_posix()}/"
            for file, stem in zip(files, stems, strict=True):
                self._places.append(_Place(folder, (file,)))
                self.clips.append(ClipInfo(f"{prefix}{stem}", (stem,), (0,) if stem in labels else ()))
            return
        self._places.append(_Place(folder, files))
        name = self._frames.resolve().name if folder == Path() else folder.as_posix()
        labelled = tuple(position for position, stem in enumerate(stems) if stem in labels)
        self.clips.append(ClipInfo(name, tuple(stems), labelled, self.config.rate))

    def _label_stems(self, folder: Path) -> set[str]:
        if self._labels is None or not (self._labels / folder).is_dir():
            return set()
        return {Path(file).stem for file in picture_files(self._labels / folder) if file.lower().endswith(".png")}

    def _learn_classes(self) -> None:
        """Read the class table, if there are label maps."""
        if self._labels is None:
            return
        if not any(info.labelled for info in self.clips):
            frame = self._frame(0, 0).relative_to(self._frames)
            raise DataError(
                "holds no label map of any frame",
                str(self._labels),
                f"The label map of {frame} would be {frame.with_suffix('.png')} there. Rename the label maps, or set "
                "labels: null",
            )
        table = self.config.classes or self.config.root / "classes.yaml"
        if not table.is_file():
            raise DataError(
                "no such file: label maps need a class table, which says what their ids mean",
                str(table),
                "Write one (docs/data.md), name another file as 'classes', or set labels: null",
            )
        self.taxonomy = read_classes(table)


def _named(root: Path, name: str, usual: str) -> Path | None:
    """The folder with the given name below root. Only a folder with the usual name may be absent: None."""
    path = root / name
    if path.is_dir():
        return path
    if name == usual:
        return None
    folders = ", ".join(sorted(entry.name for entry in root.iterdir() if entry.is_dir()))
    raise DataError("no such folder", str(path), f"'{usual}' names a folder in {root}, which has: {folders or 'none'}")


def _picture_folders(folder: Path, without: set[Path | None], depth: int = _DEPTH) -> Iterator[Path]:
    """Yield the folder itself, if it holds images, and such folders below it, in natural order. Links are followed."""
    with os.scandir(folder) as entries:
        below = [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    if picture_files(folder):
        yield folder
    if depth:
        for path in sorted(below, key=lambda path: natural(path.name)):
            if path not in without:
                yield from _picture_folders(path, without, depth - 1)
