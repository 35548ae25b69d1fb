"""VIPER: street scenes of a game, labelled frame by frame (Richter et al., Playing for Benchmarks, 2017)."""

import re
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.data.class_tables import taxonomy
from davsn.data.dataset import DatasetSettings
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings
from davsn.data.taxonomy import Taxonomy

_NUMBER = rf"{ANYWHERE}(\d{{3}}_)(\d{{5}})"
_CAR = 24
_UNLABELLED = 0


class Viper(Numbered):
    """VIPER as it is downloaded: the 15 classes of the published protocol, the own car ignored.

    Used are the labelled frames whose number ends in 0; the others are neighbours.

    Args:
        config: where the files are.

    Raises:
        DataError: no frames or no labels there, or a list that does not fit them.
    """

    class Config(NumberedSettings):
        """Where VIPER is, and which frames of it to use."""

        root: Path
        """Holds <split>/img/001/001_00010.jpg or .png and <split>/cls/001/001_00010.png, as VIPER unpacks."""
        split: Literal["train", "val"] = "train"
        """Which part."""
        every: int = Field(10, ge=1)
        """Use the labelled frames whose number divides by this; 10 is the published choice, 1 takes all."""

    _ids = "viper"
    _other_ids = "VIPER's cls files hold ids up to 31: were these mapped to other ids before?"
    without_neighbours = (
        "Frames before those that end in 0 end in 9, and are in VIPER's pack of images [2-9]; "
        "single frames need missing: repeat"
    )

    def __init__(self, config: Config) -> None:
        self.config: Viper.Config = config
        layout = Layout(
            config.root / config.split / "img",
            config.root / config.split / "cls",
            re.compile(rf"{_NUMBER}\.(?:jpg|png)"),
            re.compile(rf"{_NUMBER}\.png"),
            5,
            f"Wanted are {config.split}/img/001/001_00010.jpg (or .png) and {config.split}/cls/001/001_00010.png",
        )
        self._learn(layout, "viper", lambda number: number % config.every == 0)
        if config.split == "train" and config.every == 10 and config.frame_list is None:
            self.published = {"used": 13_367}

    @classmethod
    def classes_of(cls, config: DatasetSettings) -> Taxonomy:
        """The published table; see :meth:`VideoDataset.classes_of`."""
        return taxonomy("viper")

    def _flow_name(self, frame: str, other: str) -> str:
        return frame + other[-5:]

    def _train_ids(self, raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return super()._train_ids(without_own_car(raw))


def without_own_car(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The label without the car that carries the camera, as the public code removes it.

    That is the car that the middle of the last row belongs to, with all car pixels joined to it side by side or
    corner to corner. Its shape depends on the label's size: do it at the size that is used.

    Args:
        raw: (H, W) VIPER ids.

    Returns:
        (H, W) with 0, unlabelled, in its place; the input itself where there is no such car.
    """
    middle = raw.shape[1] // 2
    if raw[-1, middle] != _CAR:
        return raw
    filled: NDArray[np.uint8] = np.array(raw, order="C")
    cv2.floodFill(filled, None, (middle, raw.shape[0] - 1), _UNLABELLED, flags=8)
    return filled
