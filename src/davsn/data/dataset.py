"""The interface of every video data set. Only the data set itself knows its files, frames and neighbours."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from davsn.core.errors import DataError, FileError
from davsn.core.plugins import Plugin
from davsn.core.settings import MADE, Settings
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.origin import Origin
from davsn.data.randomisation import Photometric, Style
from davsn.data.transforms import Size, resize_label
from davsn.flow.setting import FlowSetting

Value = TypeVar("Value")
NO_FILE = (
    "Copy it there, write it with davsn flow RECIPE --estimator dis --out FOLDER, or set flow: dis, which needs no file"
)
"""What an error suggests when a file of stored flow is missing."""


def _a_size(value: object, handler: ValidatorFunctionWrapHandler) -> Size:
    """Validate a size. Pydantic alone would report one mistake for each form that a size can have."""
    try:
        size: Size = handler(value)
    except ValidationError:
        raise ValueError(
            f"should be [width, height], or the height alone as one number from 8, but got {value!r}"
        ) from None
    return size


Side = Annotated[int, Field(ge=1)]
FrameSize = Annotated[tuple[Side, Side] | Annotated[int, Field(ge=8)], WrapValidator(_a_size)]
"""A :data:`davsn.data.transforms.Size` in settings."""


class DatasetSettings(Settings):
    """The settings that every data set of a recipe has. Each data set's ``Config`` adds its own keys."""

    size: FrameSize | None = None
    """[width, height] that frames are resized to; or one number, their height, and each frame keeps its own aspect.
    Its width is then rounded to a multiple of 8. null keeps the native size."""
    flow: FlowSetting = Field(default_factory=FlowSetting)
    """Where flow comes from: an estimator such as 'dis' or 'zero', or the path of your own .py file. 'cached' and
    'checked' may follow, after commas. 'exact' and 'stored' take the data set's own flow. See docs/flow.md."""
    stride: int = Field(1, ge=1)
    """The distance between neighbours, in frames of the clip: 1 takes the frame just before."""
    missing: Literal["skip", "repeat", "error"] = "skip"
    """What to do with a frame that lacks the required neighbour: 'skip' leaves it out, 'repeat' pairs it with itself
    (zero flow), 'error' stops the run."""
    crop: tuple[int, int] | None = None
    """(width, height) of a random crop in training, after resizing; null takes the whole frame."""
    scale: tuple[float, float] | None = None
    """Smallest and largest random factor by which the frames of a training clip are resized before the crop. It is
    drawn uniformly, once a clip, from those at which the crop fits. null resizes nothing."""
    crop_limit: float | None = Field(None, gt=0.0, lt=1.0)
    """Draw up to ten crops, until no class fills more than this share of the labelled pixels. DAFormer sets 0.75. null
    takes the first. It has no effect without labels."""
    mirror: bool = False
    """Mirror half of the training clips left to right."""
    colour: float = Field(0.0, ge=0.0, le=1.0)
    """Strength of the random changes of brightness, contrast, saturation and hue in training. They are drawn once a
    clip. 0 changes nothing."""
    photometric: Photometric | None = None
    """Strong random changes of colours and sharpness in training, for a share of the clips; null changes nothing."""
    style: Style | None = None
    """Transfer of the style of random target frames in training, for a share of the source's clips; null changes
    nothing. Only the source takes it."""
    bad_files: Literal["error", "skip"] = "error"
    """What to do with a file that cannot be read: 'error' stops the run. 'skip' trains on another sample and counts
    the file; scores leave the frame out, with a warning."""
    cached: bool = False
    """Keep decoded and resized frames and label maps on disk. Every later epoch and run reads them from there."""
    cache_folder: Annotated[Path | None, MADE] = None
    """The folder of the cache; null takes $DAVSN_CACHE, or davsn in the user's cache folder. You may delete it at any
    time."""
    cache_limit: float = Field(50.0, gt=0.0)
    """Largest size of the cache folder, in GB. When it is full, nothing more is added."""

    @field_validator("scale")
    @classmethod
    def _is_a_range(cls, scale: tuple[float, float] | None) -> tuple[float, float] | None:
        if scale is not None and not 0 < scale[0] <= scale[1] < math.inf:
            raise ValueError(
                f"should be the smallest and the largest factor, such as [0.5, 2.0], but got {list(scale)}"
            )
        return scale

    @field_validator("scale", "crop_limit")
    @classmethod
    def _has_a_crop(cls, value: Value, info: ValidationInfo) -> Value:
        if value is not None and info.data.get("crop", ...) is None:
            raise ValueError("has no effect without a crop. Set 'crop' too")
        return value


@dataclass(frozen=True)
class ClipInfo:
    """One clip of a data set.

    Attributes:
        name: the clip's name, unique in the data set.
        frames: the frames' names in temporal order.
        labelled: positions in ``frames`` that have a label map, ascending.
        rate: frames a second, or None if it is unknown.
        chosen: positions that may be the current frame of a sample, ascending. They include ``labelled``; all other
            frames are neighbours only. None: every frame may be a current frame.
    """

    name: str
    frames: Sequence[str]
    labelled: Sequence[int] = ()
    rate: float | None = None
    chosen: Sequence[int] | None = None


@dataclass(frozen=True)
class Group:
    """Clips of a data set that training draws with a share of their own.

    Attributes:
        clips: the clips' positions in the data set.
        share: how many of the samples come from them; the shares of all groups add up to 1.
    """

    clips: range
    share: float


class VideoDataset(Plugin, ABC, package="davsn.data.sets"):
    """A data set of clips. Frames may have label maps, and pairs of frames may have flow.

    Reading is stateless and safe in worker processes.

    Args:
        config: the data set's own settings.

    Raises:
        DataError: the settings point to nothing that can be used.
    """

    Config: ClassVar[type[DatasetSettings]]
    """The data set's settings class."""

    config: DatasetSettings
    taxonomy: Taxonomy | None
    """The class table of the label maps; None for a data set without labels."""
    clips: Sequence[ClipInfo]
    damage: Sequence[FileError] = ()
    """The errors of files that were accepted in part because ``bad_files`` is 'skip'."""
    draws_labels: bool = False
    """Whether the label maps are drawn and not read, so that they cannot be wrong. Then nobody looks through them."""
    notes: Sequence[str] = ()
    """What is worth knowing about how the files were understood, such as which folder the label maps are in."""
    without_neighbours: str = "Single frames need missing: repeat"
    """What an error suggests when not a single frame has its neighbour."""
    groups: Sequence[Group] = ()
    """Which clips are drawn how often in training; empty: all frames alike."""
    published: Mapping[Literal["clips", "frames", "used"], int] = {}
    """The number of clips, of frames and of used frames in a complete copy of a published data set with these settings,
    as far as they are known. A used frame may be the current frame of a sample."""

    @abstractmethod
    def __init__(self, config: DatasetSettings) -> None: ...

    @classmethod
    def classes_of(cls, config: DatasetSettings) -> Taxonomy | None:
        """The class table, if the settings alone determine it; else None.

        With it, a network can be used without the data.
        """
        return None

    def summary(self) -> str:
        """Say which clips the data set has: their number, their frames and label maps, and the first names."""
        infos = self.clips
        frames, labelled = sum(len(info.frames) for info in infos), sum(len(info.labelled) for info in infos)
        names = ", ".join(info.name for info in infos[:3]) + (f" and {len(infos) - 3} more" if len(infos) > 3 else "")
        told = f"{len(infos)} clip{'s' * (len(infos) != 1)} with {frames} frame{'s' * (frames != 1)}"
        return f"{told}{f', {labelled} with a label map' if labelled else ''}: {names}"

    def doubts(self) -> Sequence[FileError]:
        """Name what is suspicious and would still be trained on, from names and a few frames, as errors not raised."""
        return ()

    @abstractmethod
    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a frame: (H, W, 3) RGB at its native size.

        Raises:
            DataError: the frame cannot be read. The error names the file, the frame and a remedy.
        """

    def read_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a label map: (H, W) train ids, 255 = ignore, at its native size.

        Raises:
            DataError: the frame has no label map, or it cannot be read, has a wrong mode, or has ids outside the
                class table.
        """
        raise NotImplementedError(f"{type(self).__name__} has no labels")

    def file_name(self, clip: int, position: int) -> str:
        """The name of files about a frame, without suffix. It resembles the image's name and is unique in the set."""
        info = self.clips[clip]
        return f"{info.name}/{info.frames[position]}"

    def resized_label(self, clip: int, position: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Read a label map at the (width, height) of training: (h, w) train ids, nearest pixel; see :meth:`read_label`.

        A data set overrides this method if its protocol processes label maps at that size, not at their own.
        """
        return resize_label(self.read_label(clip, position), size)

    def frame_origin(self, clip: int, position: int) -> Origin | None:
        """Everything that the pixels of :meth:`read_frame` depend on.

        The cache uses it as a key, so that a cached copy is never taken for another frame.
        :func:`davsn.data.origin.origin` makes it from files and settings.

        Returns:
            The key, or None if the frame is not to be cached.

        Raises:
            DataError: the data set does not define this method.
        """
        raise DataError(
            f"{type(self).__name__} has no method frame_origin, so its frames cannot be cached",
            remedy="Add the method (docs/data.md), or set cached: false",
        )

    def label_origin(self, clip: int, position: int) -> Origin | None:
        """Everything that the pixels of :meth:`resized_label` depend on, except the size; see :meth:`frame_origin`.

        A data set that does not override this method caches no label maps.
        """
        return None

    def read_flow(
        self, clip: int, position: int, other: int
    ) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None] | None:
        """Read the data set's own flow position→other, for the settings 'exact' and 'stored'.

        Returns:
            The flow (h, w, 2) in pixels of its own resolution, and its valid mask (h, w), which is None if every
            pixel is valid. None instead of both if the data set has no flow of its own.
        """
        return None

    def find_flow(self, clip: int, position: int, other: int) -> Path | None:
        """The file that :meth:`read_flow` reads; None if the flow is not in a file.

        Raises:
            FlowError: the file should exist, but does not.
        """
        return None

    def flow_file(self, clip: int, position: int, other: int) -> str | None:
        """The name, below flow_root, of the file with the flow position→other in tenths of a pixel, for 'stored'.

        Returns:
            The name, or None if the data set reads no such files, or none for this pair.
        """
        return None
