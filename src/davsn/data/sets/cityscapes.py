"""Cityscapes-Seq: snippets of 30 frames from 50 cities, one frame of each labelled (Cordts et al., 2016)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from davsn.data.class_tables import ClassSet, taxonomy
from davsn.data.dataset import DatasetSettings
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings
from davsn.data.taxonomy import Taxonomy

_NUMBER = rf"{ANYWHERE}([^/_]+_\d{{6}}_)(\d{{6}})"


class Cityscapes(Numbered):
    """Cityscapes-Seq as it is downloaded, with the classes that it shares with a source.

    Used are the frames that have a label, whatever their number; the others are neighbours.

    Args:
        config: where the files are.

    Raises:
        DataError: no frames there, or a list or labels that do not fit them.
    """

    class Config(NumberedSettings):
        """Where Cityscapes-Seq is, and which frames and classes of it to use."""

        root: Path
        """Holds leftImg8bit_sequence/<split>/<city> and gtFine/<split>/<city>, as Cityscapes unpacks."""
        split: Literal["train", "val"] = "train"
        """Which part."""
        classes: ClassSet = "viper"
        """Those shared with a source: 'viper' for 15, 'synthia' for 12, 'vkitti2' for 10."""
        every_frame: bool = False
        """Use every frame of a snippet, to train an unlabelled target on or to score temporal consistency with;
        false uses the labelled or listed ones."""
        flow_names: Literal["own", "replaced"] = "own"
        """With flow: stored, 'replaced' reads the files that TPS's code reads by mistake: it makes an earlier frame's
        name by replacing the current number wherever it occurs, in the drive's too (aachen_000019_000019 becomes
        aachen_000018_000018), and so takes another drive's flow between earlier frames."""

    _ids = "cityscapes"
    _other_ids = "Wanted are the labelIds as they are downloaded: are these labelTrainIds?"
    without_neighbours = (
        "The frames before the labelled ones are in leftImg8bit_sequence_trainvaltest, not in leftImg8bit_trainvaltest"
    )

    def __init__(self, config: Config) -> None:
        self.config: Cityscapes.Config = config
        layout = Layout(
            config.root / "leftImg8bit_sequence" / config.split,
            config.root / "gtFine" / config.split,
            re.compile(rf"{_NUMBER}_leftImg8bit\.png"),
            re.compile(rf"{_NUMBER}_gtFine_labelIds\.png"),
            6,
            f"Wanted are leftImg8bit_sequence/{config.split}/aachen/aachen_000000_000019_leftImg8bit.png and "
            f"gtFine/{config.split}/aachen/aachen_000000_000019_gtFine_labelIds.png",
        )
        self._learn(layout, config.classes, every_frame=config.every_frame)
        self._replaced = dict(self._replacements()) if config.flow_names == "replaced" else {}
        if config.frame_list is None and not config.every_frame:
            self.published = {"used": {"train": 2_975, "val": 500}[config.split]}

    @classmethod
    def classes_of(cls, config: DatasetSettings) -> Taxonomy:
        """The published table; see :meth:`VideoDataset.classes_of`."""
        assert isinstance(config, cls.Config)
        return taxonomy(config.classes)

    def _flow_name(self, frame: str, other: str) -> str:
        return f"{self._replaced.get(frame, frame)}_{other[-6:]}"

    def _replacements(self) -> Iterator[tuple[str, str]]:
        """Earlier frames of samples, and what TPS's code takes for their names where that is something else."""
        for info in self.clips:
            for position in info.chosen or ():
                name, number = info.frames[position], info.frames[position][-6:]
                if name.count(number) > 1:
                    earlier = set(range(position)) - set(info.chosen or ())
                    yield from ((info.frames[at], name.replace(number, info.frames[at][-6:])) for at in earlier)
