"""Virtual KITTI 2: five drives of KITTI rebuilt in a game engine (Cabon, Murray & Humenberger, 2020)."""

import re
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationInfo, field_validator

from davsn.core.errors import FlowError
from davsn.data.images import PICTURE_ENDING
from davsn.data.labels.class_tables import ClassSet
from davsn.data.labels.colour_codes import read_painted
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
    """Virtual KITTI 2 with its archives unpacked into one folder. Every frame is labelled and used.

    If ``flow`` is 'stored', the data set's own flow is read: to the frame before from ``backwardFlow``, to the frame
    after from ``forwardFlow``. One is not the other with its sign changed, because they are defined on different
    frames.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames or no label maps, or the list does not fit them.
    """

    class Config(NumberedSettings):
        """Where Virtual KITTI 2 is, and which frames and classes of it to use."""

        root: Path
        """The folder that holds Scene01/clone/frames/rgb/Camera_0/rgb_00000.jpg and so on, as all archives unpack."""
        variation: Variation = "clone"
        """The variation: weather, time of day, or how the camera is turned."""
        scenes: tuple[int, ...] | None = None
        """Numbers of the scenes to use, such as [1, 2, 18, 20]; null takes all."""
        camera: Literal[0, 1] = 0
        """The camera: 0 is the left one, 1 the right one."""
        classes: ClassSet = "vkitti2"
        """The class set: 'vkitti2' has the 10 classes shared with Cityscapes. The data set shows only 9 of 'viper' and
        8 of 'synthia'."""
        flow_root: Path | None = None
        """For flow: stored, the folder into which the flow archives were unpacked, if it is not root."""

        @field_validator("flow_root")
        @classmethod
        def _told(cls, flow_root: Path | None, info: ValidationInfo) -> Path | None:
            return flow_root  # not required, because root may hold the flow too

    _ids = "vkitti2"
    _other_ids = "Expected the colours of colors.txt"
    without_neighbours = "Frame 00001 needs 00000. Unpack the complete archives; single frames need missing: repeat"

    def __init__(self, config: Config) -> None:
        self.config: Vkitti2.Config = config
        scene = r"Scene\d\d" if config.scenes is None else "|".join(f"Scene{number:02d}" for number in config.scenes)
        place, camera = f"{config.variation}/frames", f"Camera_{config.camera}"
        drive = rf"{ANYWHERE}({scene})/({config.variation})/frames"
        layout = Layout(
            config.root,
            config.root,
            re.compile(rf"{drive}/rgb/{camera}/rgb_(\d{{5}}){PICTURE_ENDING}"),
            re.compile(rf"{drive}/class[sS]egmentation/{camera}/classgt_(\d{{5}})\.(?i:png)"),
            5,
            f"Expected Scene01/{place}/rgb/{camera}/rgb_00000.jpg and "
            f"Scene01/{place}/classSegmentation/{camera}/classgt_00000.png",
            between="_",
            pictures_in=f"Scene*/{place}/rgb/{camera}",
            labels_in=f"Scene*/{place}/class[sS]egmentation/{camera}",
        )
        self._learn(layout, config.classes)
        if config.frame_list is None and config.scenes is None:
            self.published = {"frames": 2_126}

    def read_flow(self, clip: int, position: int, other: int) -> Flow | None:
        """Read the data set's own flow; see :meth:`VideoDataset.read_flow`.

        Raises:
            FlowError: the other frame is no neighbour, there is no file, or the file is damaged.
        """
        return read_relative(self.find_flow(clip, position, other))

    def find_flow(self, clip: int, position: int, other: int) -> Path:
        """The file that :meth:`read_flow` reads.

        Raises:
            FlowError: the other frame is no neighbour, or there is no file.
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
            found = f"holds no {path.name}, the flow from frame {frames[position]} to {frames[other]}"
            remedy = f"Unpack vkitti_2.0.3_{kind}.tar into {root}, or set flow: dis to estimate flow on the fly"
            raise FlowError(found, str(folder), remedy)
        return path

    def _read_ids(self, path: Path) -> NDArray[np.unsignedinteger]:
        return read_painted(path, "vkitti2")
