"""AdaBN: the batch normalisation's statistics are those of the target, and nothing else changes (Li et al., 2018).

What a domain looks like is, for a good part, in the mean and variance of its features. A network that was trained on
the source normalises by the source's; here target frames pass through it, and theirs take the place.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import nn

from davsn.core.clip import Batch, ClipSpec
from davsn.core.errors import ConfigError
from davsn.core.settings import Settings
from davsn.learning.method import Method, Term
from davsn.networks.video import VideoSegmenter


class BatchNorm(Method):
    """Normalisation statistics re-estimated on target frames; no parameter is trained, and no source is read.

    Raises:
        ConfigError: a network without batch normalisation, such as one that normalises by layers.
    """

    class Config(Settings):
        """Settings of AdaBN."""

        momentum: float | None = Field(None, gt=0, le=1)
        """The share of a new batch in the running statistics. null: of all target batches alike, whatever their order,
        and none of the source. A number: the source's statistics fade out, and those of old batches with them."""

    paper = "Li et al., Adaptive Batch Normalization for Practical Domain Adaptation, Pattern Recognition 2018"
    when = "Before anything else, from a trained network: it costs a forward pass a step."
    source = ClipSpec(frames=())
    target = ClipSpec()
    single_frames = True
    needs_start = True
    faithful: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, config: Config, segmenter: VideoSegmenter) -> None:
        super().__init__(config, segmenter)
        self.norms = [module for module in segmenter.modules() if isinstance(module, nn.BatchNorm2d)]
        if not self.norms:
            raise ConfigError("batch_norm", ["network  has no batch normalisation to adapt. Take another, or a method"])

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """Nothing to minimise: the forward pass itself brings the running statistics up to date."""
        assert target is not None
        self.segmenter.eval()  # without dropout and the like, since prediction is without them
        share = 1 / (step + 1) if self.config.momentum is None else self.config.momentum
        for norm in self.norms:
            norm.train()
            norm.momentum = share  # not None, PyTorch's own mean, which would copy a counter to the host each time
        with torch.no_grad():
            self.segmenter.image(target.current)  # one frame a sample: the previous one says the same again
        yield from ()
