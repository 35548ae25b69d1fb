"""PixMatch: consistency under changes of the image (Melas-Kyriazi and Manrai, CVPR 2021), in a version for video.

The segmenter predicts pseudo-labels for a target clip. Then it learns to predict them again in changed copies of the
clip: with other colours and geometry, with the light of a source clip, and with a box of a source clip pasted in. It
needs no teacher and no threshold.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from pydantic import Field

from davsn.core.clip import Batch, Levels
from davsn.learning.geometry import draw_geometry
from davsn.learning.method import SupervisedSettings, Term
from davsn.learning.mixing import at_size, labelled, pasted
from davsn.learning.supervision import pseudo_supervision
from davsn.learning.teacher import TeacherMethod
from davsn.ops.augmentation import draw_photometric
from davsn.ops.mixing import rectangle
from davsn.ops.pictures import with_low_frequencies
from davsn.ops.pseudo_labels import PseudoLabels, most_likely, only_sure
from davsn.ops.resize import upsample

Changed = tuple[Batch, PseudoLabels]
"""A changed clip, and its pseudo-labels from before the change."""


class PixMatch(TeacherMethod):
    """Learn from the source's labels, and from the segmenter's own labels of target clips in changed copies of them."""

    class Config(SupervisedSettings):
        """Settings of PixMatch; a weight of 0 leaves out a change and its pass through the network."""

        augmented: float = Field(0.1, ge=0)
        """Weight of consistency under changes in colour and geometry."""
        fourier: float = Field(0.1, ge=0)
        """Weight of consistency under low-frequency amplitudes from source frames."""
        cutmix: float = Field(0.1, ge=0)
        """Weight of consistency around a pasted box of a source clip."""
        threshold: float = Field(0.0, ge=0, le=1)
        """Only labels with a probability above this count; 0 trusts all, as published."""
        band: float = Field(0.01, ge=0, le=0.5)
        """The highest frequency that changes, as a share of the frames' shorter side (β)."""
        blur: tuple[float, ...] = Field((0.5, 1.0), min_length=1)
        """Standard deviations of the augmented frames' blur, in pixels."""
        jitter: float = Field(0.2, ge=0, le=1)
        """Largest change, from 1, of the factors of the augmented frames' brightness, contrast and saturation."""

    paper = "Melas-Kyriazi and Manrai, PixMatch: Unsupervised Domain Adaptation via Pixelwise Consistency, CVPR 2021"
    when = "A self-training baseline without a teacher, for a trained start; each of its changes costs a pass."
    single_frames = True
    faithful: ClassVar[Mapping[str, Any]] = {}

    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[tuple[Term, ...]]:
        """See :class:`~davsn.learning.method.Method`."""
        assert target is not None
        config = self.config
        on_source = self.on_source(source)
        yield self.supervision(on_source, source)

        labels = self.pseudo_labels(target)
        target, source = at_size(target, target.size), at_size(source, target.size)
        for name, change in (("augmented", self.augment), ("fourier", self.relight), ("cutmix", self.cut_in)):
            weight = getattr(config, name)
            if weight:
                clip, found = change(source, target, labels)
                on_changed = self.segmenter.off_target(*clip.seen)
                yield pseudo_supervision(name, on_changed, found, *config.weights(weight))

    def label(self, target: Batch) -> PseudoLabels:
        """The segmenter's own pseudo-labels for the clip; the auxiliary ones come from the mean of both classifiers."""
        fused: Levels = self.segmenter(*target.seen).fused
        main, aux = fused.each(lambda logits: upsample(logits, target.size).float().softmax(1))
        threshold, trusted = self.config.threshold, torch.ones_like(main[:, 0])
        labels, sureness = most_likely(main)
        if aux is None:
            sure = only_sure(labels, sureness, threshold)
            return PseudoLabels(sure, sure, trusted)
        either = torch.maximum(sureness, aux.amax(1))
        return PseudoLabels(
            only_sure(labels, sureness, threshold), only_sure((main + aux).argmax(1), either, threshold), trusted
        )

    @torch.no_grad()
    def augment(self, source: Batch, target: Batch, labels: PseudoLabels) -> Changed:
        """The target clip with other colours; a part of it is resized to the size of the whole."""
        reach = self.config.jitter
        colours = draw_photometric(self.config.blur, (reach, reach, reach, reach / 4), blurred=0.5)
        geometry = draw_geometry(target.size)
        clip = replace(target, frames={offset: colours(frame) for offset, frame in target.frames.items()})
        return geometry.clip(clip), PseudoLabels(*map(geometry.pixels, labels))

    @torch.no_grad()
    def relight(self, source: Batch, target: Batch, labels: PseudoLabels) -> Changed:
        """The target clip with the light of the source clip."""
        frames = {
            offset: with_low_frequencies(frame, source.frames[offset], self.config.band)
            for offset, frame in target.frames.items()
        }
        return replace(target, frames=frames), labels

    @torch.no_grad()
    def cut_in(self, source: Batch, target: Batch, labels: PseudoLabels) -> Changed:
        """The target clip with a box of the source clip pasted in, and the source's labels there."""
        assert source.labels is not None
        rows, columns = rectangle(target.size)
        mask = torch.zeros_like(source.labels, dtype=torch.bool)
        mask[:, rows, columns] = True
        return pasted(source, target, mask), labelled(source.labels, labels, mask)
