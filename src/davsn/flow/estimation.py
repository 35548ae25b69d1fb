"""Flow as a setting says: estimated, checked, and for neural estimators filled into batches on the device."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from davsn.core.clip import Batch, Pair
from davsn.flow.consistency import consistent
from davsn.flow.setting import FlowSetting


@torch.no_grad()
def estimated(setting: FlowSetting, frames_a: Tensor, frames_b: Tensor) -> tuple[Tensor, Tensor | None]:
    """Flow a→b and where it can be trusted.

    Args:
        setting: names the estimator.
        frames_a: (B, 3, H, W) RGB in [0, 1].
        frames_b: the same shape.

    Returns:
        (B, 2, H, W) float32; (B, H, W) bool, or None where nothing was checked.
    """
    estimator = setting.build()
    flow = estimator.estimate(frames_a, frames_b)
    if not setting.checked:
        return flow, None
    return flow, consistent(flow, estimator.estimate(frames_b, frames_a))


@dataclass(frozen=True)
class Completion:
    """Fills a batch's flows in where the batch is, from the frames as the network sees them.

    Attributes:
        setting: names the estimator.
        pairs: the flows wanted.
    """

    setting: FlowSetting
    pairs: Sequence[Pair]

    def __call__(self, batch: Batch) -> Batch:
        """The batch with its flows, and their masks where they are checked. Nothing is copied to the host."""
        flows, valid = dict(batch.flows), dict(batch.valid)
        for a, b in self.pairs:
            flow, mask = estimated(self.setting, batch.frames[a], batch.frames[b])
            # A frame paired with itself (missing: repeat) is at rest, whatever a network would say of it.
            moved = (batch.frames[a] != batch.frames[b]).flatten(1).any(1)
            flows[a, b] = torch.where(moved[:, None, None, None], flow, 0.0)
            if mask is not None:
                valid[a, b] = mask | ~moved[:, None, None]
        return replace(batch, flows=flows, valid=valid)
