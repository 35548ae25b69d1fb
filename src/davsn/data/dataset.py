"""What every data set of video offers. A data set knows its files, frames and neighbours; nobody else does."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.core.errors import DataError, FileError
from davsn.core.plugins import Plugin
from davsn.core.settings import MADE, Settings
from davsn.data.origin import Origin
from davsn.data.taxonomy import Taxonomy
from davsn.data.transforms import resize_label
from davsn.flow.setting import FlowSetting

NO_FILE = (
    "Copy it there, write it with davsn flow RECIPE --estimator dis --out FOLDER, or set flow: dis to need no files"
)
"""The remedy where a file of stored flow is missing."""


class DatasetSettings(Settings):
    """What every data set of a recipe can be told; each data set's ``Config`` adds its own keys."""

    size: tuple[int, int] | None = None
    """(width, height) frames are resized to; None keeps the native size."""
    flow: FlowSetting = Field(default_factory=FlowSetting)
    """Where flow comes from: 'dis', 'zero' or another estimator, or a path to your own .py, and after a comma 'cached'
    or 'checked'; 'exact' or 'stored' for the data set's own. docs/flow.md."""
    stride: int = Field(1, ge=1)
    """How many frames of the clip lie between neighbours, plus one: 1 takes the frame just before."""
    missing: Literal["skip", "repeat", "error"] = "skip"
    """A frame without the wanted neighbour is left out, paired with itself (zero flow), or an error."""
    crop: tuple[int, int] | None = None
    """(width, height) of a random crop in training, after resizing; None takes the whole frame."""
    mirror: bool = False
    """Mirror half of the training clips left to right."""
    colour: float = Field(0.0, ge=0.0, le=1.0)
    """Strength of random brightness, contrast, saturation and hue in training, one draw a clip; 0 is none."""
    bad_files: Literal["error", "skip"] = "error"
    """A file that cannot be read during training stops the run, or is skipped and counted."""
    cached: bool = False
    """Keep decoded and resized frames and labels on disk, and read them from there in every later epoch and run."""
    cache_folder: Annotated[Path | None, MADE] = None
    """Where; null takes $DAVSN_CACHE, or davsn in the user's folder of caches. It may be deleted at any time."""
    cache_limit: float = Field(50.0, gt=0.0)
    """GB that the folder may take; nothing is added beyond."""


@dataclass(frozen=True)
class ClipInfo:
    """One clip of a data set.

    Attributes:
        name: unique in the data set.
        frames: the frames' names in temporal order.
        labelled: positions in ``frames`` that have a label, ascending.
        rate: frames a second, or None where nothing says it.
        chosen: positions that may be the current frame of a sample, ascending, ``labelled`` among them; the other
            frames are neighbours only. None: every frame may.
    """

    name: str
    frames: Sequence[str]
    labelled: Sequence[int] = ()
    rate: float | None = None
    chosen: Sequence[int] | None = None


class VideoDataset(Plugin, ABC, package="davsn.data.sets"):
    """Clips of frames, some with labels, some with flow. Reading is stateless and safe in worker processes.

    Args:
        config: the data set's own settings.

    Raises:
        DataError: nothing usable where the settings point.
    """

    Config: ClassVar[type[DatasetSettings]]
    """The data set's settings class."""

    config: DatasetSettings
    taxonomy: Taxonomy | None
    """The class table of the labels; None for a set without labels."""
    clips: Sequence[ClipInfo]
    damage: Sequence[FileError] = ()
    """What is wrong with files that were accepted in part, because ``bad_files`` is 'skip'."""
    without_neighbours: str = "Single frames need missing: repeat"
    """What to do where no frame at all has its neighbour."""
    published: Mapping[Literal["clips", "frames", "used"], int] = {}
    """How many there are in a whole copy of a published data set with these settings, as far as it is known: clips,
    frames, and frames that are used, which are those that may be a sample's current one."""

    @abstractmethod
    def __init__(self, config: DatasetSettings) -> None: ...

    @classmethod
    def classes_of(cls, config: DatasetSettings) -> Taxonomy | None:
        """The class table, where settings alone tell it, so that a network can be used without data at hand."""
        return None

    @abstractmethod
    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        """(H, W, 3) RGB at native size.

        Raises:
            DataError: unreadable; names file, frame and remedy.
        """

    def read_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        """(H, W) train ids, 255 = ignore, at native size.

        Raises:
            DataError: no label here, unreadable, of a wrong mode, or with ids outside the class table.
        """
        raise NotImplementedError(f"{type(self).__name__} has no labels")

    def file_name(self, clip: int, position: int) -> str:
        """What files about a frame are called, without suffix: like its picture, unique in the data set."""
        info = self.clips[clip]
        return f"{info.name}/{info.frames[position]}"

    def resized_label(self, clip: int, position: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """(h, w) train ids at the (width, height) of training, nearest pixel; see :meth:`read_label`.

        A data set whose protocol treats labels at that size, not at their own, does it here.
        """
        return resize_label(self.read_label(clip, position), size)

    def frame_origin(self, clip: int, position: int) -> Origin | None:
        """All that the pixels of :meth:`read_frame` depend on, so that a kept copy is never taken for another frame.

        See :func:`davsn.data.origin.origin`, which makes it of files and settings.

        Returns:
            None where the frame is not to be kept.

        Raises:
            DataError: the data set does not say.
        """
        raise DataError(
            f"{type(self).__name__} does not say what its frames depend on, so they cannot be cached",
            remedy="Give it a method frame_origin (docs/data.md), or set cached: false",
        )

    def label_origin(self, clip: int, position: int) -> Origin | None:
        """The same for :meth:`resized_label`, but for the size; a data set that does not say keeps no labels."""
        return None

    def read_flow(
        self, clip: int, position: int, other: int
    ) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None] | None:
        """The data set's own flow position→other, for the settings 'exact' and 'stored'.

        Returns:
            (h, w, 2) flow in pixels of its own resolution and its (h, w) validity mask, or None for the
            mask where all is valid; None where the data set has no flow of its own.
        """
        return None

    def find_flow(self, clip: int, position: int, other: int) -> Path | None:
        """The file that holds the flow that :meth:`read_flow` reads; None where it is not in a file.

        Raises:
            FlowError: there should be one, and is not.
        """
        return None

    def flow_file(self, clip: int, position: int, other: int) -> str | None:
        """The name below flow_root of the file in tenths of a pixel that holds the flow position→other for 'stored'.

        Returns:
            None where the data set reads no such files, or none of this pair.
        """
        return None
