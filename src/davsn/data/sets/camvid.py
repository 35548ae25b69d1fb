"""CamVid: drives through Cambridge, one frame a second labelled (Brostow, Fauqueur & Cipolla, 2009)."""

import re
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.data.class_tables import ClassSet
from davsn.data.colour_codes import read_painted
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings

_NUMBER = rf"{ANYWHERE}([A-Za-z0-9]+_f?\d?)(\d{{5}})"
"""0001TP_006690, 0006R0_f00930, 0016E5_00390: the first has a digit more, which is always 0."""


class CamVid(Numbered):
    """CamVid as it is downloaded, labels in 32 colours, or as SegNet's authors merged it, in 11 ids.

    Used are the labelled frames; others, taken from the videos, are neighbours. Classes that CamVid cannot show are
    not scored.

    Args:
        config: where the files are.

    Raises:
        DataError: no frames there, or a list or labels that do not fit them.
    """

    class Config(NumberedSettings):
        """Where CamVid is, and which frames and classes of it to use."""

        root: Path
        """Holds the folders of pictures and of labels."""
        frames: str = "701_StillsRaw_full"
        """Name of the folder of pictures, or of folders of them; frames of the videos are named as the stills are."""
        labels: str = "LabeledApproved_full"
        """Name of the folder of labels."""
        form: Literal["colours", "segnet"] = "colours"
        """'colours' for <frame>_L.png in 32 colours, 'segnet' for <frame>.png in SegNet's 11 ids (trainannot)."""
        classes: ClassSet = "viper"
        """Those shared with a source: 'viper', 'synthia' or 'vkitti2'; CamVid can show 10, 12 and 8 of them."""
        step: int = Field(1, ge=1)
        """How many the numbers of neighbours are apart: 1 for all frames of the videos, 2 for the stills at 15 Hz that
        are a part of 0016E5."""
        every_frame: bool = False
        """Use every frame, to train an unlabelled target on or to score temporal consistency with."""

    _other_ids = "Wanted are SegNet's ids, 0 (sky) to 10 (bicyclist) and 11 for none; the 32 colours are form: colours"
    without_neighbours = (
        "The stills are a second apart: take all frames out of CamVid's videos and name their folder as frames, set "
        "step: 2 for the part at 15 Hz, or use single frames with missing: repeat"
    )

    def __init__(self, config: Config) -> None:
        self.config: CamVid.Config = config
        self._ids = "camvid" if config.form == "colours" else "segnet"
        suffix = "_L" if config.form == "colours" else ""
        layout = Layout(
            config.root / config.frames,
            config.root / config.labels,
            re.compile(rf"{_NUMBER}\.png"),
            re.compile(rf"{_NUMBER}{suffix}\.png"),
            5,
            f"Wanted are {config.frames}/0006R0_f00930.png and {config.labels}/0006R0_f00930{suffix}.png",
            step=config.step,
        )
        self._learn(layout, config.classes, every_frame=config.every_frame)
        if config.frame_list is None and not config.every_frame and config.form == "colours":
            self.published = {"used": 701}

    def _read_ids(self, path: Path) -> NDArray[np.unsignedinteger]:
        return read_painted(path, "camvid") if self.config.form == "colours" else super()._read_ids(path)
