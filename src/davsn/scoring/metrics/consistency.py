"""The metric ``consistency``: temporal consistency along the flow that the network gets."""

from collections.abc import Mapping

from torch import Tensor

from davsn.scoring.confusion import confusion_matrix, iou
from davsn.scoring.metric import Counts, Metric, Seen
from davsn.scoring.neighbours import propagated


class Consistency(Metric):
    """mIoU between predictions and previous predictions that are moved along the network's own flow.

    P_t is the prediction of frame t, and W(P_t-1) the prediction of the frame before, moved along the flow t→t-1 from
    the nearest pixel. The value is the mIoU of both. Only pixels count whose flow is valid and stays inside the frame.
    There is one confusion matrix for the whole set (after Liu et al., "Efficient Semantic Video Segmentation with
    Per-frame Inference", ECCV 2020). A single-frame network gets no flow, and has no value.
    """

    title = "temporal consistency"
    needs = frozenset({"neighbours", "flow"})

    def count(self, seen: Seen) -> Mapping[str, Tensor] | None:
        """The confusion matrix (C, C) of the moved previous prediction (rows) and the prediction (columns)."""
        if seen.flow is None or not seen.past:
            return None
        before = propagated(seen.past[0], seen.flow, seen.valid)
        return {"matrix": confusion_matrix(before, seen.prediction, len(self.taxonomy))}

    def values(self, counts: Counts) -> dict[str, float]:
        """The mean IoU of neighbouring predictions."""
        return {"consistency": self.mean(iou(counts["matrix"]))}

    def classes(self, counts: Counts) -> dict[str, dict[str, float]]:
        """The IoU of neighbouring predictions, of every class."""
        return {"consistency": self.by_class(iou(counts["matrix"]))}
