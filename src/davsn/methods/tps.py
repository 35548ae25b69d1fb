"""TPS: temporal pseudo supervision (Xing et al., ECCV 2022).

Section 3: the network predicts pseudo-labels for an earlier pair of target frames. The labels move along the flow to
the current frame (cross-frame pseudo labelling). The network learns to predict them in a strongly augmented version of
the current frame (cross-frame augmentation). Source images take the colours of the target.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from davsn.core.clip import Batch, ClipSpec, Levels, Prediction
from davsn.core.errors import ConfigError
from davsn.learning.method import PUBLISHED, Method, SupervisedSettings, Term
from davsn.ops.augmentation import draw_photometric
from davsn.ops.losses import cross_entropy
from davsn.ops.pictures import as_if_normalised, match_histograms, wrapped
from davsn.ops.resize import upsample
from davsn.ops.warp import mirror_flow, resize_flow, warp


@dataclass(frozen=True)
class Draw:
    """The random choices of a step: whether the earlier frames are mirrored, and how the current frames are changed."""

    mirrored: bool
    scale: float
    photometric: Callable[[Tensor], Tensor]


class Tps(Method):
    """Learn from the source's labels, and from pseudo-labels that are moved along the flow from an earlier frame."""

    class Config(SupervisedSettings):
        """Settings of TPS. The settings from ``augmented`` on repair the public code; docs/methods.md explains them."""

        target_weight: float = Field(1.0, ge=0)
        """Weight of the loss on pseudo-labels (λ_T): published are 1 for SYNTHIA-Seq and 0.1 for VIPER."""
        interval: int = Field(1, ge=1)
        """Number of frames from the earlier frame, which gives the pseudo-labels, to the current frame."""
        blur: tuple[PositiveFloat, ...] | None = Field(None, min_length=1)
        """Standard deviations of the blur, in pixels. null: 5, 7 and 9 at a height of 512, as published, and in
        proportion at other heights."""
        scales: tuple[PositiveFloat, PositiveFloat] = (0.8, 1.2)
        """Smallest and largest size of the changed frames, relative to their own size."""
        augmented: Literal["pictures", "numbers"] = "pictures"
        """'pictures' augments the images. 'numbers' augments 8-bit numbers made after the mean is subtracted, as
        published."""
        mirrored_flow: Literal["negated", "kept"] = "negated"
        """The x component of the mirrored frames' flow: 'negated', or, as in the public code, with its sign 'kept'."""
        mirrored_back: Literal["before_warp", "after_warp"] = "before_warp"
        """When mirrored probabilities are mirrored back: 'before_warp', or, as in the public code, 'after_warp', so
        that they are warped along the unmirrored flow."""
        split: int | None = Field(None, ge=1)
        """Row at which the stack of two changed frames is cut. null is the frames' height; the public code cuts at
        512."""

    paper = "Xing et al., Domain Adaptive Video Segmentation via Temporal Pseudo Supervision, ECCV 2022"
    single_frames = True
    target_motion = True
    when = "For good flow and a start that is right more often than not."
    target = ClipSpec(frames=(0, -1, -2), flows=((0, -1), (-1, -2)))
    faithful: ClassVar[Mapping[str, Any]] = {
        **PUBLISHED,
        "video.propagation": "warp",
        "training.clip": None,
        "method.blur": [5, 7, 9],
        "method.augmented": "numbers",
        "method.mirrored_flow": "kept",
        "method.mirrored_back": "after_warp",
        "method.split": 512,
        "target.flow_names": "replaced",
    }

    @classmethod
    def clips(cls, config: Config) -> tuple[ClipSpec, ClipSpec | None]:
        """The requests for source and target samples.

        The target's request holds the current pair of frames and the pair ``interval`` frames earlier. The two pairs
        may share a frame.
        """
        early = -config.interval
        flows = dict.fromkeys([(0, -1), (0, early), (early, early - 1)])
        return cls.source, ClipSpec(tuple(dict.fromkeys((0, -1, early, early - 1))), tuple(flows))

    def draw(self, height: int) -> Draw:
        """The random choices of a step, for all samples of a batch whose frames have ``height`` rows."""
        mirrored = random.random() < 0.5
        low, high = (round(100 * scale) for scale in self.config.scales)
        scale = random.randrange(low, max(high, low + 1)) / 100
        blur = self.config.blur or [deviation * height / 512 for deviation in (5, 7, 9)]
        return Draw(mirrored, scale, draw_photometric(blur))

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        assert target is not None
        draw = self.draw(target.size[0])
        matched = {offset: match_histograms(frame, target.current) for offset, frame in source.frames.items()}
        on_source = self.on_source(replace(source, frames=matched))
        yield self.supervision(on_source, source)

        labels = self.pseudo_labels(target, draw)
        on_changed = self.segmenter.off_target(*self.changed(target, draw), target.flow)
        weights = dict(zip(("main", "aux"), self.config.weights(self.config.target_weight), strict=True))
        losses = {
            level: cross_entropy(upsample(on_changed.fused.named[level], (label.shape[-2], label.shape[-1])), label)
            for level, label in labels.named.items()
        }
        yield tuple(Term(f"pseudo/{level}", loss, weight=weights[level]) for level, loss in losses.items())

    @torch.no_grad()
    def pseudo_labels(self, target: Batch, draw: Draw) -> Levels:
        """Pseudo-labels of the earlier frames, moved to the current frame: (B, h, w) int64 for each classifier."""
        early = -self.config.interval
        current, previous, flow = target.frames[early], target.frames[early - 1], target.flows[early, early - 1]
        if draw.mirrored:
            current, previous = current.flip(-1), previous.flip(-1)
            flow = mirror_flow(flow) if self.config.mirrored_flow == "negated" else flow.flip(-1)

        def label(logits: Tensor) -> Tensor:
            maps, back = logits.softmax(1), self.config.mirrored_back
            maps = maps.flip(-1) if draw.mirrored and back == "before_warp" else maps
            motion = resize_flow(target.flows[0, early], (maps.shape[-2], maps.shape[-1]), self.segmenter.flow_scale)
            moved = warp(maps, motion)[0].argmax(1)
            return moved.flip(-1) if draw.mirrored and back == "after_warp" else moved

        prediction: Prediction = self.segmenter(current, previous, flow)
        return prediction.fused.each(label)

    @torch.no_grad()
    def changed(self, target: Batch, draw: Draw) -> tuple[Tensor, Tensor]:
        """The current and the previous frame after one strong augmentation of both, at another size."""
        height, width = target.size
        stack, row = torch.cat([target.current, target.previous], -2), self.config.split or height
        if row >= stack.shape[-2]:
            raise ConfigError(
                "tps", [f"method.split  {row} is not inside two stacked frames of {height} rows. Set it to null"]
            )
        numbers, change = self.config.augmented == "numbers", draw.photometric
        stack = as_if_normalised(change(wrapped(stack))) if numbers else change(stack)
        size = (round(height * draw.scale / 8) * 8, round(width * draw.scale / 8) * 8)
        return upsample(stack[..., :row, :], size), upsample(stack[..., row:, :], size)
