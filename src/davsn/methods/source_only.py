"""Source only: learn from the labelled source and hope. The row that every adaptation has to beat."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from davsn.core.clip import Batch
from davsn.learning.method import PUBLISHED, Method, SupervisedSettings, Term


class SourceOnly(Method):
    """Supervised training on source video; the target is never seen."""

    class Config(SupervisedSettings):
        """Settings of source-only training."""

    paper = "The baseline of TPS (Xing et al., ECCV 2022)"
    when = "First, always: the row that every other has to beat, and the start of those that need one."
    target = None
    single_frames = True
    faithful: ClassVar[Mapping[str, Any]] = {**PUBLISHED, "video.propagation": "warp", "training.clip": None}

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        yield self.supervision(self.on_source(source), source)
