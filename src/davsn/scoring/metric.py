"""The interface of every metric: what it needs of a frame, what it counts there, and what it reports of the counts.

Counts are sums over frames. So a metric streams, counts of clips and machines are merged by addition, and its bootstrap
interval over clips needs no second pass (:mod:`davsn.scoring.uncertainty`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from davsn.core.plugins import Plugin
from davsn.core.settings import Settings
from davsn.data.labels.taxonomy import Taxonomy
from davsn.scoring.confusion import confusion_matrix, mean_percent

Need = Literal["labels", "probabilities", "neighbours", "flow"]
"""What a metric can need besides the predicted classes: the label map; the probability of every class; the predictions
of the frames before; the flow that the network gets, which a single-frame network does not get."""
Counts = Mapping[str, NDArray[np.number]]
"""The counts of a clip or of a whole set, by name."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One predicted frame, as metrics get it.

    Attributes:
        clip: the name of its clip.
        frame: (3, h, w) RGB in [0, 1], at the network's input size.
        prediction: (H, W) uint8 train ids, at the size of the label map, or of the frame if there is none.
        labels: (H, W) uint8 train ids, 255 = not counted; None for a frame without a label map.
        probabilities: (C, H, W) float32; None unless a metric needs them.
        flow: (2, h', w') the flow current→previous at any resolution; None for a single-frame network.
        valid: (h', w') bool, where the flow can be trusted; None: everywhere.
        past: the frames before it in the clip, the nearest first, without a gap. There are as many as the metrics
            need, fewer at the beginning of a clip. They hold frame, prediction and labels alone.
    """

    clip: str
    frame: Tensor
    prediction: Tensor
    labels: Tensor | None = None
    probabilities: Tensor | None = None
    flow: Tensor | None = None
    valid: Tensor | None = None
    past: "tuple[Seen, ...]" = ()
    _matrices: dict[int, Tensor] = field(default_factory=dict, init=False, repr=False)

    def matrix(self, classes: int) -> Tensor | None:
        """The confusion matrix (C, C) of the label map (rows) and the prediction (columns); None without a label map.

        It is counted once, however many metrics ask for it.

        Args:
            classes: the number of classes ``C``.
        """
        if self.labels is None:
            return None
        if classes not in self._matrices:
            self._matrices[classes] = confusion_matrix(self.labels, self.prediction, classes)
        return self._matrices[classes]

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the prediction."""
        height, width = self.prediction.shape
        return height, width


class Metric(Plugin, ABC, package="davsn.scoring.metrics"):
    """The base class of metrics. A metric keeps no state: it counts on a frame, and reports of the summed counts.

    Args:
        config: the metric's own settings.
        taxonomy: the class table.
    """

    Config = Settings
    title: ClassVar[str]
    """What it measures, in a few words, for tables."""
    needs: ClassVar[frozenset[Need]]
    """What it needs besides the predicted classes."""
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    """Which values are better."""

    def __init__(self, config: Settings, taxonomy: Taxonomy) -> None:
        self.config, self.taxonomy = config, taxonomy

    @property
    def frames_back(self) -> int:
        """How many frames before the current one it needs at most."""
        return 1 if "neighbours" in self.needs else 0

    @abstractmethod
    def count(self, seen: Seen) -> Mapping[str, Tensor] | None:
        """Count on one frame.

        Returns:
            tensors of fixed shapes by name, which are added over frames; None if the frame lacks what is needed.
        """

    @abstractmethod
    def values(self, counts: Counts) -> dict[str, float]:
        """The values of summed counts by readable name, in percent, the most important first; NaN if there is none."""

    def classes(self, counts: Counts) -> dict[str, dict[str, float]]:
        """The values of every class: column → class name → percent. Empty if the metric has none."""
        return {}

    def details(self, counts: Counts) -> dict[str, Any]:
        """Further results as plain data, and what they depend on, such as the flow estimator."""
        return {}

    def mean(self, values: NDArray[np.float64]) -> float:
        """The mean × 100 of (C,) values over the scored classes that have one; NaN if none has."""
        return mean_percent(values[list(self.taxonomy.scored)].tolist())

    def by_class(self, values: NDArray[np.float64]) -> dict[str, float]:
        """Name (C,) values in [0, 1] by class, in percent."""
        return dict(zip(self.taxonomy.names, (values * 100).tolist(), strict=True))
