"""The video network: an image network, with the previous frame's logits moved along the flow and fused in."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal, cast

import torch
from torch import Tensor, nn

from davsn.core.clip import Levels, Prediction
from davsn.networks.image_network import ImageNetwork, main_alone
from davsn.networks.windows import Window, slid
from davsn.ops.resize import upsample, upsampled_largest
from davsn.ops.warp import FlowScale, resize_flow, splat, warp

Propagation = Literal["warp", "splat", "none"]
StatisticsOf = Literal["both", "target"]


class VideoSegmenter(nn.Module):
    """A segmentation network for video: it fuses the logits of two frames, as DA-VSN and TPS do (ACCEL, CVPR 2019).

    Both frames pass the same image network. The previous frame's logits are moved onto the current frame's grid. A
    1×1 convolution fuses them with the current logits; all classifiers share it. At the start it returns the current
    logits unchanged. Under autocast, logits and their fusion keep the precision of the weights.

    With propagation "none" it is a single-frame network: it has no fusion layer, and uses no previous frame and no
    flow.

    Args:
        image: the image network.
        propagation: how logits move along the flow: "warp" (backward, bilinear; TPS), "splat" (forward, rounded;
            DA-VSN), or "none" for single frames (ADVENT).
        flow_scale: see :func:`davsn.ops.warp.resize_flow`.
        statistics: which frames update the running statistics of batch normalisation, which prediction uses. "both":
            all frames of training. "target": only unchanged frames of the target, so none of :meth:`off_target`.
    """

    window: Window | None = None
    """The windows in which the image network sees each frame, for prediction alone; None: it sees whole frames. Fusion
    always acts on the logits of whole frames."""

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
        self._target_counted = False  # whether an unchanged target frame has updated the statistics in this step
        self.fusion: nn.Conv2d | None = None
        if self.looks_back:
            self.fusion = nn.Conv2d(2 * self.num_classes, self.num_classes, 1, bias=False)
            nn.init.dirac_(self.fusion.weight)  # the identity on the current frame's logits, 0 on the previous frame's

    @property
    def looks_back(self) -> bool:
        """Whether the network uses the previous frame; False for a single-frame network."""
        return self.propagation != "none"

    @property
    def levels(self) -> tuple[str, ...]:
        """The names of the classifiers: ``"main"``, and ``"aux"`` if the image network has an auxiliary classifier."""
        return ("main", "aux") if self.image.auxiliary else ("main",)

    def forward(
        self,
        current: Tensor,
        previous: Tensor | None = None,
        flow: Tensor | None = None,
        previous_logits: Levels | None = None,
        features: bool = False,
    ) -> Prediction:
        """Logits of the current frame, fused with those of the previous frame.

        Args:
            current: (B, 3, H, W) RGB in [0, 1].
            previous: the previous frame, of the same shape. It is not used if ``previous_logits`` is given, or by a
                single-frame network.
            flow: (B, 2, h, w) current→previous, at any resolution; not used by a single-frame network.
            previous_logits: this network's logits of the previous frame alone: ``Prediction.current`` of the frame
                before. With them a stream in evaluation mode needs only half as many passes.
            features: whether to return the current frame's features too; only for image networks that offer them.
        """
        self._target_counted = True
        read = None
        if features:
            logits, read = self.image.with_features(current)
            current_logits = self._precise(logits)
        else:
            current_logits = self._precise(self._seen(current))
        if not self.looks_back:
            return Prediction(current_logits, current_logits, features=read)
        assert flow is not None, "a video network needs the flow current→previous"
        with torch.no_grad():
            if previous_logits is None and previous is current and not self.training:
                previous_logits = current_logits  # as in the first frame of a stream
            elif previous_logits is None:
                assert previous is not None, "give the previous frame, or its logits"
                previous_logits = self._precise(self._seen(previous))
            resized = resize_flow(flow, _size(current_logits.main), self.flow_scale)
            moved = previous_logits.each(lambda level: self.propagate(level, resized)[0])
        return Prediction(self._fuse(current_logits, moved), current_logits, previous_logits, resized, read)

    def off_target(self, *seen: Tensor | None, features: bool = False) -> Prediction:
        """Forward pass for frames outside the target domain; leaves the target's statistics unchanged.

        Such frames are the source's, and target frames that were mixed or augmented; see ``statistics``.

        Args:
            seen: the current frame, the previous frame and the flow, as in :meth:`forward`.
            features: as in :meth:`forward`.
        """
        counted = self._target_counted
        try:
            with _running_statistics_kept(self) if self.statistics == "target" else nullcontext():
                return cast(Prediction, self(*seen, features=features))
        finally:
            self._target_counted = counted

    @torch.no_grad()
    def count_target(self, target: Tensor) -> None:
        """End a step: update statistics of "target" even if the method passed only changed target frames.

        Args:
            target: (B, 3, H, W) unchanged frames; used only if no forward pass of the step had unchanged target frames.
        """
        if self.statistics == "target" and self.training and not self._target_counted:
            self.image(target)
        self._target_counted = False

    def propagate(self, maps: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """Move maps from the previous frame's grid to the current frame's grid.

        Args:
            maps: (B, K, h, w).
            flow: (B, 2, h, w) current→previous at the maps' resolution.

        Returns:
            the moved maps (B, K, h, w), and a mask (B, h, w) bool, True where a value of the previous frame arrived.
        """
        assert self.looks_back, "a single-frame network propagates nothing"
        return (splat if self.propagation == "splat" else warp)(maps, flow)

    @torch.no_grad()
    def scores(self, current: Tensor, previous: Tensor | None, flow: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The fused main logits (B, C, H, W), resized to ``size``."""
        return upsample(self._fused(current, previous, flow), size)

    @torch.no_grad()
    def predict(self, current: Tensor, previous: Tensor | None, flow: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The predicted train ids (B, H, W) int64 at ``size``: the largest of :meth:`scores`, the first if several."""
        return upsampled_largest(self._fused(current, previous, flow), size)

    @torch.no_grad()
    def step(
        self, current: Tensor, flow: Tensor | None, memory: Levels | None, size: tuple[int, int]
    ) -> tuple[Tensor, Levels]:
        """Predict the next frame of a stream. Each frame passes the image network once.

        Args:
            current: (B, 3, H, W) RGB in [0, 1].
            flow: (B, 2, h, w) current→previous; None for a single-frame network.
            memory: what the step before returned; None for a first frame, which is its own previous frame.
            size: (H, W) of the scores.

        Returns:
            the scores, as :meth:`scores` gives them, and the memory for the next step: the logits of this frame alone.
        """
        fused, memory = self._next(current, flow, memory)
        return upsample(fused, size), memory

    @torch.no_grad()
    def predict_next(
        self, current: Tensor, flow: Tensor | None, memory: Levels | None, size: tuple[int, int]
    ) -> tuple[Tensor, Levels]:
        """The train ids (B, H, W) int64 of the next frame of a stream: the largest scores of :meth:`step`; and memory.

        The scores are not built at ``size``, so this is faster.
        """
        fused, memory = self._next(current, flow, memory)
        return upsampled_largest(fused, size), memory

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Trainable parameters by role, each once: the image network's groups, and ``"fusion"`` if there is one."""
        groups = self.image.groups()
        return groups if self.fusion is None else {**groups, "fusion": list(self.fusion.parameters())}

    def _fused(self, current: Tensor, previous: Tensor | None, flow: Tensor | None) -> Tensor:
        """The fused main logits at their own resolution."""
        with main_alone(self):
            prediction: Prediction = self(current, previous, flow)
        return prediction.fused.main

    def _next(self, current: Tensor, flow: Tensor | None, memory: Levels | None) -> tuple[Tensor, Levels]:
        """The fused main logits of the next frame of a stream, at their own resolution, and the memory."""
        with main_alone(self):
            prediction: Prediction = self(current, current, flow, memory)
        return prediction.fused.main, prediction.current

    def _seen(self, frames: Tensor) -> Levels:
        """The image network's logits; from windows, only those of the main classifier, at the size of the frames."""
        if self.window is None:
            seen: Levels = self.image(frames)
            return seen
        return slid(lambda part: Levels(self.image(part).main), frames, self.window)

    def _precise(self, logits: Levels) -> Levels:
        precision = next(self.parameters()).dtype
        return logits.each(lambda level: level.to(precision))

    def _fuse(self, current: Levels, moved: Levels) -> Levels:
        assert self.fusion is not None
        with torch.autocast(current.main.device.type, enabled=False):
            pairs = {name: (level, moved.named[name]) for name, level in current.named.items()}
            return Levels(**{name: self.fusion(torch.cat(pair, 1)) for name, pair in pairs.items()})


@contextmanager
def _running_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Keep running statistics unchanged while batch normalisation in training mode normalises by batch statistics."""
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
