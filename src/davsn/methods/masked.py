"""MIC: masked image consistency (Hoyer et al., CVPR 2023), over any method that makes pseudo-labels for target frames.

Blocks of a target frame are hidden. The segmenter learns to predict the teacher's labels of the whole frame from the
visible context. In video, hidden content must also be hidden in the previous frame: otherwise the fusion would just
copy it from there. So the mask moves with the flow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from davsn.core.clip import Batch, ClipSpec
from davsn.core.plugins import Choice, choice_of, find
from davsn.core.settings import Settings
from davsn.learning.method import Method, Term
from davsn.learning.mixing import at_size, moved
from davsn.learning.supervision import pseudo_supervision
from davsn.learning.teacher import TeacherMethod
from davsn.networks.video import VideoSegmenter
from davsn.ops.augmentation import draw_photometric
from davsn.ops.mixing import random_blocks
from davsn.ops.pictures import without

LARGEST = 64
"""Side length of a block in the paper, in pixels, for crops of 512 and of 1024."""


class Masked(Method):
    """All terms of another method, plus consistency between masked target frames and that method's pseudo-labels."""

    class Config(Settings):
        """Settings of masked image consistency; the defaults are the published ones."""

        over: Annotated[Choice, choice_of(TeacherMethod)] = Field("mean_teacher")  # type: ignore[assignment]  # validated
        """The method that masking is added to, with its own settings; it must make pseudo-labels for target frames."""
        weight: float = Field(1.0, ge=0)
        """Weight of the consistency (λ^M)."""
        aux_weight: float = Field(0.1, ge=0)
        """Weight of the auxiliary classifier's consistency, relative to the main classifier's."""
        share: float = Field(0.7, ge=0, le=1)
        """Share of a frame that is hidden (r)."""
        block: int | None = Field(None, ge=1)
        """Side length of a hidden block in pixels (b). null: an eighth of the frames' height, at least 8 and at most
        64, as published for heights of 512 and 1024."""
        blur: tuple[float, ...] = Field((0.5, 1.0), min_length=1)
        """Standard deviations of the masked frames' blur, in pixels."""
        jitter: float = Field(0.2, ge=0, le=1)
        """Largest change, from 1, of the factors of the masked frames' brightness, contrast and saturation."""

    paper = "Hoyer et al., MIC: Masked Image Consistency for Context-Enhanced Domain Adaptation, CVPR 2023"
    when = "On top of a self-training method that already works, where context tells classes apart."
    single_frames = True
    faithful: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, config: Config, segmenter: VideoSegmenter) -> None:
        super().__init__(config, segmenter)
        kind = find(TeacherMethod, config.over.name)
        self.inner = kind(config.over.settings, segmenter)
        self.parts, self.kept = self.inner.parts, self.inner.kept

    @property
    def needs_shares(self) -> bool:
        """Whether the inner method needs the source's class shares."""
        return self.inner.needs_shares

    def prepare(self, steps: int, source_shares: Tensor | None = None) -> None:
        """Prepare the inner method too."""
        super().prepare(steps, source_shares)
        self.inner.prepare(steps, source_shares)

    @classmethod
    def clips(cls, config: Config) -> tuple[ClipSpec, ClipSpec | None]:
        """The inner method's requests for source and target samples."""
        return find(TeacherMethod, config.over.name).clips(config.over.settings)

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[Term | tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        assert target is not None
        yield from self.inner.terms(source, target, step)

        labels, weight = self.inner.pseudo_labels(target), self.config.weight
        on_masked = self.segmenter.off_target(*self.masked(target).seen)
        yield pseudo_supervision("masked", on_masked, labels, weight, weight * self.config.aux_weight)

    @torch.no_grad()
    def masked(self, target: Batch) -> Batch:
        """Target frames with changed colours and hidden blocks; the blocks move along the flow."""
        target = at_size(target, target.size)
        block = self.config.block or min(LARGEST, max(8, target.size[0] // 8))
        hidden = random_blocks(target.current, block, self.config.share)
        reach = self.config.jitter
        change = draw_photometric(self.config.blur, (reach, reach, reach, reach / 4), grey=0.0)
        frames = {
            offset: without(change(frame), moved(hidden, target, offset))
            for offset, frame in target.frames.items()
            if offset in (0, -1)
        }
        return replace(target, frames=frames)

    def after_step(self, step: int) -> None:
        """Call the inner method's ``after_step``."""
        self.inner.after_step(step)
