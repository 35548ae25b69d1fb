"""Folders of frames, with or without label maps: the layout of a user's own data (docs/data.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import DataError, FileError, FlowError
from davsn.data.dataset import NO_FILE, ClipInfo, DatasetSettings, VideoDataset
from davsn.data.folder_layout import frames_folder, labels_beside, labels_of, numbering, search, split
from davsn.data.frame_doubts import doubted_frames, doubted_neighbours
from davsn.data.images import picture_files, picture_size, read_picture, same_shape, turned_like
from davsn.data.labels.class_lists import class_table_of
from davsn.data.labels.coding import LabelCoding
from davsn.data.labels.files import channel_of, read_label
from davsn.data.labels.taxonomy import Taxonomy, read_class_table
from davsn.data.origin import Origin, origin
from davsn.flow.files.direction import told
from davsn.flow.files.io import SUFFIXES, Flow, found_flow, read_flow

_LAYOUT = "Expected <root>/frames/<clip>/*.jpg or *.png, <root>/<clip>/*, or a folder of frames; see docs/data.md"


@dataclass(frozen=True)
class _Place:
    """The files of one clip.

    Attributes:
        folder: the folder of its images, below 'frames' and 'flow_root'.
        files: the names of its images.
        labels: the label maps of its images, by position.
    """

    folder: Path
    files: Sequence[str]
    labels: Mapping[int, Path]


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
        """Name of the folder of frames below root. If root has no folder frames, a folder such as rgb or images beside
        label maps is used, else root itself."""
        labels: str | None = "labels"
        """Name of the folder of label maps below root, which holds <clip>/<frame>.png. If root has no folder labels, a
        folder such as seg or masks beside the frames is used. null looks for no label maps."""
        classes: Path | dict[str, Any] | None = None
        """The class table: classes.yaml, labelmap.txt and other forms, or the content of the first; null takes the one
        in root."""
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
        self._frames = _named(config.root, config.frames, "frames") or frames_folder(config.root) or config.root
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
        self._coding: LabelCoding | None = None
        self._channel: str | None = None
        self._places: list[_Place] = []
        self.clips: list[ClipInfo] = []
        self._beside: dict[Path, None] = {}  # folders of label maps or the like that were found by their names
        found = search(self._frames, {self._labels, config.flow_root})
        for folder in found.folders:
            self._add(folder.relative_to(self._frames))
        if not self.clips:
            raise DataError("holds no frames", str(self._frames), _LAYOUT)
        self._links = found.doubts
        self.notes = self._noted([path for path in found.left_out if path not in self._beside])
        self._learn_classes()

    def doubts(self) -> Sequence[FileError]:
        """Links in a circle, numbers that are far apart, frames that look like label maps or like no neighbours."""
        painted = doubted_frames(self, [self._frame(clip, 0) for clip in range(len(self.clips))])
        if self.config.stills or painted:
            return [*self._links, *painted]
        numbered = numbering({info.name: info.frames for info in self.clips})
        return [*self._links, *numbered, *doubted_neighbours(self)]

    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a frame: (H, W, 3) RGB at native size; see :meth:`VideoDataset.read_frame`."""
        return read_picture(self._frame(clip, position))

    def read_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a label map: (H, W) train ids at its own size; see :meth:`VideoDataset.read_label`.

        A label map in the orientation in which a photo is stored is turned as the photo is displayed.
        """
        frame = self._frame(clip, position)
        path = self._label(clip, position)
        if path is None or self._coding is None:
            raise DataError("has no label map", str(frame), "Read label maps of labelled frames only")
        ids = read_label(path, self._coding, self._channel)
        if ids.shape != picture_size(frame)[::-1]:
            turned = turned_like(frame, ids)
            ids = turned if turned.shape == picture_size(frame)[::-1] else ids
        same_shape(path, ids.shape[::-1], frame)
        return ids

    def frame_origin(self, clip: int, position: int) -> Origin | None:
        """The key of the image's file; see :meth:`VideoDataset.frame_origin`."""
        return origin(self, self._frame(clip, position))

    def label_origin(self, clip: int, position: int) -> Origin | None:
        """The key of the label map's file, of the frame's file, whose shape it has, and the meaning of its values."""
        path = self._label(clip, position)
        if path is None or self._coding is None:
            return None
        return origin(self, path, self._frame(clip, position), self._coding.as_data(), self._channel)

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

    def _label(self, clip: int, position: int) -> Path | None:
        return self._places[clip].labels.get(position)

    def _add(self, folder: Path) -> None:
        """Add the clip, or the stills, of one folder of images below the folder of frames."""
        files, inside = self._split(picture_files(self._frames / folder))
        stems = [Path(file).stem for file in files]
        for one, two in pairwise(files):
            if Path(one).stem == Path(two).stem:
                both = f"holds both {one} and {two}: two frames with the same name"
                remedy = "Keep one of them. If one is a label map, move it to labels/<clip>/ beside frames/<clip>/"
                raise DataError(both, str(self._frames / folder), remedy)
        labels = self._labels_of(folder, files, inside)
        if self.config.stills:
            prefix = "" if folder == Path() else f"{folder.as_posix()}/"
            for position, (file, stem) in enumerate(zip(files, stems, strict=True)):
                own = {0: labels[position]} if position in labels else {}
                self._places.append(_Place(folder, (file,), own))
                self.clips.append(ClipInfo(f"{prefix}{stem}", (stem,), tuple(own)))
            return
        self._places.append(_Place(folder, files, labels))
        name = self._frames.resolve().name if folder == Path() else folder.as_posix()
        self.clips.append(ClipInfo(name, tuple(stems), tuple(sorted(labels)), self.config.rate))

    def _split(self, files: Sequence[str]) -> tuple[list[str], list[str]]:
        """Split the images of one folder into frames and label maps."""
        return split(files)

    def _labels_of(self, folder: Path, files: Sequence[str], inside: Sequence[str]) -> dict[int, Path]:
        """Find the label maps of one folder of frames: position → file.

        Args:
            folder: the folder of frames, below the folder of all frames.
            files: the names of its frames.
            inside: the names of label maps that lie among its frames.
        """
        frames = self._frames / folder
        if inside:
            self._beside[frames] = None
        if self.config.labels is None:
            return {}
        place: Path | None = frames
        if self._labels is not None:
            place = self._labels / folder
        elif not inside:
            place = labels_beside(frames, self.config.root)
            if place is not None:
                self._beside[place] = None
        if place is None or not place.is_dir():
            return {}
        names = inside if place == frames else picture_files(place)
        return {position: place / name for position, name in labels_of(files, names).items()}

    def _noted(self, left_out: Sequence[Path]) -> list[str]:
        """What the names of folders and files were taken to mean."""
        root = self.config.root
        taken = [path.relative_to(root).as_posix() for path in self._beside if path.is_relative_to(root)]
        used = "label maps are read from" if self.config.labels else "label maps beside the frames are left out:"
        notes = [f"{used} {_few(taken)}"] if taken else []
        if self._frames not in (root, root / self.config.frames):
            notes.insert(0, f"frames are read from {self._frames.name}")
        if left_out:
            names = [path.relative_to(root).as_posix() for path in left_out if path.is_relative_to(root)]
            notes.append(f"left out, as they are no frames by their names: {_few(names)}")
        return notes

    def _learn_classes(self) -> None:
        """Learn the classes, if there are label maps."""
        if self._labels is None and not any(info.labelled for info in self.clips):
            return
        if not any(info.labelled for info in self.clips):
            frame = self._frame(0, 0).relative_to(self._frames)
            raise DataError(
                "holds no label map of any frame",
                str(self._labels),
                f"The label map of {frame} would be {frame.with_suffix('.png')} there. Rename the label maps, or set "
                "labels: null",
            )
        self._read_classes([path for place in self._places for path in place.labels.values()])

    def _read_classes(self, paths: Sequence[Path]) -> None:
        """Read the class table, and find out how the label maps hold the classes."""
        table = self.config.classes or class_table_of(self.config.root)
        if table is None or (isinstance(table, Path) and not table.is_file()):
            raise DataError(
                "no such file: label maps need a class table, which says what their ids mean",
                str(table or self.config.root / "classes.yaml"),
                "Write one (docs/data.md), name another file as 'classes', or set labels: null",
            )
        read = read_class_table(table)
        self.taxonomy, self._coding = read.taxonomy, read.coding
        self._channel = channel_of(paths, read.coding)


def _few(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _named(root: Path, name: str, usual: str) -> Path | None:
    """The folder with the given name below root. Only a folder with the usual name may be absent: None."""
    path = root / name
    if path.is_dir():
        return path
    if name == usual:
        return None
    folders = ", ".join(sorted(entry.name for entry in root.iterdir() if entry.is_dir()))
    raise DataError("no such folder", str(path), f"'{usual}' names a folder in {root}, which has: {folders or 'none'}")
