"""CamVid: drives through Cambridge, with one labelled frame a second (Brostow, Fauqueur & Cipolla, 2009)."""

import re
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.data.images import PICTURE_ENDING
from davsn.data.labels.class_tables import ClassSet
from davsn.data.labels.colour_codes import read_painted
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings

_NUMBER = rf"{ANYWHERE}([A-Za-z0-9]+_f?\d?)(\d{{5}})"
"""Names such as 0001TP_006690, 0006R0_f00930, 0016E5_00390. The first has an extra digit, which is always 0."""


class CamVid(Numbered):
    """CamVid as it is downloaded, with label maps in 32 colours, or as SegNet's authors merged it, with 11 ids.

    The labelled frames are used. Other frames, extracted from the videos, are neighbours. Classes that CamVid cannot
    show are not scored.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames, or the list or the label maps do not fit them.
    """

    class Config(NumberedSettings):
        """Where CamVid is, and which frames and classes of it to use."""

        root: Path
        """The folder that holds the folders of images and of label maps."""
        frames: str = "701_StillsRaw_full"
        """Name of the folder of images, or of folders of images. Frames from the videos have names like the stills."""
        labels: str = "LabeledApproved_full"
        """Name of the folder of label maps."""
        form: Literal["colours", "segnet"] = "colours"
        """Form of the label maps: 'colours' for <frame>_L.png in 32 colours, 'segnet' for <frame>.png with SegNet's 11
        ids (trainannot)."""
        classes: ClassSet = "viper"
        """The class set of the source: 'viper', 'synthia', 'vkitti2' or 'gta5'. CamVid shows 10, 12, 8
        and 14 of their classes."""
        step: int = Field(1, ge=1)
        """Difference of the numbers of two neighbours: 1 for all frames of the videos, 2 for the stills at 15 Hz in a
        part of 0016E5."""
        every_frame: bool = False
        """Use every frame, for training on an unlabelled target or for scoring temporal consistency."""

    _other_ids = "Expected SegNet's ids, 0 (sky) to 10 (bicyclist) and 11 for none. For 32 colours set form: colours"
    without_neighbours = (
        "The stills are a second apart. Extract all frames from CamVid's videos and name their folder as frames, set "
        "step: 2 for the part at 15 Hz, or use single frames with missing: repeat"
    )

    def __init__(self, config: Config) -> None:
        self.config: CamVid.Config = config
        self._ids = "camvid" if config.form == "colours" else "segnet"
        suffix = "_L" if config.form == "colours" else ""
        layout = Layout(
            config.root / config.frames,
            config.root / config.labels,
            re.compile(rf"{_NUMBER}{PICTURE_ENDING}"),
            re.compile(rf"{_NUMBER}{suffix}\.(?i:png)"),
            5,
            f"Expected {config.frames}/0006R0_f00930.png and {config.labels}/0006R0_f00930{suffix}.png",
            step=config.step,
        )
        self._learn(layout, config.classes, every_frame=config.every_frame)
        if config.frame_list is None and not config.every_frame and config.form == "colours":
            self.published = {"used": 701}

    def _read_ids(self, path: Path) -> NDArray[np.unsignedinteger]:
        return read_painted(path, "camvid") if self.config.form == "colours" else super()._read_ids(path)
