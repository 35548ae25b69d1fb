"""Cityscapes-VPS: videos of Cityscapes with every fifth frame labelled (Kim et al., CVPR 2020)."""

import re
from pathlib import Path
from typing import Literal

from davsn.data.images import PICTURE_ENDING
from davsn.data.labels.class_tables import ClassSet
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings

_FRAME = rf"{ANYWHERE}(?:\d{{4}}_\d{{4}}_)?([^/_]+_\d{{6}}_)(\d{{6}})"


class CityscapesVps(Numbered):
    """Cityscapes-VPS after the scripts in prepare_city_vps of mcahny/vps. The labelled frames are used.

    Frames are read from ``img_all``, which has all 30 of a video, or else from ``img``, which has every fifth.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames, or the list or the label maps do not fit them.
    """

    class Config(NumberedSettings):
        """Where Cityscapes-VPS is, and which frames and classes of it to use."""

        root: Path
        """The folder that holds <split>/img_all or <split>/img, and <split>/labelmap."""
        split: Literal["train", "val"] = "train"
        """The part to use. Both are made of the validation part of Cityscapes: a network that is scored there must not
        train on 'train'."""
        classes: ClassSet = "viper"
        """The class set of the source: 'viper' has 15 classes, 'synthia' 12, 'vkitti2' 10, 'gta5' 19."""
        every_frame: bool = False
        """Use every frame, for training on an unlabelled target or for scoring temporal consistency."""

    _ids = "kitti_step"
    _other_ids = "Expected the files in labelmap, which hold Cityscapes' train ids, and not the colours in cls"
    without_neighbours = "Fetch all frames into img_all (prepare_city_vps/fetch_city_images.py), or set missing: repeat"

    def __init__(self, config: Config) -> None:
        self.config: CityscapesVps.Config = config
        place = config.root / config.split
        whole = (place / "img_all").is_dir()
        layout = Layout(
            place / ("img_all" if whole else "img"),
            place / "labelmap",
            re.compile(rf"{_FRAME}_(?:leftImg8bit|newImg8bit){PICTURE_ENDING}"),
            re.compile(rf"{_FRAME}_(?:final_mask|gtFine_color)\.(?i:png)"),
            6,
            f"Expected {config.split}/img_all/frankfurt_000000_001736_leftImg8bit.png, or {config.split}/img/"
            f"0005_0025_frankfurt_000000_001736_newImg8bit.png, and {config.split}/labelmap/0005_0025_frankfurt_000000_"
            "001736_final_mask.png",
            step=1 if whole else 5,
        )
        self._learn(layout, config.classes, every_frame=config.every_frame)
        if config.frame_list is None and not config.every_frame:
            self.published = {"used": {"train": 2_400, "val": 300}[config.split]}
