"""BDDVid: short videos of BDD100K around labelled frames of BDD10K (Kareer et al., TMLR 2024)."""

import re
from pathlib import Path
from typing import Literal

from davsn.data.images import PICTURE_ENDING
from davsn.data.labels.class_tables import ClassSet
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings

_FRAME = rf"{ANYWHERE}([0-9a-f]{{8}}-[0-9a-f]{{8}})_(\d{{3}})"


class BddVid(Numbered):
    """BDDVid as the scripts of SimarKareer/UnifiedVideoDA make it: frames 303 to 311 of a video, with 307 labelled.

    It is the part of BDD10K whose images are in the videos of BDD100K: 2,999 videos for training, 430 for validation.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames, or the list or the label maps do not fit them.
    """

    class Config(NumberedSettings):
        """Where BDDVid is, and which frames and classes of it to use."""

        root: Path
        """The folder that holds <split>/images/<video>_307.jpg and <split>/labels/<video>_307.png."""
        split: Literal["train", "val", "train_orig_10k", "val_orig_10k"] = "train"
        """The part to use. In the parts that end in 'orig_10k', frame 307 is the image that was labelled; its authors
        validate on 'val_orig_10k'."""
        classes: ClassSet = "viper"
        """The class set of the source: 'viper' has 15 classes, 'synthia' 12, 'vkitti2' 10, 'gta5' 19."""
        every_frame: bool = False
        """Use every frame, for training on an unlabelled target or for scoring temporal consistency."""

    _ids = "kitti_step"
    _other_ids = "Expected BDD100K's masks, which hold Cityscapes' train ids; this file may hold labelIds"
    without_neighbours = "Extract frames 303 to 311 of every video; single frames need missing: repeat"

    def __init__(self, config: Config) -> None:
        self.config: BddVid.Config = config
        layout = Layout(
            config.root / config.split / "images",
            config.root / config.split / "labels",
            re.compile(rf"{_FRAME}{PICTURE_ENDING}"),
            re.compile(rf"{_FRAME}\.(?i:png)"),
            3,
            f"Expected {config.split}/images/0004a4c0-d4dff0ad_307.jpg and {config.split}/labels/"
            "0004a4c0-d4dff0ad_307.png",
            between="_",
        )
        self._learn(layout, config.classes, every_frame=config.every_frame)
        if config.frame_list is None and not config.every_frame:
            self.published = {"used": 2_999 if config.split.startswith("train") else 430}
