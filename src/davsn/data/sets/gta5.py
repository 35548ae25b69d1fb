"""GTA5: 24,966 labelled stills from a game, the source of ADVENT's pair (Richter et al., ECCV 2016)."""

import re
from pathlib import Path

from davsn.data.dataset import DatasetSettings
from davsn.data.images import PICTURE_ENDING
from davsn.data.labels.class_tables import ClassSet, taxonomy
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings

_NONE = 1_000_000
"""A distance of numbers that no two stills have, so that each is a clip of its own."""


class Gta5(Numbered):
    """GTA5 as it is downloaded. Every image is a still without a neighbour, so it needs ``missing: repeat``.

    The label maps are palette PNGs, whose indices are Cityscapes' labelIds, as ADVENT's own loader reads them.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames or no label maps, or the list does not fit them.
    """

    class Config(NumberedSettings):
        """Where GTA5 is, and which of its classes to use."""

        root: Path
        """The folder with images/00001.png and labels/00001.png, as all parts unpack."""
        classes: ClassSet = "gta5"
        """The class set: 'gta5' has the 19 classes of Cityscapes, 'viper' 15, 'synthia' 12, 'vkitti2' 10."""

    _ids = "cityscapes"
    _other_ids = "Expected Cityscapes' labelIds as indices of a palette; this file may hold labelTrainIds"
    without_neighbours = "GTA5 has stills only: set missing: repeat, or use a single-frame network"

    def __init__(self, config: Config) -> None:
        self.config: Gta5.Config = config
        layout = Layout(
            config.root / "images",
            config.root / "labels",
            re.compile(rf"{ANYWHERE}(\d{{5}}){PICTURE_ENDING}"),
            re.compile(rf"{ANYWHERE}(\d{{5}})\.(?i:png)"),
            5,
            "Expected images/00001.png and labels/00001.png",
            step=_NONE,
        )
        self._learn(layout, config.classes)
        if config.frame_list is None:
            self.published = {"frames": 24_966}

    @classmethod
    def classes_of(cls, config: DatasetSettings) -> Taxonomy:
        """The class table of the chosen class set; see :meth:`VideoDataset.classes_of`."""
        assert isinstance(config, cls.Config)
        return taxonomy(config.classes)
