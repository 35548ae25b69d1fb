"""``streets``: the built-in synthetic data set. A seed gives a driving world in two appearances.

Its labels and its flow are exact.
"""

import math
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from davsn.core.clip import IGNORE
from davsn.core.errors import DataError
from davsn.data.dataset import ClipInfo, DatasetSettings, VideoDataset
from davsn.data.labels.class_tables import CLASSES, ClassSet, named_train_ids, taxonomy
from davsn.data.labels.merged_classes import merged_classes
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.origin import Origin, origin
from davsn.streets import appearance, domains, motion
from davsn.streets.categories import Category
from davsn.streets.render import View, view
from davsn.streets.variety import Home
from davsn.streets.world import WorldKey, fastest

NATIVE_SIZE = (256, 128)
"""The default size (width, height) of frames."""
_APPEARANCE = {"seed", "split", "domain", "gap", "size", "rate"}
"""The settings on which the pixels of a frame depend; ``variety`` joins them where it is not 0."""
Side = Annotated[int, Field(ge=16, le=8192)]
GAP = 0.6
"""The default gap. With it, training on game labels alone gives about half the mIoU of training on camera labels
(benchmarks/studies/streets_gap.py)."""


class Config(DatasetSettings):
    """Settings of ``streets``. ``size`` is the size that frames are drawn at."""

    size: tuple[Side, Side] | None = None
    """(width, height) that frames are drawn at; null is 256×128."""
    domain: Literal["game", "camera", "dashcam"] = "game"
    """The appearance: 'game' is clean, saturated and flatly lit; 'camera' has haze, optics, noise and other colours.
    'dashcam' looks as 'camera' does, and shows other streets: another layout, other class shares, a low wide-angle
    camera, traffic that keeps left. game→dashcam is meant to be harder than game→camera."""
    gap: float = Field(GAP, ge=0.0, le=1.0)
    """How much the colours and optics of 'camera' and 'dashcam' differ from those of 'game'; at 0 they are the same."""
    variety: float = Field(0.0, ge=0.0, le=1.0)
    """How much clips differ from one another: in things and class shares, layout, camera, light and weather. At 0 all
    clips are of one kind; 1 is meant for networks that will see real video."""
    classes: ClassSet | Path = "viper"
    """The class set: 'viper' has the 15 classes of VIPER→Cityscapes-Seq, 'synthia' the 12 of
    SYNTHIA-Seq→Cityscapes-Seq, 'vkitti2' the 10 that Virtual KITTI 2 shares with Cityscapes, 'gta5' the 19 of
    Cityscapes, of which walls and trains are not drawn. Or a class table of your own, which merges or drops classes."""
    riders: Literal["person", "ignore"] = "person"
    """What a rider counts as where the class table has persons and no riders: 'person', or 'ignore', as in the protocol
    ``unified``."""
    split: Literal["train", "val"] = "train"
    """The part to use. The two parts of a seed share no clip."""
    seed: int = Field(0, ge=0)
    """The seed of the world. Different seeds share no clip. Both domains of a seed and split show the same world."""
    clips: int = Field(12, ge=1)
    """Number of clips."""
    length: int = Field(30, ge=1)
    """Number of frames a clip."""
    rate: float = Field(15.0, gt=0)
    """Frames a second."""

    @field_validator("size", mode="before")
    @classmethod
    def _has_both_sides(cls, size: object) -> object:
        if isinstance(size, int):
            raise ValueError(
                f"streets has no aspect of its own to keep. Give [width, height], such as [{2 * size}, {size}]"
            )
        return size


class Streets(VideoDataset):
    """The data set ``streets``. Every frame has a label map, and exact flow to every frame of its clip.

    A frame depends only on seed, split, domain, gap, variety, size, rate, clip and position. It does not depend on the
    number of clips, their length, the order of reading, the process or the number of threads.
    """

    Config = Config
    draws_labels = True

    def __init__(self, config: DatasetSettings) -> None:
        assert isinstance(config, Config)
        self.config: Config = config
        chosen = config.classes
        table = merged_classes(chosen)[0] if isinstance(chosen, Path) else taxonomy(chosen)
        undrawn = () if isinstance(chosen, Path) else set(table.names) - {*CLASSES}
        self.taxonomy: Taxonomy = replace(table, unscored=table.unscored.union(undrawn))
        frames = [f"{position:06d}" for position in range(config.length)]
        names = [f"{config.split}{config.seed:03d}_{clip:03d}" for clip in range(config.clips)]
        self.clips = [ClipInfo(name, frames, range(config.length), config.rate) for name in names]

    @cached_property
    def _ids(self) -> NDArray[np.uint8]:
        return train_ids(self.config.classes, self.config.riders == "ignore")

    def _view(self, clip: int, position: int) -> View:
        clips, length = self.config.clips, self.config.length
        if not (0 <= clip < clips and 0 <= position < length):
            raise DataError(
                f"has no frame {position} of clip {clip}",
                "streets",
                f"With these settings, clips 0 to {clips - 1} have frames 0 to {length - 1}",
            )
        reach = 200 * math.ceil(fastest(self.config.length / self.config.rate) / 200)
        home: Home = "dashcam" if self.config.domain == "dashcam" else "street"
        key = WorldKey(self.config.seed, int(self.config.split == "val"), clip, reach, self.config.variety, home)
        return view(key, position / self.config.rate, self.config.size or NATIVE_SIZE)

    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Draw a frame: (H, W, 3) RGB."""
        share = 0.0 if self.config.domain == "game" else self.config.gap
        seen = self._view(clip, position)
        return domains.develop(appearance.colour(seen, share), seen, share)

    def frame_origin(self, clip: int, position: int) -> Origin | None:
        """Everything that a frame depends on; see :meth:`VideoDataset.frame_origin`."""
        return origin(self, clip, position, self._settings())

    def label_origin(self, clip: int, position: int) -> Origin | None:
        """Everything that a label map depends on: the same as a frame, and the train id of each category."""
        return origin(self, clip, position, {**self._settings(), "ids": self._ids.tolist()})

    def _settings(self) -> dict[str, object]:
        """The settings that pixels depend on, as plain data; those of variety 0 do not name it."""
        return self.config.model_dump(
            mode="json", include=_APPEARANCE | ({"variety"} if self.config.variety else set())
        )

    def read_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Draw a label map: (H, W) train ids, 255 = ignore."""
        return np.asarray(self._ids[self.read_categories(clip, position)])

    def read_categories(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Draw the :class:`~davsn.streets.categories.Category` of every pixel (H, W), whatever the class set."""
        return self._view(clip, position).category

    def read_flow(self, clip: int, position: int, other: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Compute the exact flow position→other: (H, W, 2) in pixels.

        The second result is the (H, W) valid mask. It is true where the content of a pixel is visible in the other
        frame.
        """
        return motion.flow(self._view(clip, position), self._view(clip, other))


def train_ids(classes: ClassSet | Path, ignore_riders: bool = False) -> NDArray[np.uint8]:
    """(256,) lookup from :class:`Category` to train ids; 255 for categories that the class table leaves out.

    Args:
        classes: the class set, or a class table.
        ignore_riders: whether riders are 255, instead of persons, where the class table has no riders.
    """
    names = [(category, category.name.lower()) for category in Category]
    if isinstance(classes, Path):
        table, merged = merged_classes(classes)
        ids = table.mapping([(category, merged[name]) for category, name in names if name in merged])
    else:
        table, ids = taxonomy(classes), named_train_ids(names, classes)
    if ignore_riders and "rider" not in table.names:
        ids[Category.RIDER] = IGNORE
    return ids
