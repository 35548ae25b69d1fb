"""Test-time augmentation: the mean over a network's logits of a frame mirrored and at several scales."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn.functional import interpolate

from davsn.networks.combined import Combined
from davsn.networks.ensemble import Ensemble
from davsn.networks.video import VideoSegmenter
from davsn.ops.warp import mirror_flow

SegmentationNetwork = VideoSegmenter | Ensemble
"""A network, or an ensemble of networks."""


class View(NamedTuple):
    """A way to show a frame to the network.

    Attributes:
        scale: its size divided by the frame's own size.
        mirrored: whether left and right are exchanged.
    """

    scale: float
    mirrored: bool

    def frame(self, frame: Tensor) -> Tensor:
        """The frame (B, 3, H, W) in this view."""
        if self.scale != 1:
            height, width = (max(1, round(side * self.scale)) for side in frame.shape[-2:])
            frame = interpolate(frame, (height, width), mode="bilinear", align_corners=False, antialias=True)
        return frame.flip(-1) if self.mirrored else frame

    def flow(self, flow: Tensor) -> Tensor:
        """The flow (B, 2, h, w) in this view. A scale does not change it: it counts pixels of its own resolution."""
        return mirror_flow(flow) if self.mirrored else flow

    def back(self, scores: Tensor) -> Tensor:
        """Scores (B, C, H, W) of this view on the frame's own grid."""
        return scores.flip(-1) if self.mirrored else scores


class Views(Combined):
    """A network that predicts by the mean of its logits over several views. It can be used like a single network.

    The logits of each view are resized and mirrored back before they are averaged. The cost is about the sum of the
    squared scales, doubled by ``flip``.

    Args:
        network: the network, or the ensemble.
        scales: sizes of the views, divided by the frame's own size.
        flip: whether each view is shown mirrored too.

    Raises:
        ValueError: no scale, or one that is no number above 0.
    """

    def __init__(self, network: SegmentationNetwork, scales: Sequence[float] = (1.0,), flip: bool = False) -> None:
        super().__init__()
        if not scales or not all(0 < scale < math.inf for scale in scales):
            raise ValueError(f"scales are numbers above 0, but got {list(scales)}")
        self.network = network
        self.views = [View(scale, mirrored) for scale in scales for mirrored in ((False, True) if flip else (False,))]
        self.num_classes = network.num_classes

    @property
    def looks_back(self) -> bool:
        """Whether the network uses the previous frame; see :attr:`VideoSegmenter.looks_back`."""
        return self.network.looks_back

    def scores(self, current: Tensor, previous: Tensor | None, flow: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The averaged logits (B, C, H, W) at ``size``; see :meth:`VideoSegmenter.scores`."""
        total = current.new_zeros(())
        for view in self.views:
            before, motion = _of(view.frame, previous), _of(view.flow, flow)
            scores = self.network.scores(view.frame(current), before, motion, size)
            total = total + view.back(scores) / len(self.views)
        return total

    def step(
        self, current: Tensor, flow: Tensor | None, memory: Sequence[Any] | None, size: tuple[int, int]
    ) -> tuple[Tensor, Sequence[Any]]:
        """Predict the next frame of a stream; see :meth:`VideoSegmenter.step`. The memory is that of every view."""
        total, memories = current.new_zeros(()), []
        for index, view in enumerate(self.views):
            kept = None if memory is None else memory[index]
            scores, kept = self.network.step(view.frame(current), _of(view.flow, flow), kept, size)
            total = total + view.back(scores) / len(self.views)
            memories.append(kept)
        return total, memories


def _of(change: Callable[[Tensor], Tensor], tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else change(tensor)
