"""The metric ``miou``: the mean intersection over union of the published protocol."""

from collections.abc import Mapping

from torch import Tensor

from davsn.scoring.confusion import iou
from davsn.scoring.metric import Counts, Metric, Seen


class MeanIoU(Metric):
    """Mean intersection over union of labels and predictions, from one confusion matrix of all frames.

    IoU_c = TP_c / (TP_c + FP_c + FN_c). The mean is over the scored classes that are labelled or predicted.
    """

    title = "mIoU"
    needs = frozenset({"labels"})

    def count(self, seen: Seen) -> Mapping[str, Tensor] | None:
        """The confusion matrix (C, C) of a labelled frame."""
        matrix = seen.matrix(len(self.taxonomy))
        return None if matrix is None else {"matrix": matrix}

    def values(self, counts: Counts) -> dict[str, float]:
        """The mean IoU."""
        return {"mIoU": self.mean(iou(counts["matrix"]))}

    def classes(self, counts: Counts) -> dict[str, dict[str, float]]:
        """The IoU of every class."""
        return {"IoU": self.by_class(iou(counts["matrix"]))}
