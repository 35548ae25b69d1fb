"""ACDC: streets in fog, at night, in rain and in snow (Sakaridis, Dai & Van Gool, ICCV 2021). Labelled stills."""

import re
from pathlib import Path
from typing import Literal

from davsn.data.images import PICTURE_ENDING
from davsn.data.labels.class_tables import ClassSet
from davsn.data.layout import Layout
from davsn.data.numbered import Numbered, NumberedSettings

_CONDITIONS = ("fog", "night", "rain", "snow")


class Acdc(Numbered):
    """ACDC as it is downloaded. The labelled frames are used.

    The frames of a recording are far apart, so they are stills: set ``missing: repeat``. Frames between them, under the
    same names, become neighbours.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames, or the list or the label maps do not fit them.
    """

    class Config(NumberedSettings):
        """Where ACDC is, and which frames and classes of it to use."""

        root: Path
        """The folder with rgb_anon and gt, as the archives rgb_anon_trainvaltest and gt_trainval unpack."""
        split: Literal["train", "val"] = "train"
        """The part to use."""
        condition: Literal["fog", "night", "rain", "snow"] | None = None
        """The condition; null takes all four."""
        classes: ClassSet = "viper"
        """The class set of the source: 'viper' has 15 classes, 'synthia' 12, 'vkitti2' 10, 'gta5' 19."""
        every_frame: bool = False
        """Use every frame, for training on a target without label maps."""

    _ids = "cityscapes"
    _other_ids = "Expected labelIds as they are downloaded; this file may hold labelTrainIds"
    without_neighbours = "The labelled frames are stills: set missing: repeat"

    def __init__(self, config: Config) -> None:
        self.config: Acdc.Config = config
        some = config.condition or "|".join(_CONDITIONS)
        frame = rf"({some})/{config.split}/(\w+)/\2_frame_(\d{{6}})"
        name = f"{config.condition or 'fog'}/{config.split}/GOPR0475/GOPR0475_frame_000041"
        layout = Layout(
            config.root / "rgb_anon",
            config.root / "gt",
            re.compile(rf"{frame}_rgb_anon{PICTURE_ENDING}"),
            re.compile(rf"{frame}_gt_labelIds\.(?i:png)"),
            6,
            f"Expected rgb_anon/{name}_rgb_anon.png and gt/{name}_gt_labelIds.png",
            between="_",
            pictures_in=f"*/{config.split}/*",
            labels_in=f"*/{config.split}/*",
        )
        self._learn(layout, config.classes, every_frame=config.every_frame)
        if config.frame_list is None and not config.every_frame:
            numbers = {name: {"train": 400, "val": 106 if name == "night" else 100} for name in _CONDITIONS}
            chosen = [config.condition] if config.condition else _CONDITIONS
            self.published = {"used": sum(numbers[name][config.split] for name in chosen)}
