"""Flow estimation by a setting: estimated, checked, and for neural estimators added to batches on the device."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from davsn.core.clip import Batch, Pair
from davsn.flow.consistency import consistent
from davsn.flow.setting import FlowSetting


@torch.no_grad()
def estimated(setting: FlowSetting, frames_a: Tensor, frames_b: Tensor) -> tuple[Tensor, Tensor | None]:
    """The flow a→b and its valid mask.

    Args:
        setting: the estimator, and whether its flow is checked.
        frames_a: (B, 3, H, W) RGB in [0, 1].
        frames_b: the same shape.

    Returns:
        (B, 2, H, W) float32 flow; (B, H, W) bool mask, or None if the setting is not ``checked``.
    """
    estimator = setting.build()
    flow = estimator.estimate(frames_a, frames_b)
    if not setting.checked:
        return flow, None
    return flow, consistent(flow, estimator.estimate(frames_b, frames_a))


@dataclass(frozen=True)
class Completion:
    """Adds flow to a batch, on the batch's device, from the frames that the segmentation network gets.

    Attributes:
        setting: the estimator, and whether its flow is checked.
        pairs: the pairs of frames that need flow.
    """

    setting: FlowSetting
    pairs: Sequence[Pair]

    def __call__(self, batch: Batch) -> Batch:
        """The batch with its flows, and with valid masks if flow is checked. No data is copied to the host."""
        flows, valid = dict(batch.flows), dict(batch.valid)
        for a, b in self.pairs:
            flow, mask = estimated(self.setting, batch.frames[a], batch.frames[b])
            # A frame paired with itself (missing: repeat) has zero flow, whatever the estimator would return.
            moved = (batch.frames[a] != batch.frames[b]).flatten(1).any(1)
            flows[a, b] = torch.where(moved[:, None, None, None], flow, 0.0)
            if mask is not None:
                valid[a, b] = mask | ~moved[:, None, None]
        return replace(batch, flows=flows, valid=valid)
