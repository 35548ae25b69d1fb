"""DA-VSN: domain adaptive video segmentation via temporal consistency regularisation (Guan et al., ICCV 2021).

Section 3 of the paper has three parts. The network learns from the source's labels (3.1). Discriminators should not be
able to tell target predictions of two neighbouring frames from source predictions (cross-domain temporal consistency,
3.2). Target predictions should agree with those propagated from the previous frame, where the latter have the lower
entropy (intra-domain temporal consistency, 3.3).
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from davsn.core.clip import Batch, Prediction
from davsn.learning.adversarial import fool, tell_apart
from davsn.learning.method import PUBLISHED, Method, SupervisedSettings, Term
from davsn.networks.discriminator import discriminator
from davsn.networks.video import VideoSegmenter
from davsn.ops.losses import weight_discrepancy, weighted_l1
from davsn.ops.resize import upsample
from davsn.ops.uncertainty import entropy

VIEWS = ("spatio_temporal", "spatial")


class DaVsn(Method):
    """Cross-domain and intra-domain temporal consistency regularisation."""

    class Config(SupervisedSettings):
        """Settings of DA-VSN; the defaults are the published ones."""

        adversarial_weight: float = Field(0.001, ge=0)
        """Weight of fooling the discriminators (λ_u of the paper)."""
        consistency_weight: float = Field(0.001, ge=0)
        """Weight of intra-domain consistency (λ_u too)."""
        aux_adversarial: float = Field(0.2, ge=0)
        """Weight of fooling the auxiliary discriminators, relative to the main ones."""
        spatial: float = Field(1.0, ge=0)
        """Weight of the spatial discriminators, relative to the spatio-temporal ones (λ_sa)."""
        discrepancy: float = Field(1.0, ge=0)
        """Weight of keeping the two discriminators of one classifier different (λ_wd)."""
        softmax: Literal["per_frame", "joint"] = "per_frame"
        """'per_frame': over the C classes of each frame. 'joint': over the 2C channels of both frames, as in the public
        code."""
        views: Literal["image", "logits"] = "image"
        """Resolution of the discriminators' input: that of the images, as published, or that of the logits, which is
        much cheaper."""
        discriminator_width: int = Field(64, ge=1)
        """Channels of a discriminator's first layer; a small network needs only a small discriminator."""

    paper = "Guan et al., Domain Adaptive Video Segmentation via Temporal Consistency Regularization, ICCV 2021"
    when = "For video whose two domains share their layout; the most expensive method."
    faithful: ClassVar[Mapping[str, Any]] = {**PUBLISHED, "video.propagation": "splat", "method.softmax": "joint"}

    def __init__(self, config: Config, segmenter: VideoSegmenter) -> None:
        super().__init__(config, segmenter)
        self.judges = {
            f"{view}/{level}": discriminator(2 * segmenter.num_classes, config.discriminator_width)
            for view in VIEWS
            for level in reversed(segmenter.levels)
        }
        self.shares = {
            name: (config.spatial if "spatial/" in name else 1.0) * (config.aux_adversarial if "aux" in name else 1.0)
            for name in self.judges
        }
        self.parts = {**self.parts, **self.judges}

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[Term | tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        assert target is not None
        on_source = self.on_source(source)
        yield self.supervision(on_source, source)

        on_target = self.segmenter(*target.seen)
        target_views = self.views(on_target, target.size)
        yield (*self.consistency(on_target), *self.fool(target_views))

        with torch.no_grad():
            source_views = self.views(on_source, source.size)
        yield from self.judge(source_views, target_views)
        yield from self.discrepancy()

    def views(self, prediction: Prediction, size: tuple[int, int]) -> Mapping[str, Tensor]:
        """The input of the discriminators: class probabilities of two frames, or of the current frame twice (3.2).

        Returns:
            name of the discriminator → (B, 2C, H, W) at the images' ``size``, or (B, 2C, h, w).
        """
        assert prediction.previous is not None
        views = {}
        if self.config.views == "logits":
            size = (prediction.current.main.shape[-2], prediction.current.main.shape[-1])
        for level, current in prediction.current.named.items():
            previous = prediction.previous.named[level]
            views[f"spatio_temporal/{level}"] = self.probabilities(current, previous, size)
            views[f"spatial/{level}"] = self.probabilities(current, current, size)
        return views

    def probabilities(self, first: Tensor, second: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, 2C, H, W) probabilities from two (B, C, h, w) logits."""
        if self.config.softmax == "joint":
            return upsample(torch.cat([first, second], 1), size).softmax(1)
        return torch.cat([upsample(first, size).softmax(1), upsample(second, size).softmax(1)], 1)

    def consistency(self, prediction: Prediction) -> Iterator[Term]:
        """Intra-domain consistency: follow the propagated previous prediction where its entropy is lower (3.3)."""
        assert prediction.flow is not None
        assert prediction.previous is not None
        for level, logits in prediction.current.named.items():
            current = logits.softmax(1)
            with torch.no_grad():
                previous = prediction.previous.named[level].softmax(1)
                with_entropy = torch.cat([previous, entropy(previous)[:, None]], 1)
                moved, arrived = self.segmenter.propagate(with_entropy, prediction.flow)
                surer = arrived & (moved[:, -1] < entropy(current))
            loss = weighted_l1(current, moved[:, :-1], surer[:, None])
            yield Term(f"consistency/{level}", loss, weight=self.config.consistency_weight)

    def fool(self, target_views: Mapping[str, Tensor]) -> Iterator[Term]:
        """Cross-domain consistency, the segmenter's losses: target predictions should look like source ones (3.2)."""
        for name, view in target_views.items():
            yield fool(name, self.judges[name], view, self.config.adversarial_weight * self.shares[name])

    def judge(
        self, source_views: Mapping[str, Tensor], target_views: Mapping[str, Tensor]
    ) -> Iterator[tuple[Term, ...]]:
        """Cross-domain consistency, the discriminators' losses."""
        for name, judge in self.judges.items():
            yield tell_apart(name, judge, source_views[name], target_views[name])

    def discrepancy(self) -> Iterator[Term]:
        """Keep the two discriminators of one classifier different from each other (3.2)."""
        for level in self.segmenter.levels:
            pair = tuple(f"{view}/{level}" for view in VIEWS)
            loss = weight_discrepancy(*(self.judges[name] for name in pair))
            yield Term(f"discrepancy/{level}", loss, pair, self.config.adversarial_weight * self.config.discrepancy)
