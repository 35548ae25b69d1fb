"""Mean teacher with class mixing: DACS (Tranheden et al., WACV 2021), which DAFormer (CVPR 2022) continues.

A teacher that slowly follows the segmenter predicts pseudo-labels for the target. Half of the classes of a source frame
are pasted into a target frame, and their labels into its pseudo-labels. The segmenter learns from the mixed frame after
a strong augmentation. Here the previous frame and the flow are mixed too, so that a video network sees moving objects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from pydantic import Field

from davsn.core.clip import Batch
from davsn.learning.method import SupervisedSettings, Term
from davsn.learning.mixing import at_size, labelled, pasted
from davsn.learning.supervision import pseudo_supervision
from davsn.learning.teacher import Statistics, Teacher, TeacherMethod, taught
from davsn.networks.video import VideoSegmenter
from davsn.ops.augmentation import draw_photometric
from davsn.ops.mixing import half_of_the_classes
from davsn.ops.pseudo_labels import PseudoLabels, most_likely, trusted_share, without_margins
from davsn.ops.resize import upsample


class MeanTeacher(TeacherMethod):
    """Learn from the source's labels, and from a teacher's labels of target frames with source objects pasted in."""

    class Config(SupervisedSettings):
        """Settings of the mean teacher; the defaults are those of DACS and DAFormer."""

        target_weight: float = Field(1.0, ge=0)
        """Weight of the mixed frames' losses, relative to the source's."""
        decay: float = Field(0.999, ge=0, lt=1)
        """Decay of the teacher's moving average after its warm-up."""
        statistics: Statistics = "batch"
        """Statistics of the teacher's batch normalisation: those of the 'batch', as in DACS, or the 'running' ones."""
        threshold: float = Field(0.968, ge=0, le=1)
        """A frame's pseudo-labels are weighted by the share of its pixels whose probability is above this threshold."""
        margin_above: int = Field(0, ge=0)
        """Rows at the top whose pseudo-labels do not count; DAFormer leaves out 15 of 512."""
        margin_below: int = Field(0, ge=0)
        """Rows at the bottom whose pseudo-labels do not count, because of the ego vehicle; DAFormer leaves out 120 of
        512."""
        mixing: bool = True
        """Paste source classes into target frames; false learns from target frames alone."""
        blur: tuple[float, ...] = Field((0.5, 1.0), min_length=1)
        """Standard deviations of the mixed frames' blur, in pixels."""
        jitter: float = Field(0.2, ge=0, le=1)
        """Largest change, from 1, of the factors of the mixed frames' brightness, contrast and saturation."""

    paper = "Tranheden et al., DACS: Domain Adaptation via Cross-domain Mixed Sampling, WACV 2021"
    when = "For long runs, on single frames or video; also as the base of masked."
    single_frames = True
    faithful: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, config: Config, segmenter: VideoSegmenter) -> None:
        super().__init__(config, segmenter)
        self.teacher = Teacher(segmenter, config.decay, config.statistics)
        self.kept = {"teacher": self.teacher}

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        assert target is not None
        on_source = self.on_source(source)
        yield self.supervision(on_source, source)

        mixed, labels = self.mixed(source, target)
        on_mixed = self.segmenter.off_target(*mixed.seen)
        yield pseudo_supervision("mixed", on_mixed, labels, *self.config.weights(self.config.target_weight))

    def label(self, target: Batch) -> PseudoLabels:
        """The teacher's pseudo-labels for target frames; all labels of a frame weigh the same, but 0 in the margins."""
        likely = upsample(taught(self.teacher, target).fused.main, target.size).float().softmax(1)
        labels, sureness = most_likely(likely)
        share = trusted_share(sureness, self.config.threshold)[:, None, None].expand_as(sureness)
        trusted = without_margins(share, self.config.margin_above, self.config.margin_below)
        return PseudoLabels(labels, labels, trusted)

    @torch.no_grad()
    def mixed(self, source: Batch, target: Batch) -> tuple[Batch, PseudoLabels]:
        """A target clip with source objects in it, after a strong augmentation, and its labels."""
        labels = self.pseudo_labels(target)
        clip = at_size(target, target.size)
        if self.config.mixing:
            source = at_size(source, clip.size)
            assert source.labels is not None
            mask = half_of_the_classes(source.labels, self.segmenter.num_classes)
            clip, labels = pasted(source, clip, mask), labelled(source.labels, labels, mask)
        reach = self.config.jitter
        change = draw_photometric(self.config.blur, (reach, reach, reach, reach / 4), grey=0.0)
        return replace(clip, frames={offset: change(frame) for offset, frame in clip.frames.items()}), labels

    def after_step(self, step: int) -> None:
        """Let the teacher follow the segmenter."""
        self.teacher.follow(self.segmenter)
