"""VIPER: street scenes from a game, with every frame labelled (Richter et al., Playing for Benchmarks, 2017)."""

import re
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.data.dataset import DatasetSettings
from davsn.data.images import PICTURE_ENDING
from davsn.data.labels.class_tables import taxonomy
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings

_NUMBER = rf"{ANYWHERE}(\d{{3}}_)(\d{{5}})"
_CAR = 24
_UNLABELLED = 0


class Viper(Numbered):
    """VIPER as it is downloaded, with the 15 classes of the published protocol. The ego vehicle is ignored.

    The labelled frames whose number ends in 0 are used. The other frames are neighbours.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames or no label maps, or the list does not fit them.
    """

    class Config(NumberedSettings):
        """Where VIPER is, and which frames of it to use."""

        root: Path
        """The folder that holds <split>/img/001/001_00010.jpg (or .png) and <split>/cls/001/001_00010.png, as VIPER
        unpacks."""
        split: Literal["train", "val"] = "train"
        """The part to use."""
        every: int = Field(10, ge=1)
        """Use the labelled frames whose number is a multiple of this; 10 is the published choice, 1 takes all."""

    _ids = "viper"
    _other_ids = "VIPER's cls files hold ids up to 31; these may have been mapped to other ids before"
    without_neighbours = (
        "The neighbours of frames that end in 0 end in 9; they are in VIPER's image archives [2-9]. "
        "Single frames need missing: repeat"
    )

    def __init__(self, config: Config) -> None:
        self.config: Viper.Config = config
        layout = Layout(
            config.root / config.split / "img",
            config.root / config.split / "cls",
            re.compile(rf"{_NUMBER}{PICTURE_ENDING}"),
            re.compile(rf"{_NUMBER}\.(?i:png)"),
            5,
            f"Expected {config.split}/img/001/001_00010.jpg (or .png) and {config.split}/cls/001/001_00010.png",
        )
        self._learn(layout, "viper", lambda number: number % config.every == 0)
        if config.split == "train" and config.every == 10 and config.frame_list is None:
            self.published = {"used": 13_367}

    @classmethod
    def classes_of(cls, config: DatasetSettings) -> Taxonomy:
        """The published class table; see :meth:`VideoDataset.classes_of`."""
        return taxonomy("viper")

    def _flow_name(self, frame: str, other: str) -> str:
        return frame + other[-5:]

    def _train_ids(self, raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return super()._train_ids(without_own_car(raw))


def without_own_car(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Remove the ego vehicle, the car that carries the camera, from a label map, as the public code does.

    If the middle of the last row is a car, that car is removed: all car pixels connected to it, by sides or corners.
    The result depends on the size of the label map. So call this at the size that is used.

    Args:
        raw: (H, W) VIPER ids.

    Returns:
        (H, W) ids with 0 (unlabelled) instead of the ego vehicle; the input itself if it shows none.
    """
    middle = raw.shape[1] // 2
    if raw[-1, middle] != _CAR:
        return raw
    filled: NDArray[np.uint8] = np.array(raw, order="C")
    cv2.floodFill(filled, None, (middle, raw.shape[0] - 1), _UNLABELLED, flags=8)
    return filled
