"""The teacher of self-training: a slowly changing copy of the segmenter, with more reliable predictions.

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
    """A copy of the segmenter that never changes and predicts without dropout; for the method's ``kept`` modules.

    Where the domains look very different, the choice of the batch normalisation's statistics matters most. The running
    statistics come from the source or from both domains, so they describe the target poorly. The batch statistics
    describe the target, since the copy sees target frames only.

    Args:
        segmenter: the network to copy.
        statistics: what batch normalisation uses: the 'running' statistics, as in prediction, or those of the 'batch'.
    """
    copied = copy.deepcopy(segmenter).requires_grad_(False).eval()
    for norm in copied.modules() if statistics == "batch" else ():
        if isinstance(norm, nn.BatchNorm2d):
            norm.train()
            norm.momentum = 0.0  # the running statistics do not change
    return copied


class Teacher(nn.Module):
    """A copy of the segmenter that follows it; for the method's ``kept`` modules.

    After the first step it equals the segmenter. From then on, its weights and batch normalisation statistics are a
    moving average. After t more steps, the decay is min(1 − 1/(t + 1), ``decay``), as in DACS (Tranheden et al., WACV
    2021). It predicts without dropout.

    PyTorch's AveragedModel computes a similar average, but reads its counter on the host in every step.

    Args:
        segmenter: the network that is trained.
        decay: largest decay of the moving average, in [0, 1).
        statistics: see :func:`frozen`; the public code of DACS and of MIC predicts with the batch statistics.
    """

    def __init__(self, segmenter: VideoSegmenter, decay: float, statistics: Statistics = "batch") -> None:
        super().__init__()
        self.module, self.decay = frozen(segmenter, statistics), decay
        self.register_buffer("followed", torch.zeros(()))

    def forward(self, *seen: Tensor | None) -> Prediction:
        """The teacher's prediction; see :class:`VideoSegmenter`."""
        prediction: Prediction = self.module(*seen)
        return prediction

    @torch.no_grad()
    def follow(self, segmenter: VideoSegmenter) -> None:
        """Update the moving average with the segmenter's new weights and statistics."""
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
    """The teacher's prediction for a batch; the teacher may be a video network or a single-frame network."""
    prediction: Prediction = teacher(*batch.seen)
    return prediction


class TeacherMethod(Method):
    """A method that makes pseudo-labels for target frames; another method, such as masked, can learn from them too."""

    _answered: tuple[Batch, PseudoLabels] | None = None

    def pseudo_labels(self, target: Batch) -> PseudoLabels:
        """The method's pseudo-labels for target frames.

        A second call with the same batch returns the same labels at no cost.

        Args:
            target: a step's batch.
        """
        if self._answered is None or self._answered[0] is not target:
            with torch.no_grad():
                self._answered = target, self.label(target)
        return self._answered[1]

    @abstractmethod
    def label(self, target: Batch) -> PseudoLabels:
        """Compute the pseudo-labels of a new batch; :meth:`pseudo_labels` calls it without gradients."""
