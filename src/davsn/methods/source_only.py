"""Source only: learn from the labelled source and hope. The row that every adaptation has to beat."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from davsn.core.clip import Batch, ClipSpec
from davsn.core.settings import Settings
from davsn.learning.method import PUBLISHED, Method, Term
from davsn.learning.supervision import supervision
from davsn.networks.video import VideoSegmenter


class SourceOnly(Method):
    """Supervised training on source video; the target is never seen."""

    class Config(Settings):
        """Settings of source-only training."""

        main_weight: float = Field(1.0, ge=0)
        """Weight of the main classifier's segmentation loss."""
        aux_weight: float = Field(0.1, ge=0)
        """Weight of the auxiliary classifier's segmentation loss."""

    paper = "The baseline of TPS (Xing et al., ECCV 2022)"
    when = "First, always: the row that every other has to beat, and the start of those that need one."
    source = ClipSpec(frames=(0, -1), flows=((0, -1),), labels=True)
    target = None
    single_frames = True
    faithful: ClassVar[Mapping[str, Any]] = {**PUBLISHED, "video.propagation": "warp", "training.clip": None}

    def __init__(self, config: Config, segmenter: VideoSegmenter) -> None:
        self.config = config
        self.segmenter = segmenter
        self.parts = {"segmenter": segmenter}

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        prediction = self.segmenter(*source.seen)
        yield supervision(prediction, source, self.config.main_weight, self.config.aux_weight)
