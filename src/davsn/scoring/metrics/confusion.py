"""The metric ``confusion``: recall and precision of every class, and which classes are confused."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from davsn.scoring.confusion import ratio
from davsn.scoring.metric import Counts, Metric, Seen

_SHOWN = 10
"""Number of pairs of classes in the details."""


class Confusion(Metric):
    """Recall and precision of every class, from the confusion matrix.

    Recall_c = TP_c / (TP_c + FN_c), the share of a class's pixels that are found. Precision_c = TP_c / (TP_c + FP_c).
    """

    title = "confusion"
    needs = frozenset({"labels"})

    def count(self, seen: Seen) -> Mapping[str, Tensor] | None:
        """The confusion matrix (C, C) of a labelled frame."""
        matrix = seen.matrix(len(self.taxonomy))
        return None if matrix is None else {"matrix": matrix}

    def values(self, counts: Counts) -> dict[str, float]:
        """Mean recall and mean precision over the scored classes."""
        matrix = counts["matrix"]
        hits = np.diag(matrix)
        return {
            "mean recall": self.mean(ratio(hits, matrix.sum(1))),
            "mean precision": self.mean(ratio(hits, matrix.sum(0))),
        }

    def classes(self, counts: Counts) -> dict[str, dict[str, float]]:
        """Recall and precision of every class."""
        matrix = counts["matrix"]
        hits = np.diag(matrix)
        return {
            "recall": self.by_class(ratio(hits, matrix.sum(1))),
            "precision": self.by_class(ratio(hits, matrix.sum(0))),
        }

    def details(self, counts: Counts) -> dict[str, Any]:
        """The pairs of classes that are confused most, with the share of the label's pixels in percent."""
        matrix, names = counts["matrix"], self.taxonomy.names
        shares = ratio(matrix, np.repeat(matrix.sum(1, keepdims=True), len(names), 1)) * 100
        pairs = [(shares[row, column], row, column) for row, column in np.ndindex(matrix.shape) if row != column]
        most = sorted((pair for pair in pairs if pair[0] > 0), key=lambda pair: (-pair[0], *pair[1:]))[:_SHOWN]
        return {
            "most confused": [
                {"label": names[row], "prediction": names[column], "share": float(share)} for share, row, column in most
            ]
        }
