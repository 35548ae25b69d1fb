"""MinEnt: direct entropy minimisation (the first half of ADVENT, Vu et al., CVPR 2019, section 3.1).

A network that was trained on the source is sure there and unsure on the target. So be sure on the target as well.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from davsn.core.clip import Batch, ClipSpec
from davsn.core.settings import Settings
from davsn.learning.method import PUBLISHED, Method, Term
from davsn.learning.supervision import supervision
from davsn.networks.video import VideoSegmenter
from davsn.ops.resize import upsample
from davsn.ops.uncertainty import entropy_loss


class MinEnt(Method):
    """Learn from the source's labels, and minimise the entropy of the target's scores."""

    class Config(Settings):
        """Settings of MinEnt; the defaults are the published ones."""

        main_weight: float = Field(1.0, ge=0)
        """Weight of the main classifier's segmentation loss."""
        aux_weight: float = Field(0.1, ge=0)
        """Weight of the auxiliary classifier's segmentation loss."""
        entropy_weight: float = Field(0.001, ge=0)
        """Weight of the main classifier's entropy (λ_ent of the paper)."""
        aux_entropy: float = Field(0.2, ge=0)
        """The auxiliary classifier's share of the main one's weight."""

    paper = "Vu et al., ADVENT: Adversarial Entropy Minimization for Domain Adaptation, CVPR 2019 (MinEnt)"
    when = "A simple, cheap second baseline; too large a weight makes one class of everything."
    source = ClipSpec(frames=(0, -1), flows=((0, -1),), labels=True)
    target = ClipSpec(frames=(0, -1), flows=((0, -1),))
    single_frames = True
    faithful: ClassVar[Mapping[str, Any]] = {**PUBLISHED, "video.propagation": "none", "training.clip": None}

    def __init__(self, config: Config, segmenter: VideoSegmenter) -> None:
        self.config = config
        self.segmenter = segmenter
        self.parts = {"segmenter": segmenter}

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        assert target is not None
        on_source = self.segmenter.off_target(*source.seen)
        yield supervision(on_source, source, self.config.main_weight, self.config.aux_weight)

        on_target = self.segmenter(*target.seen)
        main, aux = (entropy_loss(upsample(logits, target.size).softmax(1)) for logits in on_target.fused)
        weight = self.config.entropy_weight
        yield (
            Term("entropy/main", main, weight=weight),
            Term("entropy/aux", aux, weight=weight * self.config.aux_entropy),
        )
