"""Cityscapes-Seq: snippets of 30 frames from 50 cities, with one labelled frame each (Cordts et al., 2016)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from davsn.data.dataset import DatasetSettings
from davsn.data.images import PICTURE_ENDING
from davsn.data.labels.class_tables import ClassSet, taxonomy
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings

_NUMBER = rf"{ANYWHERE}([^/_]+_\d{{6}}_)(\d{{6}})"


class Cityscapes(Numbered):
    """Cityscapes-Seq as it is downloaded, with the classes that it shares with a source.

    The frames that have a label map are used, whatever their number. The other frames are neighbours.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames, or the list or the label maps do not fit them.
    """

    class Config(NumberedSettings):
        """Where Cityscapes-Seq is, and which frames and classes of it to use."""

        root: Path
        """The folder with leftImg8bit_sequence/<split>/<city> and gtFine/<split>/<city>, as Cityscapes unpacks."""
        split: Literal["train", "val"] = "train"
        """The part to use."""
        classes: ClassSet = "viper"
        """The class set of the source: 'viper' has 15 classes, 'synthia' 12, 'vkitti2' 10, 'gta5' 19."""
        every_frame: bool = False
        """Use every frame of a snippet, for training on an unlabelled target or for scoring temporal consistency; false
        uses the labelled or listed frames."""
        flow_names: Literal["own", "replaced"] = "own"
        """Names of the flow files with flow: stored. 'own' reads the frame's own flow. 'replaced' reads the files that
        TPS's code reads by mistake. To name an earlier frame, that code replaces the current number wherever it occurs,
        even in the drive's number (aachen_000019_000019 becomes aachen_000018_000018). So it takes the flow between
        earlier frames from another drive."""

    _ids = "cityscapes"
    _other_ids = "Expected labelIds as they are downloaded; this file may hold labelTrainIds"
    without_neighbours = (
        "The frames before the labelled ones are in leftImg8bit_sequence_trainvaltest, not in leftImg8bit_trainvaltest"
    )

    def __init__(self, config: Config) -> None:
        self.config: Cityscapes.Config = config
        layout = Layout(
            config.root / "leftImg8bit_sequence" / config.split,
            config.root / "gtFine" / config.split,
            re.compile(rf"{_NUMBER}_leftImg8bit{PICTURE_ENDING}"),
            re.compile(rf"{_NUMBER}_gtFine_labelIds\.(?i:png)"),
            6,
            f"Expected leftImg8bit_sequence/{config.split}/aachen/aachen_000000_000019_leftImg8bit.png and "
            f"gtFine/{config.split}/aachen/aachen_000000_000019_gtFine_labelIds.png",
        )
        self._learn(layout, config.classes, every_frame=config.every_frame)
        self._replaced = dict(self._replacements()) if config.flow_names == "replaced" else {}
        if config.frame_list is None and not config.every_frame:
            self.published = {"used": {"train": 2_975, "val": 500}[config.split]}

    @classmethod
    def classes_of(cls, config: DatasetSettings) -> Taxonomy:
        """The published class table; see :meth:`VideoDataset.classes_of`."""
        assert isinstance(config, cls.Config)
        return taxonomy(config.classes)

    def _flow_name(self, frame: str, other: str) -> str:
        return f"{self._replaced.get(frame, frame)}_{other[-6:]}"

    def _replacements(self) -> Iterator[tuple[str, str]]:
        """Yield each earlier frame that TPS's code names wrongly, and the name that this code gives it."""
        for info in self.clips:
            for position in info.chosen or ():
                name, number = info.frames[position], info.frames[position][-6:]
                if name.count(number) > 1:
                    earlier = set(range(position)) - set(info.chosen or ())
                    yield from ((info.frames[at], name.replace(number, info.frames[at][-6:])) for at in earlier)
