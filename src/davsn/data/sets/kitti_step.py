"""KITTI-STEP: the drives of KITTI's tracking benchmark, with every frame labelled (Weber et al., STEP, 2021)."""

import re
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from davsn.data.images import PICTURE_ENDING, read_picture
from davsn.data.labels.class_tables import ClassSet
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings

_VALIDATION = ("0002", "0006", "0007", "0008", "0010", "0013", "0014", "0016", "0018")
"""The 9 drives of the validation part. The other 12 of the 21 labelled drives are for training."""
_DRIVES = {"val": "|".join(_VALIDATION), "train": rf"(?!{'|'.join(_VALIDATION)})\d{{4}}"}


class KittiStep(Numbered):
    """KITTI-STEP with the images where KITTI unpacks them, or moved as the authors of the labels instruct.

    Every labelled frame is used. Its neighbour is the frame before, at 10 Hz.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames, or the list or the label maps do not fit them.
    """

    class Config(NumberedSettings):
        """Where KITTI-STEP is, and which frames and classes of it to use."""

        root: Path
        """The folder that holds panoptic_maps/<split>/0000 and the images, in training/image_02/0000, as KITTI unpacks,
        or in images/<split>/0000."""
        split: Literal["train", "val"] = "train"
        """The part to use: 'train' has 12 drives, 'val' has 9."""
        classes: ClassSet = "viper"
        """The class set of the source: 'viper' has 15 classes, 'synthia' 12, 'vkitti2' 10, 'gta5' 19."""
        every_frame: bool = False
        """Use every frame, for training on a target without label maps."""

    _ids = "kitti_step"
    _other_ids = "Expected Cityscapes train ids in the first channel of the panoptic maps; this file may hold labelIds"
    without_neighbours = "Frame 000001 needs 000000. Copy complete drives; single frames need missing: repeat"

    def __init__(self, config: Config) -> None:
        self.config: KittiStep.Config = config
        moved = config.root / "images" / config.split
        drive = r"\d{4}" if moved.is_dir() else _DRIVES[config.split]
        pattern = re.compile(rf"{ANYWHERE}({drive})/(\d{{6}}){PICTURE_ENDING}")
        layout = Layout(
            moved if moved.is_dir() else config.root / "training" / "image_02",
            config.root / "panoptic_maps" / config.split,
            pattern,
            pattern,
            6,
            f"Expected training/image_02/0000/000000.png, or images/{config.split}/0000/000000.png, and "
            f"panoptic_maps/{config.split}/0000/000000.png",
            between="_",
        )
        self._learn(layout, config.classes, every_frame=config.every_frame)
        if config.frame_list is None:
            self.published = {"frames": {"train": 5_027, "val": 2_981}[config.split]}

    def _read_ids(self, path: Path) -> NDArray[np.unsignedinteger]:
        return read_picture(path)[..., 0]
