"""The metric ``calibration``: whether the confidence of a prediction is the chance that it is right."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from davsn.core.settings import Settings
from davsn.scoring.confusion import ratio
from davsn.scoring.metric import Counts, Metric, Seen

_PIXELS, _CONFIDENCE, _HITS = range(3)


class Calibration(Metric):
    """The expected calibration error over bins of confidence, and the reliability of every bin.

    The confidence of a pixel is its largest class probability. B_m are the labelled pixels whose confidence is in bin m
    of equal width. ECE = Σ_m |B_m| / N · |accuracy(B_m) - confidence(B_m)| (Guo et al., "On Calibration of Modern
    Neural Networks", ICML 2017). Per class, pixels are grouped by prediction.
    """

    class Config(Settings):
        """Settings of ``calibration``."""

        bins: int = Field(15, ge=1, le=1000)
        """The number of bins of confidence."""

    config: Config
    title = "calibration"
    needs = frozenset({"labels", "probabilities"})
    better = "lower"

    def count(self, seen: Seen) -> Mapping[str, Tensor] | None:
        """Count ``bins`` (C, bins, 3) by predicted class: pixels, sum of confidence, correct predictions."""
        if seen.labels is None or seen.probabilities is None:
            return None
        classes, bins = len(self.taxonomy), self.config.bins
        counted = seen.labels < classes
        confidence = seen.probabilities.amax(0)[counted].cpu().double()
        prediction, labels = seen.prediction[counted].cpu().long(), seen.labels[counted].cpu()
        place = (confidence * bins).long().clamp(max=bins - 1) + prediction * bins
        weights = (torch.ones_like(confidence), confidence, (prediction == labels).double())
        sums = [torch.bincount(place, weight, classes * bins) for weight in weights]
        return {"bins": torch.stack(sums, -1).view(classes, bins, 3)}

    def values(self, counts: Counts) -> dict[str, float]:
        """The ECE, the mean confidence and the accuracy."""
        bins = counts["bins"].sum(0)
        pixels, confidence, hits = bins.sum(0)
        shares = {"mean confidence": ratio(confidence, pixels), "accuracy": ratio(hits, pixels)}
        return {"ECE": float(_error(bins) * 100)} | {name: float(share * 100) for name, share in shares.items()}

    def classes(self, counts: Counts) -> dict[str, dict[str, float]]:
        """The ECE over the pixels of every predicted class."""
        return {"ECE": self.by_class(np.array([_error(bins) for bins in counts["bins"]]))}

    def details(self, counts: Counts) -> dict[str, Any]:
        """The reliability of every bin: its bounds, mean confidence and accuracy in percent, and its pixels."""
        bins = counts["bins"].sum(0)
        means = ratio(bins[:, 1:], np.repeat(bins[:, :1], 2, 1)) * 100
        edges = np.linspace(0, 100, len(bins) + 1)
        return {
            "reliability": [
                {
                    "from": float(edges[index]),
                    "to": float(edges[index + 1]),
                    "confidence": float(confidence),
                    "accuracy": float(accuracy),
                    "pixels": int(bins[index, _PIXELS]),
                }
                for index, (confidence, accuracy) in enumerate(means)
            ]
        }


def _error(bins: NDArray[np.number]) -> float:
    """The expected calibration error in [0, 1] of bins (bins, 3); NaN without a pixel."""
    pixels = bins[:, _PIXELS].sum()
    return float(np.abs(bins[:, _HITS] - bins[:, _CONFIDENCE]).sum() / pixels) if pixels else float("nan")
