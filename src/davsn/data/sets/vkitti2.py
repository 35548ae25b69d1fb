"""Virtual KITTI 2: five drives of KITTI rebuilt in a game engine (Cabon, Murray & Humenberger, 2020)."""

import re
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationInfo, field_validator

from davsn.core.errors import FlowError
from davsn.data.class_tables import ClassSet
from davsn.data.colour_codes import read_painted
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings
from davsn.flow.files.io import Flow
from davsn.flow.files.relative import read_relative

Variation = Literal[
    "clone",
    "fog",
    "morning",
    "overcast",
    "rain",
    "sunset",
    "15-deg-left",
    "15-deg-right",
    "30-deg-left",
    "30-deg-right",
]


class Vkitti2(Numbered):
    """Virtual KITTI 2 with its archives unpacked into one folder; every frame is labelled and used.

    Its own flow is read where ``flow`` is 'stored': to the frame before from ``backwardFlow``, to the frame after from
    ``forwardFlow``. Neither can be had from the other by changing a sign, for they are defined on different frames.

    Args:
        config: where the files are.

    Raises:
        DataError: no frames or no labels there, or a list that does not fit them.
    """

    class Config(NumberedSettings):
        """Where Virtual KITTI 2 is, and which frames and classes of it to use."""

        root: Path
        """Holds Scene01/clone/frames/rgb/Camera_0/rgb_00000.jpg and so on, as all archives unpack."""
        variation: Variation = "clone"
        """Weather, time of day, or how the camera is turned."""
        scenes: tuple[int, ...] | None = None
        """Numbers of the scenes to use, such as [1, 2, 18, 20]; null takes all."""
        camera: Literal[0, 1] = 0
        """0 is the left one, 1 the right."""
        classes: ClassSet = "vkitti2"
        """'vkitti2' for the 10 shared with Cityscapes. It shows 9 of 'viper' and 8 of 'synthia', no more."""
        flow_root: Path | None = None
        """For flow: stored, the folder that the archives of flow unpacked into, where it is another than root."""

        @field_validator("flow_root")
        @classmethod
        def _told(cls, flow_root: Path | None, info: ValidationInfo) -> Path | None:
            return flow_root  # it need not be told: root may hold the flow as well

    _ids = "vkitti2"
    _other_ids = "Wanted are the colours of colors.txt"
    without_neighbours = "Frame 00001 needs 00000: unpack the archives whole; single frames need missing: repeat"

    def __init__(self, config: Config) -> None:
        self.config: Vkitti2.Config = config
        scene = r"Scene\d\d" if config.scenes is None else "|".join(f"Scene{number:02d}" for number in config.scenes)
        place, camera = f"{config.variation}/frames", f"Camera_{config.camera}"
        drive = rf"{ANYWHERE}({scene})/({config.variation})/frames"
        layout = Layout(
            config.root,
            config.root,
            re.compile(rf"{drive}/rgb/{camera}/rgb_(\d{{5}})\.jpg"),
            re.compile(rf"{drive}/class[sS]egmentation/{camera}/classgt_(\d{{5}})\.png"),
            5,
            f"Wanted are Scene01/{place}/rgb/{camera}/rgb_00000.jpg and "
            f"Scene01/{place}/classSegmentation/{camera}/classgt_00000.png",
            between="_",
            pictures_in=f"Scene*/{place}/rgb/{camera}",
            labels_in=f"Scene*/{place}/class[sS]egmentation/{camera}",
        )
        self._learn(layout, config.classes)
        if config.frame_list is None and config.scenes is None:
            self.published = {"frames": 2_126}

    def read_flow(self, clip: int, position: int, other: int) -> Flow | None:
        """The flow that came with the data set; see :meth:`VideoDataset.read_flow`.

        Raises:
            FlowError: flow to another frame than a neighbour, no file, or a damaged one.
        """
        return read_relative(self.find_flow(clip, position, other))

    def find_flow(self, clip: int, position: int, other: int) -> Path:
        """The file that :meth:`read_flow` reads.

        Raises:
            FlowError: flow to another frame than a neighbour, or no file.
        """
        frames, picture = self.clips[clip].frames, self._files[clip][position]
        kinds = {-1: ("backwardFlow", "backwardFlow"), 1: ("forwardFlow", "flow")}
        if other - position not in kinds:
            found = f"stored flow goes to the frame before or after, not to {frames[other]}"
            raise FlowError(found, f"{self.config.root}, frame {frames[position]}", "Set stride: 1, or flow: dis")
        kind, name = kinds[other - position]
        root = self.config.flow_root or self.config.root
        folder = root / picture.rpartition("/rgb/")[0] / kind / f"Camera_{self.config.camera}"
        path = folder / f"{name}_{picture[-9:-4]}.png"
        if not path.is_file():
            found = f"holds no {path.name}, the flow of frame {frames[position]} to {frames[other]}"
            remedy = f"Unpack vkitti_2.0.3_{kind}.tar into {root}, or set flow: dis to estimate flow on the fly"
            raise FlowError(found, str(folder), remedy)
        return path

    def _read_ids(self, path: Path) -> NDArray[np.unsignedinteger]:
        return read_painted(path, "vkitti2")
