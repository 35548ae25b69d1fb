"""The base of the published data sets, whose file names hold the drive and the frame number."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationInfo, field_validator

from davsn.core.clip import IGNORE
from davsn.core.errors import DataError, FlowError
from davsn.data.dataset import NO_FILE, ClipInfo, DatasetSettings, VideoDataset
from davsn.data.images import read_ids, read_picture, same_shape
from davsn.data.labels.class_tables import RAW_IDS, VOID, ClassSet, RawIds, class_ids, taxonomy, train_ids
from davsn.data.layout import Key, Layout, listed, runs, scan
from davsn.data.origin import Origin, origin
from davsn.data.transforms import resize_label
from davsn.flow.files.io import Flow, read_flow


class NumberedSettings(DatasetSettings):
    """The settings that every published data set has. Each data set adds its own keys."""

    frame_list: Path | None = None
    """A file that names the frames to use, one a line, like the lists of the public code; null takes the labelled
    frames."""
    flow_root: Path | None = None
    """The folder of the flow files for flow: stored. The files have the names that the public code gives them."""
    riders: Literal["person", "ignore"] = "person"
    """What a rider counts as where the class set has persons and no riders: 'person', as DA-VSN's public code does, or
    'ignore', as UnifiedVideoDA's does."""

    @field_validator("flow_root")
    @classmethod
    def _told(cls, flow_root: Path | None, info: ValidationInfo) -> Path | None:
        flow = info.data.get("flow")
        if flow_root is None and flow is not None and flow.own:
            raise ValueError("flow: stored needs the folder of the flow files. Set flow_root, or set flow: dis")
        return flow_root


class Numbered(VideoDataset):
    """A published data set. Frames of a drive with consecutive numbers are a clip, named after its first frame.

    A gap in the numbers begins another clip. Creating a data set lists folders and decodes nothing.

    Subclasses call :meth:`_learn` in their constructor.
    """

    config: NumberedSettings
    _ids: RawIds
    """The data set whose ids the label files hold."""
    _other_ids: ClassVar[str]
    """What an error suggests if a label file holds other ids."""

    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a frame: (H, W, 3) RGB at native size; see :meth:`VideoDataset.read_frame`."""
        return read_picture(self._picture(clip, position))

    def file_name(self, clip: int, position: int) -> str:
        """The image's own name, if it holds drive and number; see :meth:`VideoDataset.file_name`."""
        stem, name = self._picture(clip, position).stem, self.clips[clip].frames[position]
        return stem if stem.startswith(name) else super().file_name(clip, position)

    def read_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a label map: (H, W) train ids at native size; see :meth:`VideoDataset.read_label`."""
        return self._train_ids(self._raw_label(clip, position))

    def resized_label(self, clip: int, position: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Read a label map at (width, height): (h, w) train ids.

        As in the public code, raw ids are resized first, and then mapped to train ids.
        """
        return self._train_ids(resize_label(self._raw_label(clip, position), size))

    def frame_origin(self, clip: int, position: int) -> Origin | None:
        """The key of the image's file; see :meth:`VideoDataset.frame_origin`."""
        return origin(self, self._picture(clip, position), *self._pixel_settings())

    def label_origin(self, clip: int, position: int) -> Origin | None:
        """The key of the label map's file and of the mapping of its ids; see :meth:`VideoDataset.label_origin`."""
        return origin(self, self._label(clip, position), self._lookup.tolist(), *self._pixel_settings())

    def read_flow(self, clip: int, position: int, other: int) -> Flow | None:
        """Read the stored flow position→other; see :meth:`VideoDataset.read_flow`.

        Raises:
            FlowError: there is no file with the name that the public code would give it, or the file is damaged.
        """
        path = self.find_flow(clip, position, other)
        return None if path is None else read_flow(path)

    def find_flow(self, clip: int, position: int, other: int) -> Path | None:
        """The file of the stored flow position→other; see :meth:`VideoDataset.find_flow`."""
        folder, names = self.config.flow_root, self.clips[clip].frames
        if folder is None:
            return None
        name = self.flow_file(clip, position, other)
        if name is None:
            found = f"stored flow goes to the frame before, not to {names[other]}"
            raise FlowError(found, f"{folder}, frame {names[position]}", "Set flow: dis")
        if not (folder / name).is_file():
            found = f"holds no {name}, the flow from frame {names[position]} to {names[other]}"
            raise FlowError(found, str(folder), NO_FILE)
        return folder / name

    def flow_file(self, clip: int, position: int, other: int) -> str | None:
        """The name that the public code gives to a flow file; see :meth:`VideoDataset.flow_file`."""
        names = self.clips[clip].frames
        name = self._flow_name(names[position], names[other])
        return None if name is None else f"{name}_int16_x10.npy"

    def _flow_name(self, frame: str, other: str) -> str | None:
        """The start of the name of the flow file frame→other, from the names of both; None if there is no file."""
        return f"{frame}_{other[-self._layout.digits :]}"

    def _pixel_settings(self) -> Origin:
        """The settings on which frames and label maps at native size depend."""
        return ()

    def _read_ids(self, path: Path) -> NDArray[np.unsignedinteger]:
        """Read the ids (H, W) of a label file, without checking them."""
        return read_ids(path)

    def _train_ids(self, raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Map raw ids (H, W) to train ids (H, W)."""
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
            layout: where the files are.
            classes: the class set that raw ids are mapped to.
            wanted: whether a labelled frame with this number is used, if there is no ``frame_list``.
            every_frame: whether every frame may be the current frame of a sample, not only listed or labelled ones.

        Raises:
            DataError: there are no frames, or the list or the label maps do not fit them.
        """
        self._layout = layout
        self._lookup = train_ids(self._ids, classes)
        if self.config.riders == "ignore" and "rider" not in taxonomy(classes).names:
            self._lookup[class_ids("rider", self._ids)] = IGNORE
        pictures = scan(layout, layout.pictures, layout.pictures_in, layout.picture)
        if not pictures:
            raise DataError("holds no frames", str(layout.pictures), layout.wanted)
        labels = scan(layout, layout.labels, layout.labels_in, layout.label) if layout.labels.is_dir() else {}
        chosen = {key for key in labels if wanted(key[1])}
        if self.config.frame_list is not None:
            chosen = listed(self.config.frame_list, layout, min(pictures.values()))
        self.damage: list[DataError] = []
        self._note(chosen - pictures.keys(), "image", layout.pictures)
        if labels and self.config.frame_list is not None:  # without a list, the labelled frames are the chosen ones
            self._note(chosen - labels.keys(), "label map", layout.labels)
        if not chosen and not every_frame:
            found = "holds no label maps, so it is unknown which frames to use"
            raise DataError(found, str(layout.labels), f"{layout.wanted}; or name the frames in a frame_list")
        self.clips: list[ClipInfo] = []
        self._files: list[tuple[str, ...]] = []
        self._labels: list[dict[int, str]] = []
        for run in runs(pictures, layout.step):
            names = tuple(map(layout.name, run))
            current = tuple(position for position, key in enumerate(run) if key in chosen)
            own = {position: labels[run[position]] for position in current if run[position] in labels}
            self.clips.append(ClipInfo(names[0], names, tuple(own), None, None if every_frame else current))
            self._files.append(tuple(pictures[key] for key in run))
            self._labels.append(own)
        self.taxonomy = taxonomy(classes, self._ids) if any(self._labels) else None

    def _note(self, missing: set[Key], what: str, folder: Path) -> None:
        if not missing:
            return
        error = DataError(
            f"lacks the {what} of {len(missing)} frames, such as {self._layout.name(min(missing))}",
            str(folder),
            "Download the missing files, or set bad_files: skip to use those that exist",
        )
        if self.config.bad_files == "error":
            raise error
        self.damage.append(error)

    def _picture(self, clip: int, position: int) -> Path:
        return self._layout.pictures / self._files[clip][position]

    def _label(self, clip: int, position: int) -> Path:
        return self._layout.labels / self._labels[clip][position]

    def _raw_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a label map: (H, W) raw ids at native size."""
        picture = self._picture(clip, position)
        if position not in self._labels[clip]:
            raise DataError("has no label map", str(picture), "Read label maps of labelled frames only")
        path = self._label(clip, position)
        ids, count = self._read_ids(path), RAW_IDS[self._ids]
        beyond = ids >= count if self._ids not in VOID else (ids >= count) & (ids != VOID[self._ids])
        outside = np.unique(ids[beyond])
        if outside.size:
            found = ", ".join(map(str, outside[:8])) + (", …" if outside.size > 8 else "")
            raise DataError(f"holds ids above {count - 1}, the highest valid id: {found}", str(path), self._other_ids)
        same_shape(path, ids.shape[1::-1], picture)
        return ids.astype(np.uint8, copy=False)
