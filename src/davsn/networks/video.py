"""The video network: any network of single frames, with the previous frame's scores fused in along the flow."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal, cast

import torch
from torch import Tensor, nn

from davsn.core.clip import Levels, Prediction
from davsn.networks.image_network import ImageNetwork
from davsn.ops.resize import upsample
from davsn.ops.warp import FlowScale, resize_flow, splat, warp

Propagation = Literal["warp", "splat", "none"]
StatisticsOf = Literal["both", "target"]


class VideoSegmenter(nn.Module):
    """Score fusion (ACCEL, CVPR 2019, in the form DA-VSN and TPS use).

    Both frames pass the same image network. The previous frame's logits are moved onto the current frame's grid
    and a 1×1 convolution, shared by the two levels, fuses them with the current ones. It starts as
    "the current frame alone". Logits and their fusion are kept in the weights' own precision under autocast.

    With propagation "none" it is the network of single frames and nothing more: there is no fusion layer, and
    neither a previous frame nor a flow is looked at.

    Args:
        image: the network of single frames.
        propagation: how logits move along the flow: "warp" (backward bilinear, TPS), "splat" (rounding, DA-VSN), or
            "none" for single frames (ADVENT).
        flow_scale: see :func:`davsn.ops.warp.resize_flow`.
        statistics: whose frames the running statistics of batch normalisation follow, by which it predicts: all that
            it is trained with ("both"), or the target's as they are, all but those of :meth:`off_target` ("target").
    """

    def __init__(
        self,
        image: ImageNetwork,
        propagation: Propagation = "warp",
        flow_scale: FlowScale = "both",
        statistics: StatisticsOf = "both",
    ) -> None:
        super().__init__()
        self.image = image
        self.num_classes = image.num_classes
        self.propagation = propagation
        self.flow_scale = flow_scale
        self.statistics = statistics
        self._target_counted = False  # whether a target frame, as it is, was counted since the step began
        self.fusion: nn.Conv2d | None = None
        if self.looks_back:
            self.fusion = nn.Conv2d(2 * self.num_classes, self.num_classes, 1, bias=False)
            nn.init.dirac_(self.fusion.weight)  # the identity on the current frame's scores, 0 on the previous one's

    @property
    def looks_back(self) -> bool:
        """Whether it looks at the previous frame; False for a network of single frames."""
        return self.propagation != "none"

    def forward(
        self,
        current: Tensor,
        previous: Tensor | None = None,
        flow: Tensor | None = None,
        previous_logits: Levels | None = None,
        features: bool = False,
    ) -> Prediction:
        """Logits of the current frame with the previous one's help.

        Args:
            current: (B, 3, H, W) RGB in [0, 1].
            previous: the same for the frame before; unused where ``previous_logits`` is given, or by a network of
                single frames.
            flow: (B, 2, h, w) current→previous, at any resolution; unused by a network of single frames.
            previous_logits: what this network said of the previous frame alone, as ``Prediction.current`` of the
                step before. A stream in evaluation mode saves half its passes with it.
            features: whether those of the current frame are wanted; only of an image network that offers them.
        """
        self._target_counted = True
        read = None
        if features:
            logits, read = self.image.with_features(current)
            current_logits = self._precise(logits)
        else:
            current_logits = self._precise(self.image(current))
        if not self.looks_back:
            return Prediction(current_logits, current_logits, features=read)
        assert flow is not None, "a video network needs the flow current→previous"
        with torch.no_grad():
            if previous_logits is None:
                assert previous is not None, "give the previous frame, or its logits"
                previous_logits = self._precise(self.image(previous))
            resized = resize_flow(flow, _size(current_logits.main), self.flow_scale)
            moved = Levels(*(self.propagate(level, resized)[0] for level in previous_logits))
        return Prediction(self._fuse(current_logits, moved), current_logits, previous_logits, resized, read)

    def off_target(self, *seen: Tensor | None, features: bool = False) -> Prediction:
        """Forward pass for frames outside the target domain; leaves the target's statistics unchanged.

        These are the source's frames, and target frames that were mixed or strongly changed; see ``statistics``.

        Args:
            seen: current and previous frame and flow, as of :meth:`forward`.
            features: as of :meth:`forward`.
        """
        counted = self._target_counted
        with _running_statistics_kept(self) if self.statistics == "target" else nullcontext():
            prediction = cast(Prediction, self(*seen, features=features))
        self._target_counted = counted
        return prediction

    @torch.no_grad()
    def count_target(self, target: Tensor) -> None:
        """End of a step: statistics of the "target" follow its frames, also where the method showed only changed ones.

        Args:
            target: (B, 3, H, W) frames as they are; looked at only where no forward pass of the step has counted any.
        """
        if self.statistics == "target" and self.training and not self._target_counted:
            self.image(target)
        self._target_counted = False

    def propagate(self, maps: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """Maps on the previous frame's grid brought onto the current one's.

        Args:
            maps: (B, K, h, w).
            flow: (B, 2, h, w) current→previous at the maps' resolution.

        Returns:
            (B, K, h, w) moved maps and (B, h, w) bool, where something real arrived.
        """
        assert self.looks_back, "a network of single frames propagates nothing"
        return (splat if self.propagation == "splat" else warp)(maps, flow)

    @torch.no_grad()
    def scores(self, current: Tensor, previous: Tensor | None, flow: Tensor | None, size: tuple[int, int]) -> Tensor:
        """(B, C, H, W) at ``size``: the fused main logits, resized."""
        return upsample(self(current, previous, flow).fused.main, size)

    def predict(self, current: Tensor, previous: Tensor | None, flow: Tensor | None, size: tuple[int, int]) -> Tensor:
        """(B, H, W) int64 train ids at ``size``: the best class of :meth:`scores`, the first of equals."""
        return self.scores(current, previous, flow, size).argmax(1)

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Trainable parameters by role, each once: the image network's groups and, if it looks back, ``"fusion"``."""
        groups = self.image.groups()
        return groups if self.fusion is None else {**groups, "fusion": list(self.fusion.parameters())}

    def _precise(self, logits: Levels) -> Levels:
        precision = next(self.parameters()).dtype
        return Levels(*(level.to(precision) for level in logits))

    def _fuse(self, current: Levels, moved: Levels) -> Levels:
        assert self.fusion is not None
        with torch.autocast(current.main.device.type, enabled=False):
            return Levels(*(self.fusion(torch.cat(pair, 1)) for pair in zip(current, moved, strict=True)))


@contextmanager
def _running_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Batch normalisation in training mode normalises by its batch, and remembers nothing of it."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum


def _size(maps: Tensor) -> tuple[int, int]:
    height, width = maps.shape[-2:]
    return height, width
