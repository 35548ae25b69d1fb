"""The video network: any network of single frames, with the previous frame's scores fused in along the flow."""

from typing import Literal

import torch
from torch import Tensor, nn

from davsn.clip import Levels, Prediction
from davsn.networks.base import ImageNetwork
from davsn.ops.resize import upsample
from davsn.ops.warp import FlowScale, resize_flow, splat, warp

Propagation = Literal["warp", "splat"]


class VideoSegmenter(nn.Module):
    """Score fusion (ACCEL, CVPR 2019, in the form DA-VSN and TPS use).

    Both frames pass the same image network. The previous frame's logits are moved onto the current frame's grid
    and a 1×1 convolution, shared by the two levels, fuses them with the current ones. It starts as
    "the current frame alone". Logits and their fusion are kept in the weights' own precision under autocast.

    Args:
        image: the network of single frames.
        propagation: how logits move along the flow: "warp" (backward bilinear, TPS) or "splat" (rounding, DA-VSN).
        flow_scale: see :func:`davsn.ops.warp.resize_flow`.
    """

    def __init__(self, image: ImageNetwork, propagation: Propagation = "warp", flow_scale: FlowScale = "both") -> None:
        super().__init__()
        self.image = image
        self.num_classes = image.num_classes
        self.propagation = propagation
        self.flow_scale = flow_scale
        self.fusion = nn.Conv2d(2 * self.num_classes, self.num_classes, 1, bias=False)
        nn.init.dirac_(self.fusion.weight)  # the identity on the current frame's scores, 0 on the previous one's

    def forward(
        self, current: Tensor, previous: Tensor | None, flow: Tensor, previous_logits: Levels | None = None
    ) -> Prediction:
        """Logits of the current frame with the previous one's help.

        Args:
            current: (B, 3, H, W) RGB in [0, 1].
            previous: the same for the frame before; unused where ``previous_logits`` is given.
            flow: (B, 2, h, w) current→previous, at any resolution.
            previous_logits: what this network said of the previous frame alone, as ``Prediction.current`` of the
                step before. A stream in evaluation mode saves half its passes with it.
        """
        current_logits = self._logits(current)
        with torch.no_grad():
            if previous_logits is None:
                assert previous is not None, "give the previous frame, or its logits"
                previous_logits = self._logits(previous)
            resized = resize_flow(flow, _size(current_logits.main), self.flow_scale)
            moved = Levels(*(self.propagate(level, resized)[0] for level in previous_logits))
        return Prediction(self._fuse(current_logits, moved), current_logits, previous_logits, resized)

    def propagate(self, maps: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """Maps on the previous frame's grid brought onto the current one's.

        Args:
            maps: (B, K, h, w).
            flow: (B, 2, h, w) current→previous at the maps' resolution.

        Returns:
            (B, K, h, w) moved maps and (B, h, w) bool, where something real arrived.
        """
        return (splat if self.propagation == "splat" else warp)(maps, flow)

    @torch.no_grad()
    def scores(self, current: Tensor, previous: Tensor, flow: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, C, H, W) at ``size``: the fused main logits, resized."""
        return upsample(self(current, previous, flow).fused.main, size)

    def predict(self, current: Tensor, previous: Tensor, flow: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, H, W) int64 train ids at ``size``: the best class of :meth:`scores`, the first of equals."""
        return self.scores(current, previous, flow, size).argmax(1)

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Trainable parameters by role, each once: the image network's groups and ``"fusion"``."""
        return {**self.image.groups(), "fusion": list(self.fusion.parameters())}

    def _logits(self, frames: Tensor) -> Levels:
        precision = self.fusion.weight.dtype
        return Levels(*(level.to(precision) for level in self.image(frames)))

    def _fuse(self, current: Levels, moved: Levels) -> Levels:
        with torch.autocast(current.main.device.type, enabled=False):
            return Levels(*(self.fusion(torch.cat(pair, 1)) for pair in zip(current, moved, strict=True)))


def _size(maps: Tensor) -> tuple[int, int]:
    height, width = maps.shape[-2:]
    return height, width
