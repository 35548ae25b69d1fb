"""Cityscapes-Seq: snippets of 30 frames from 50 cities, one frame of each labelled (Cordts et al., 2016)."""

import re
from pathlib import Path
from typing import Literal

from davsn.data.benchmarks import ClassSet
from davsn.data.numbered import ANYWHERE, Layout, Numbered, NumberedSettings

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
        flow_names: Literal["published", "tps"] = "published"
        """How flow files are named: 'tps' looks for the flow between the two frames *before* a used one as TPS's public
        code does, which in 12 of the 2,975 training snippets takes another snippet's (see docs/parity.md)."""

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
        self._used = {info.frames[position] for info in self.clips for position in info.chosen or ()}

    def _flow_name(self, frame: str, other: str) -> str:
        if self.config.flow_names == "tps" and frame not in self._used:
            # TPS makes this frame's name from that of the used frame after it: it replaces the number wherever it
            # stands, in the drive's place too.
            used = f"{int(frame[-6:]) + self.config.stride:06d}"
            frame = f"{frame[:-6]}{used}".replace(used, frame[-6:])
        return super()._flow_name(frame, other)
