"""ADVENT: adversarial entropy minimisation (Vu et al., CVPR 2019, section 3.2).

MinEnt makes each target pixel certain on its own. ADVENT makes the target's maps of self-information look like those of
the source: certain in the same places, and uncertain in the same places. A discriminator tells the two apart, and the
segmenter learns to fool it.
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
from davsn.ops.resize import upsample
from davsn.ops.uncertainty import self_information


class Advent(Method):
    """Learn from the source's labels, and align both domains' maps of self-information."""

    class Config(SupervisedSettings):
        """Settings of ADVENT; the defaults are the published ones."""

        adversarial_weight: float = Field(0.001, ge=0)
        """Weight of fooling the main discriminator (λ_adv of the paper)."""
        aux_adversarial: float = Field(0.2, ge=0)
        """Weight of fooling the auxiliary discriminator, relative to the main one."""
        views: Literal["image", "logits"] = "image"
        """Resolution of the discriminators' input: that of the images, as published, or that of the logits, which is
        much cheaper."""
        discriminator_width: int = Field(64, ge=1)
        """Channels of a discriminator's first layer; a small network needs only a small discriminator."""

    paper = "Vu et al., ADVENT: Adversarial Entropy Minimization for Domain Adaptation, CVPR 2019"
    when = "For domains that look different but share their layout."
    single_frames = True
    faithful: ClassVar[Mapping[str, Any]] = {**PUBLISHED, "video.propagation": "none", "training.clip": None}

    def __init__(self, config: Config, segmenter: VideoSegmenter) -> None:
        super().__init__(config, segmenter)
        self.judges = {
            level: discriminator(segmenter.num_classes, config.discriminator_width)
            for level in reversed(segmenter.levels)
        }
        self.weights = {
            "main": config.adversarial_weight,
            "aux": config.adversarial_weight * config.aux_adversarial,
        }
        self.parts = {**self.parts, **self.judges}

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        assert target is not None
        on_source = self.on_source(source)
        yield self.supervision(on_source, source)

        of_target = self.maps(self.segmenter(*target.seen), target.size)
        yield tuple(fool(level, self.judges[level], of_target[level], self.weights[level]) for level in of_target)

        with torch.no_grad():
            of_source = self.maps(on_source, source.size)
        for level, judge in self.judges.items():
            yield tell_apart(level, judge, of_source[level], of_target[level])

    def maps(self, prediction: Prediction, size: tuple[int, int]) -> Mapping[str, Tensor]:
        """The discriminators' input: level → self-information (B, C, H, W) at the images' ``size``, or (B, C, h, w)."""
        if self.config.views == "logits":
            size = (prediction.fused.main.shape[-2], prediction.fused.main.shape[-1])
        return prediction.fused.each(lambda logits: self_information(upsample(logits, size).softmax(1))).named
