"""MinEnt: direct entropy minimisation (the first half of ADVENT, Vu et al., CVPR 2019, section 3.1).

A network that was trained on the source is certain there and uncertain on the target. MinEnt makes it certain on the
target too.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from davsn.core.clip import Batch, Prediction
from davsn.learning.method import PUBLISHED, Method, SupervisedSettings, Term
from davsn.ops.resize import upsample
from davsn.ops.uncertainty import entropy_loss


class MinEnt(Method):
    """Learn from the source's labels, and minimise the entropy of target predictions."""

    class Config(SupervisedSettings):
        """Settings of MinEnt; the defaults are the published ones."""

        entropy_weight: float = Field(0.001, ge=0)
        """Weight of the main classifier's entropy (λ_ent of the paper)."""
        aux_entropy: float = Field(0.2, ge=0)
        """Weight of the auxiliary classifier's entropy, relative to the main classifier's."""

    paper = "Vu et al., ADVENT: Adversarial Entropy Minimization for Domain Adaptation, CVPR 2019 (MinEnt)"
    when = "A simple, cheap second baseline; with too large a weight, every pixel gets the same class."
    single_frames = True
    faithful: ClassVar[Mapping[str, Any]] = {**PUBLISHED, "video.propagation": "none", "training.clip": None}

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        assert target is not None
        on_source = self.on_source(source)
        yield self.supervision(on_source, source)

        on_target: Prediction = self.segmenter(*target.seen)
        losses = on_target.fused.each(lambda logits: entropy_loss(upsample(logits, target.size).softmax(1)))
        weight = self.config.entropy_weight
        weights = {"main": weight, "aux": weight * self.config.aux_entropy}
        yield tuple(Term(f"entropy/{level}", loss, weight=weights[level]) for level, loss in losses.named.items())
