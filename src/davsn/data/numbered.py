"""What the published benchmarks have in common: drive and frame number are part of a file's name."""

import os
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationInfo, field_validator

from davsn.data.base import OWN_FLOW, ClipInfo, DatasetSettings, VideoDataset
from davsn.data.benchmarks import RAW_IDS, ClassSet, RawIds, taxonomy, train_ids
from davsn.data.images import read_ids, read_picture
from davsn.data.origin import Origin, origin
from davsn.data.transforms import resize_label
from davsn.errors import DataError, FlowError
from davsn.flow.files import Flow, read_flow

Key = tuple[str, int]
"""A frame of a data set: its drive and its number."""


class NumberedSettings(DatasetSettings):
    """What every published benchmark can be told; each adds its own keys."""

    frame_list: Path | None = None
    """A file that names the frames to use, one a line, as the public code's lists do; null takes the labelled ones."""
    flow_root: Path | None = None
    """The folder of the flow files for flow: stored, under the names that the public code gives them."""

    @field_validator("flow_root")
    @classmethod
    def _told(cls, flow_root: Path | None, info: ValidationInfo) -> Path | None:
        if flow_root is None and info.data.get("flow") in OWN_FLOW:
            raise ValueError("flow: stored needs the folder of the flow files. Name it, or set flow: dis")
        return flow_root


@dataclass(frozen=True)
class Layout:
    """Where the files of a data set are and what they are called.

    Attributes:
        pictures: holds pictures, or folders of them.
        labels: holds labels in the same folders; need not exist.
        picture: matches a picture's file name; its groups are the drive, which may be empty, and the number.
        label: the same for labels.
        digits: of the number.
        wanted: a sentence that says so, for errors.
    """

    pictures: Path
    labels: Path
    picture: re.Pattern[str]
    label: re.Pattern[str]
    digits: int
    wanted: str

    def name(self, key: Key) -> str:
        """The name of a frame: what the names of its picture, label and flow begin with."""
        return f"{key[0]}{key[1]:0{self.digits}d}"


class Numbered(VideoDataset):
    """Pictures of a drive with consecutive numbers are a clip, called after its first frame; a gap begins another.

    Nothing is decoded until it is asked for: folders are listed, and that is all.

    A data set calls :meth:`_learn` when it is made.
    """

    config: NumberedSettings
    _ids: ClassVar[RawIds]
    """Whose ids the label files hold."""
    _other_ids: ClassVar[str]
    """The remedy where they hold others."""

    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        """(H, W, 3) RGB at native size; see :meth:`VideoDataset.read_frame`."""
        return read_picture(self._picture(clip, position))

    def file_name(self, clip: int, position: int) -> str:
        """The picture's own name where it says drive and number; see :meth:`VideoDataset.file_name`."""
        stem, name = self._picture(clip, position).stem, self.clips[clip].frames[position]
        return stem if stem.startswith(name) else super().file_name(clip, position)

    def read_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        """(H, W) train ids at native size; see :meth:`VideoDataset.read_label`."""
        return self._train_ids(self._raw_label(clip, position))

    def resized_label(self, clip: int, position: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """(h, w) train ids at (width, height): the raw label is resized, then mapped, as the public code does."""
        return self._train_ids(resize_label(self._raw_label(clip, position), size))

    def frame_origin(self, clip: int, position: int) -> Origin | None:
        """The picture's file; see :meth:`VideoDataset.frame_origin`."""
        return origin(self, self._picture(clip, position), *self._pixel_settings())

    def label_origin(self, clip: int, position: int) -> Origin | None:
        """The label's file, and which id becomes which; see :meth:`VideoDataset.label_origin`."""
        return origin(self, self._label(clip, position), self._lookup.tolist(), *self._pixel_settings())

    def read_flow(self, clip: int, position: int, other: int) -> Flow | None:
        """The stored flow position→other; see :meth:`VideoDataset.read_flow`.

        Raises:
            FlowError: no file of the name that the public code would give it, or a damaged one.
        """
        folder, names = self.config.flow_root, self.clips[clip].frames
        if folder is None:
            return None
        path = folder / f"{self._flow_name(names[position], names[other])}_int16_x10.npy"
        if not path.is_file():
            found = f"holds no {path.name}, the flow of frame {names[position]} to {names[other]}"
            raise FlowError(found, str(folder), "Copy it there, or set flow: dis to estimate flow on the fly")
        return read_flow(path)

    @abstractmethod
    def _flow_name(self, frame: str, other: str) -> str:
        """What the name of the flow file frame→other begins with, from the names of both."""

    def _pixel_settings(self) -> Origin:
        """The settings that frames and labels at native size depend on."""
        return ()

    def _read_ids(self, path: Path) -> NDArray[np.unsignedinteger]:
        """(H, W) of a label file, whatever ids it holds."""
        return read_ids(path)

    def _train_ids(self, raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Raw ids as train ids."""
        return np.asarray(self._lookup[raw])

    def _learn(
        self,
        layout: Layout,
        classes: ClassSet,
        wanted: Callable[[int], bool] = lambda number: True,
        every_frame: bool = False,
    ) -> None:
        """List the files and make clips of them.

        Args:
            layout: where they are.
            classes: which class set the labels are mapped to.
            wanted: whether a labelled frame of this number is a sample, where no list names the frames.
            every_frame: whether every frame may be a sample's current one, not only those listed or labelled.

        Raises:
            DataError: no frames, or a list or labels that do not fit them.
        """
        self._layout = layout
        self._lookup = train_ids(self._ids, classes)
        pictures = _scan(layout.pictures, layout.picture)
        if not pictures:
            raise DataError("holds no frames", str(layout.pictures), layout.wanted)
        self._labels = _scan(layout.labels, layout.label) if layout.labels.is_dir() else {}
        chosen = {key for key in self._labels if wanted(key[1])}
        if self.config.frame_list is not None:
            chosen = _listed(self.config.frame_list, layout)
        self.damage: list[DataError] = []
        self._note(chosen - pictures.keys(), "picture", layout.pictures)
        if self._labels and self.config.frame_list is not None:  # or they are not needed, or what was chosen
            self._note(chosen - self._labels.keys(), "label", layout.labels)
        if not chosen and not every_frame:
            found = "holds no label, so that nothing says which frames to use"
            raise DataError(found, str(layout.labels), f"{layout.wanted}; or name the frames in a frame_list")
        self.clips: list[ClipInfo] = []
        self._files: list[tuple[str, ...]] = []
        for run in _runs(sorted(pictures)):
            names = tuple(map(layout.name, run))
            current = tuple(position for position, key in enumerate(run) if key in chosen)
            labelled = tuple(position for position in current if run[position] in self._labels)
            self.clips.append(ClipInfo(names[0], names, labelled, None, None if every_frame else current))
            self._files.append(tuple(pictures[key] for key in run))
        self.taxonomy = taxonomy(classes) if any(info.labelled for info in self.clips) else None

    def _note(self, missing: set[Key], what: str, folder: Path) -> None:
        if not missing:
            return
        error = DataError(
            f"has no {what} of {len(missing)} frames, such as {self._layout.name(min(missing))}",
            str(folder),
            "Download the rest, or set bad_files: skip to use what is there",
        )
        if self.config.bad_files == "error":
            raise error
        self.damage.append(error)

    def _picture(self, clip: int, position: int) -> Path:
        return self._layout.pictures / self._files[clip][position]

    def _label(self, clip: int, position: int) -> Path:
        name, digits = self.clips[clip].frames[position], self._layout.digits
        return self._layout.labels / self._labels[name[:-digits], int(name[-digits:])]

    def _raw_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        """(H, W) raw ids at native size."""
        if position not in self.clips[clip].labelled:
            frame = self._picture(clip, position)
            raise DataError("has no label", str(frame), "Ask only for the labels of labelled frames")
        path = self._label(clip, position)
        ids, count = self._read_ids(path), RAW_IDS[self._ids]
        outside = np.unique(ids[ids >= count])
        if outside.size:
            found = ", ".join(map(str, outside[:8])) + (", …" if outside.size > 8 else "")
            raise DataError(f"holds ids beyond {count - 1}, the last there is: {found}", str(path), self._other_ids)
        return ids.astype(np.uint8, copy=False)


def _scan(folder: Path, pattern: re.Pattern[str]) -> dict[Key, str]:
    """The files in a folder, and in those in it, whose names match: (drive, number) → path below the folder."""
    found: dict[Key, str] = {}
    for name in _files(folder):
        match = pattern.fullmatch(name.rpartition("/")[2])
        if match is None:
            continue
        key = (match[1], int(match[2]))
        if key in found:
            raise DataError(f"holds both {found[key]} and {name}: two files of one frame", str(folder), "Keep one")
        found[key] = name
    return found


def _files(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir():
                    yield entry.name
                    continue
                with os.scandir(entry.path) as inside:
                    yield from (f"{entry.name}/{file.name}" for file in inside)
    except OSError as error:
        remedy = "Give the folder as it was downloaded; see docs/data.md"
        raise DataError(f"cannot be listed ({error.strerror})", str(folder), remedy) from None


def _listed(path: Path, layout: Layout) -> set[Key]:
    """The frames that a list names."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"is not a list of frames ({error})", str(path), layout.wanted) from None
    found: set[Key] = set()
    for number, line in enumerate(lines, 1):
        name = line.strip().rpartition("/")[2]
        match = layout.picture.fullmatch(name)
        if match is not None:
            found.add((match[1], int(match[2])))
        elif name:
            raise DataError(f"line {number} names no frame: {name[:80]!r}", str(path), layout.wanted)
    if not found:
        raise DataError("names no frame", str(path), layout.wanted)
    return found


def _runs(keys: Iterable[Key]) -> Iterator[list[Key]]:
    """Sorted frames as runs of one drive and consecutive numbers."""
    run: list[Key] = []
    for key in keys:
        if run and key != (run[-1][0], run[-1][1] + 1):
            yield run
            run = []
        run.append(key)
    if run:
        yield run
