"""SHIFT: drives in CARLA in all weathers and times of day, labelled frame by frame (Sun et al., CVPR 2022)."""

import re
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from davsn.data.images import PICTURE_ENDING, read_picture
from davsn.data.labels.class_tables import ClassSet
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings


class Shift(Numbered):
    """SHIFT with its archives of images and semantic masks unpacked in place. Every labelled frame is used.

    Layout and names are those of the data set's page (vis.xyz/shift/get_started) and of its DevKit (SysCV/shift-dev).
    The masks hold the tags of CARLA before 0.9.14 in their first channel.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames, or the list or the label maps do not fit them.
    """

    class Config(NumberedSettings):
        """Where SHIFT is, and which frames and classes of it to use."""

        root: Path
        """The folder that holds discrete/images/train/front/img/<drive>/00000000_img_front.jpg and so on."""
        split: Literal["train", "val"] = "train"
        """The part to use."""
        framerate: Literal["images", "videos"] = "images"
        """'images' has 1 frame a second, 'videos' 10. Neighbours of 'images' are a second apart."""
        view: Literal["front", "left_45", "left_90", "right_45", "right_90", "left_stereo"] = "front"
        """The camera."""
        classes: ClassSet = "viper"
        """The class set: 'viper' has 15 classes, 'synthia' 12, 'vkitti2' 10, 'gta5' 19. SHIFT shows 11, 11, 9 and 13 of
        them."""
        every_frame: bool = False
        """Use every frame, for training on a target without label maps."""

    _ids = "carla_0.9.10"
    _other_ids = "Expected CARLA's tags in the first channel; this file may have been mapped to other ids"
    without_neighbours = "Copy complete drives. Frames at 10 Hz are in discrete/videos: set framerate: videos"

    def __init__(self, config: Config) -> None:
        self.config: Shift.Config = config
        below = f"discrete/{config.framerate}/{config.split}/{config.view}"
        place = config.root / below
        images = place / "img_decompressed"
        drive = rf"{ANYWHERE}([0-9a-f]{{4}}-[0-9a-f]{{4}})/(\d{{8}})"
        layout = Layout(
            images if images.is_dir() else place / "img",
            place / "semseg",
            re.compile(rf"{drive}_img_{config.view}{PICTURE_ENDING}"),
            re.compile(rf"{drive}_semseg_{config.view}\.(?i:png)"),
            8,
            f"Expected {below}/img/007b-4e72/00000000_img_{config.view}.jpg and "
            f"{below}/semseg/007b-4e72/00000000_semseg_{config.view}.png",
            between="_",
            step=10 if config.framerate == "images" else 1,
        )
        self._learn(layout, config.classes, every_frame=config.every_frame)

    def _read_ids(self, path: Path) -> NDArray[np.unsignedinteger]:
        return read_picture(path)[..., 0]
