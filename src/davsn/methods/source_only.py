"""Source only: train on the labelled source alone. It is the baseline that every adaptation has to beat."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from davsn.core.clip import Batch
from davsn.learning.method import PUBLISHED, Method, SupervisedSettings, Term


class SourceOnly(Method):
    """Supervised training on source video; it never reads the target."""

    class Config(SupervisedSettings):
        """Settings of source-only training."""

    paper = "The baseline of TPS (Xing et al., ECCV 2022)"
    when = "Always train it first: the baseline for all other methods, and the start for those that need one."
    target = None
    single_frames = True
    faithful: ClassVar[Mapping[str, Any]] = {**PUBLISHED, "video.propagation": "warp", "training.clip": None}

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        yield self.supervision(self.on_source(source), source)
