"""AdaBN: adapt only the statistics of batch normalisation to the target (Li et al., 2018).

The mean and variance of features describe much of how a domain looks. A network that was trained on the source
normalises with the source's statistics. Here target frames pass through it, and their statistics replace those of the
source.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from davsn.core.clip import Batch, ClipSpec
from davsn.core.errors import ConfigError
from davsn.core.settings import Settings
from davsn.learning.method import Method, Term
from davsn.networks.normalisation import batch_norms, estimate_statistics
from davsn.networks.video import VideoSegmenter


class BatchNorm(Method):
    """Re-estimate the normalisation statistics on target frames; no parameter is trained, and no source is read.

    Raises:
        ConfigError: a network without batch normalisation, such as one with layer normalisation.
    """

    class Config(Settings):
        """Settings of AdaBN."""

        momentum: float | None = Field(None, gt=0, le=1)
        """Weight of a new batch in the running statistics. null: the mean over all target batches, whatever their
        order, without the source. A number: a moving average, in which the source and older batches fade out."""

    paper = "Li et al., Adaptive Batch Normalization for Practical Domain Adaptation, Pattern Recognition 2018"
    when = "Try it first, on a trained network: a step costs one forward pass."
    source = ClipSpec(frames=())
    target = ClipSpec()
    single_frames = True
    needs_start = True
    whole_batches = True
    faithful: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, config: Config, segmenter: VideoSegmenter) -> None:
        super().__init__(config, segmenter)
        if not batch_norms(segmenter):
            raise ConfigError(
                "batch_norm",
                ["network  has no batch normalisation to adapt. Choose a network with BatchNorm, or another method"],
            )

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """Yield no terms: the forward pass itself updates the running statistics."""
        assert target is not None
        share = 1 / (step + 1) if self.config.momentum is None else self.config.momentum
        # The current frame alone: the previous frame would add almost the same features again.
        estimate_statistics(self.segmenter, target.current, share)
        yield from ()
