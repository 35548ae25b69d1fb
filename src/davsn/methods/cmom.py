"""CMOM: consistent mixing of moving objects (Cho et al., WACV 2023).

A trained network, such as one of da_vsn, predicts pseudo-labels for the target, with a threshold for each class. Most
classes of a source clip are pasted into a target clip. This changes both frames and the flow, so that objects move as
before. The features of target regions are pulled towards those of source regions of the same class, where both frames
agree on the class (feature alignment with temporal context).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from davsn.core.clip import IGNORE, Batch, Prediction
from davsn.core.errors import ConfigError
from davsn.learning.alignment import FeatureAlignment
from davsn.learning.method import PUBLISHED, SupervisedSettings, Term
from davsn.learning.mixing import at_size, labelled, moved, pasted
from davsn.learning.supervision import pseudo_supervision
from davsn.learning.teacher import Statistics, TeacherMethod, frozen, taught
from davsn.learning.thresholds import ClassThresholds
from davsn.networks.video import VideoSegmenter
from davsn.ops.mixing import paste, share_of_the_classes
from davsn.ops.pseudo_labels import PseudoLabels
from davsn.ops.resize import upsample
from davsn.ops.warp import resize_flow


class Cmom(TeacherMethod):
    """Learn from the source and from target clips with moving source objects pasted in; align the features of regions.

    Raises:
        ConfigError: the network gives no features, or ``things`` are not train ids.
    """

    class Config(SupervisedSettings):
        """Settings of CMOM; the defaults are the published ones, except ``things`` and ``mixed_flow``."""

        share: float = Field(0.75, ge=0, le=1)
        """Share of a source frame's classes that is pasted."""
        alignment_weight: float = Field(0.01, ge=0)
        """Weight of the feature alignment, for stuff and for things."""
        things: tuple[int, ...] = ()
        """Train ids of the classes that are aligned object by object; all other classes are stuff. Published: 4, 5, 9 …
        14 of VIPER's 15 classes, 4, 5, 6, 9, 10, 11 of SYNTHIA-Seq's 12."""
        prototypes: int = Field(50, ge=1)
        """Number of regions remembered for each stuff class; for each class of things, ten times as many objects."""
        statistics: Statistics = "running"
        """Statistics of batch normalisation for pseudo-labels: 'running', as published, or those of the 'batch'. Choose
        'batch' if the start was not adapted to the target."""
        mixed_flow: Literal["repaired", "published"] = "repaired"
        """'repaired' scales each flow by its own ratios, mixes them with the current frame's mask, and checks agreement
        along the mixed flow. 'published' scales both flows by the source's ratio of heights, mixes them with the
        previous frame's mask, and checks agreement along the target's own flow."""

    paper = "Cho et al., Domain Adaptive Video Semantic Segmentation via Cross-Domain Moving Object Mixing, WACV 2023"
    when = "For a start that is already adapted, for example by da_vsn."
    needs_start = True
    faithful: ClassVar[Mapping[str, Any]] = {
        **PUBLISHED,
        "video.propagation": "splat",
        "method.mixed_flow": "published",
    }

    def __init__(self, config: Config, segmenter: VideoSegmenter) -> None:
        super().__init__(config, segmenter)
        channels, classes = segmenter.image.feature_channels, range(segmenter.num_classes)
        if channels is None:
            raise ConfigError(
                "cmom", ["network  gives no features to align. Choose deeplab or light, or another method"]
            )
        if unknown := sorted(set(config.things) - set(classes)):
            raise ConfigError("cmom", [f"method.things  {unknown} are no train ids; use 0 to {classes[-1]}"])
        self.labeller, self.thresholds = frozen(segmenter, config.statistics), ClassThresholds(len(classes))
        self.features = FeatureAlignment(len(classes), config.things, config.prototypes, channels)
        self.kept = {"labeller": self.labeller, "thresholds": self.thresholds, "features": self.features}

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        assert target is not None
        assert source.labels is not None
        on_source = self.on_source(source, features=True)
        yield self.supervision(on_source, source)

        assert on_source.features is not None
        classify = self.segmenter.image.classify
        predicted = on_source.current.main.argmax(1)
        self.features.remember(on_source.features, predicted, source.labels, classify)
        mixed, labels = self.mixed(source, target)
        on_mixed = self.segmenter.off_target(*mixed.seen, features=True)
        assert on_mixed.features is not None
        distances = self.features.losses(on_mixed.features, self.agreed(on_mixed, target), classify)
        yield (
            *pseudo_supervision("mixed", on_mixed, labels, *self.config.weights()),
            *(Term(f"alignment/{name}", far, weight=self.config.alignment_weight) for name, far in distances.items()),
        )

    def label(self, target: Batch) -> PseudoLabels:
        """The trained network's pseudo-labels for target frames, where their probability reaches its threshold."""
        likely = upsample(taught(self.labeller, target).fused.main, target.size).float().softmax(1)
        labels, sure = self.thresholds.believed(likely)
        labels = torch.where(sure, labels, IGNORE)
        return PseudoLabels(labels, labels, torch.ones_like(likely[:, 0]))

    @torch.no_grad()
    def mixed(self, source: Batch, target: Batch) -> tuple[Batch, PseudoLabels]:
        """A target clip in which most classes of a source clip move as they did there, and the labels of this clip."""
        labels = self.pseudo_labels(target)
        front, back = at_size(source, target.size), at_size(target, target.size)
        assert front.labels is not None
        mask = share_of_the_classes(front.labels, self.segmenter.num_classes, self.config.share)
        clip = pasted(front, back, mask)
        if self.config.mixed_flow == "published":
            ratio = target.flow.shape[-2] / source.flow.shape[-2]
            ours, theirs = (resize_flow(each.flow, target.size, "height").float() for each in (source, target))
            clip = replace(clip, flows={(0, -1): paste(moved(mask, front, -1), ours, theirs * ratio)})
        return clip, labelled(front.labels, labels, mask)

    @torch.no_grad()
    def agreed(self, on_mixed: Prediction, target: Batch) -> Tensor:
        """(B, h, w): the mixed clip's current labels, where the previous frame's, moved along the flow, are equal.

        All other pixels are 255.
        """
        assert on_mixed.previous is not None
        assert on_mixed.flow is not None
        label, flow = on_mixed.current.main.argmax(1), on_mixed.flow
        if self.config.mixed_flow == "published":
            flow = resize_flow(target.flow, (label.shape[-2], label.shape[-1]), self.segmenter.flow_scale)
        before, arrived = self.segmenter.propagate(on_mixed.previous.main.softmax(1), flow)
        return torch.where(arrived & (before.argmax(1) == label), label, IGNORE)
