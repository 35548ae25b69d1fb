"""The metric ``tc``: temporal consistency along a stated flow, without occluded pixels."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from davsn.core.settings import Settings
from davsn.data.labels.taxonomy import Taxonomy
from davsn.flow.consistency import RULE, consistent
from davsn.flow.setting import FlowSetting
from davsn.scoring.confusion import confusion_matrix, iou
from davsn.scoring.metric import Counts, Metric, Seen
from davsn.scoring.neighbours import propagated


class VisibleConsistency(Metric):
    """mIoU between predictions and moved previous predictions, where the content is visible in both frames.

    An estimator gives the flow f from frame t to t-1 and the flow b back. V is the set of pixels that f and then b lead
    back to the start, so that they are not occluded: |f + b|² < 0.01 (|f|² + |b|²) + 0.5. The value is the mIoU of P_t
    and W_f(P_t-1) over V, from one confusion matrix for the whole set. It is the TC of Liu et al., "Efficient Semantic
    Video Segmentation with Per-frame Inference", ECCV 2020, with V added.

    The flow is estimated from the frames at the network's input size, whatever flow the network gets. So single-frame
    networks have a value too, and all networks are compared by the same flow.
    """

    class Config(Settings):
        """Settings of ``tc``."""

        flow: FlowSetting = Field(default_factory=FlowSetting)
        """The flow estimator, such as dis or raft_large; 'checked' and 'cached' have no effect."""

    title = "temporal consistency of visible pixels"
    needs = frozenset({"neighbours"})

    def __init__(self, config: Settings, taxonomy: Taxonomy) -> None:
        super().__init__(config, taxonomy)
        assert isinstance(config, self.Config)
        self._estimator = config.flow.build()

    def count(self, seen: Seen) -> Mapping[str, Tensor] | None:
        """The confusion matrix (C, C) over visible pixels, and the numbers of visible pixels and of all pixels."""
        if not seen.past:
            return None
        before = seen.past[0]
        flow = self._estimator.estimate(seen.frame[None], before.frame[None])
        back = self._estimator.estimate(before.frame[None], seen.frame[None])
        moved = propagated(before, flow[0], consistent(flow, back)[0])
        visible = (moved < len(self.taxonomy)).sum()
        return {
            "matrix": confusion_matrix(moved, seen.prediction, len(self.taxonomy)),
            "visible": torch.stack([visible, visible.new_tensor(moved.numel())]),
        }

    def values(self, counts: Counts) -> dict[str, float]:
        """The mean IoU over visible pixels, and the share of pixels that are visible in both frames."""
        visible, pixels = counts["visible"]
        return {"TC": self.mean(iou(counts["matrix"])), "visible pixels": float(visible / pixels * 100)}

    def classes(self, counts: Counts) -> dict[str, dict[str, float]]:
        """The IoU over visible pixels, of every class."""
        return {"TC": self.by_class(iou(counts["matrix"]))}

    def details(self, counts: Counts) -> dict[str, Any]:
        """The flow estimator with its settings and weights, and the rule of the check."""
        return {"flow": self._estimator.identity(), "check": RULE}
