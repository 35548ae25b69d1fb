"""The teacher of self-training: a slow copy of the segmenter, surer than the segmenter of the moment.

Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017.
"""

import copy
from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

from davsn.core.clip import Batch, Prediction
from davsn.learning.method import Method
from davsn.networks.video import VideoSegmenter
from davsn.ops.pseudo_labels import PseudoLabels

Statistics = Literal["batch", "running"]


def frozen(segmenter: VideoSegmenter, statistics: Statistics) -> VideoSegmenter:
    """A copy of the segmenter that stays as it is and predicts without dropout; for the method's ``kept`` modules.

    By which statistics its batch normalisation predicts matters more than all else where the domains look apart. The
    running ones are of the source or of both domains, and know little of the target; those of a batch are the target's,
    since that is all the copy ever sees.

    Args:
        segmenter: what to copy.
        statistics: of the batch normalisation: the 'running' ones, as in prediction, or those of the 'batch'.
    """
    copied = copy.deepcopy(segmenter).requires_grad_(False).eval()
    for norm in copied.modules() if statistics == "batch" else ():
        if isinstance(norm, nn.BatchNorm2d):
            norm.train()
            norm.momentum = 0.0  # the running ones stay as they are
    return copied


class Teacher(nn.Module):
    """A copy of the segmenter that follows it; for the method's ``kept`` modules.

    It is the segmenter after the first step; then its weights and batch statistics are a moving average, whose memory
    grows with the steps up to that of ``decay``: min(1 − 1/(t + 1), decay) after t more, as in DACS (Tranheden et al.,
    WACV 2021). It predicts without dropout.

    PyTorch's AveragedModel does the same, but looks at its counter on the host in every step.

    Args:
        segmenter: the network that is trained.
        decay: of the average, in [0, 1).
        statistics: see :func:`frozen`; the public code of DACS and of MIC predicts by those of the batch.
    """

    def __init__(self, segmenter: VideoSegmenter, decay: float, statistics: Statistics = "batch") -> None:
        super().__init__()
        self.module, self.decay = frozen(segmenter, statistics), decay
        self.register_buffer("followed", torch.zeros(()))

    def forward(self, *seen: Tensor | None) -> Prediction:
        """What the copy says; see :class:`VideoSegmenter`."""
        prediction: Prediction = self.module(*seen)
        return prediction

    @torch.no_grad()
    def follow(self, segmenter: VideoSegmenter) -> None:
        """Take over what a step has changed."""
        followed = self.get_buffer("followed").add_(1)
        new = 1 - (1 - 1 / followed).clamp(max=self.decay)
        ours, theirs = ([*each.parameters(), *each.buffers()] for each in (self.module, segmenter))
        for mean, value in zip(ours, theirs, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, new.to(mean.dtype))
            else:
                mean.copy_(value)


@torch.no_grad()
def taught(teacher: nn.Module, batch: Batch) -> Prediction:
    """What the teacher says of a batch, whether it looks back or not."""
    prediction: Prediction = teacher(*batch.seen)
    return prediction


class TeacherMethod(Method):
    """A method that labels target frames itself; others, such as masked, can then learn from its labels too."""

    _answered: tuple[Batch, PseudoLabels] | None = None

    def pseudo_labels(self, target: Batch) -> PseudoLabels:
        """What the method says of target frames. Asked of the same batch again, it says the same, at no cost.

        Args:
            target: a step's batch.
        """
        if self._answered is None or self._answered[0] is not target:
            with torch.no_grad():
                self._answered = target, self.label(target)
        return self._answered[1]

    @abstractmethod
    def label(self, target: Batch) -> PseudoLabels:
        """How :meth:`pseudo_labels` come about, for a batch that is new; called without gradients."""
