"""Networks joined for prediction and scoring: ensembles, and test-time augmentation."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from davsn.core.errors import ConfigError
from davsn.experiment.trained import Trained
from davsn.networks.ensemble import Ensemble
from davsn.networks.predicting import Precision
from davsn.networks.views import SegmentationNetwork, Views


class AtTestTime(NamedTuple):
    """Choices of how a trained network is run.

    Attributes:
        flip: whether it sees each frame mirrored too; the logits are averaged.
        scales: the sizes at which it sees each frame, divided by the usual size; empty: the usual size alone.
        bf16: whether it runs in bf16; False: in the precision of its training.
    """

    flip: bool = False
    scales: tuple[float, ...] = ()
    bf16: bool = False

    def mistakes(self) -> list[str]:
        """What is wrong, a line for each mistake."""
        wrong = [scale for scale in self.scales if not 0 < scale < math.inf]
        return [f"--scales  should be numbers above 0, but got {wrong}"] if wrong else []

    def views(self, network: SegmentationNetwork) -> SegmentationNetwork | Views:
        """The network as it is, or with test-time augmentation."""
        return Views(network, self.scales or (1.0,), self.flip) if self.flip or self.scales else network

    def precision(self, trained: Trained) -> Precision:
        """The precision to run a network in."""
        return "bf16" if self.bf16 else trained.experiment.training.precision

    @property
    def label(self) -> str:
        """A part of a file's name that tells the choices; empty for the usual ones."""
        scales = "-".join(f"{scale:g}" for scale in self.scales)
        parts = {"flip": self.flip, f"scales-{scales}": bool(scales), "bf16": self.bf16}
        return "".join(f"_{part}" for part, used in parts.items() if used)


USUAL = AtTestTime()
"""A network as it was trained: one view of each frame."""


def joined(
    members: Sequence[Trained],
    paths: Sequence[Path],
    where: str,
    weights: Sequence[float] = (),
    first_only: bool = False,
    at_test_time: AtTestTime = USUAL,
) -> SegmentationNetwork | Views:
    """Join trained networks for prediction.

    Args:
        members: the networks: one, or those of an ensemble.
        paths: where each came from, for messages.
        where: the command, for messages.
        weights: the weight of each network in the mean; empty: equal weights.
        first_only: see :class:`Ensemble`.
        at_test_time: how they are run.

    Raises:
        ConfigError: networks of different classes, weights that do not fit, or wrong scales. All are named at once.
    """
    names, shares = members[0].taxonomy.names, list(weights) or [1.0] * len(members)
    mistakes = [
        f"--with  {path} has the classes {', '.join(member.taxonomy.names)}, but {paths[0]} has {', '.join(names)}"
        for member, path in zip(members, paths, strict=True)
        if member.taxonomy.names != names
    ]
    if len(shares) != len(members) or not all(0 < weight < math.inf for weight in shares):
        mistakes.append(f"--weights  should be {len(members)} numbers above 0, one for each network, but got {shares}")
    if first_only and len(members) == 1:
        mistakes.append("--first-only  needs several networks: name the others with --with")
    mistakes += at_test_time.mistakes()
    if mistakes:
        raise ConfigError(where, mistakes)
    segmenters = [member.segmenter for member in members]
    return at_test_time.views(segmenters[0] if len(segmenters) == 1 else Ensemble(segmenters, shares, first_only))
