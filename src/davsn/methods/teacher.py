"""The teacher of self-training: a slow copy of the segmenter, surer than the segmenter of the moment.

Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from davsn.clip import Batch, Prediction
from davsn.networks.video import VideoSegmenter


def teacher_of(segmenter: VideoSegmenter, decay: float) -> AveragedModel:
    """A copy of the segmenter that follows it when ``update_parameters(segmenter)`` is called after a step.

    It is the segmenter after the first step; then its weights and batch statistics are a moving average, whose memory
    grows with the steps up to that of ``decay``: min(1 − 1/(step + 1), decay), as in DACS (Tranheden et al., WACV
    2021). It predicts in evaluation mode, by those statistics and without dropout.

    Args:
        segmenter: the network that is trained.
        decay: of the average, in [0, 1).

    Returns:
        to be among the method's ``kept`` modules.
    """

    @torch.no_grad()
    def follow(teacher: Sequence[Tensor], student: Sequence[Tensor], updates: Tensor) -> None:
        memory = (1 - 1 / (updates + 1)).clamp(max=decay)
        for mean, new in zip(teacher, student, strict=True):
            if mean.is_floating_point():
                mean.lerp_(new, (1 - memory).to(mean.dtype))
            else:
                mean.copy_(new)

    teacher = AveragedModel(segmenter, multi_avg_fn=follow, use_buffers=True)  # type: ignore[arg-type]  # a Tensor it is
    return teacher.requires_grad_(False).eval()


@torch.no_grad()
def taught(teacher: nn.Module, batch: Batch) -> Prediction:
    """What the teacher says of a batch, whether it looks back or not."""
    prediction: Prediction = teacher(*batch.seen)
    return prediction
