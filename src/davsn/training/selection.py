"""Choice of a checkpoint without target labels: published criteria that use predictions alone.

Papers of this field choose their best checkpoint by the labels of the set that they report on. A user of unlabelled
video cannot do this; these criteria can replace the labels. ``davsn eval --every`` and ``davsn sweep`` show how much
each criterion loses against that choice.

=================  ==================================================================================================
``information``    certain about each pixel, but with many classes in use: the mutual information of pixel and class
                   (Bridle et al., NIPS 1991; for adaptation Shi and Sha, ICML 2012). It detects a collapse to few
                   classes. It does not detect predictions that are certain but wrong. It prefers classes of equal
                   area, which streets do not have.
``invariance``     the same prediction, with the same certainty, for the mirrored frame, and for the previous frame's
                   prediction moved along the flow: effective invariance (Deng, Gould and Zheng, NeurIPS 2022), here
                   with the video's own motion as a second transformation. It does not detect a collapse to one class.
``neighbourhood``  pixels whose predictions lie close together in dense groups: soft neighbourhood density (Saito et
                   al., ICCV 2021). It does not detect a collapse either.
=================  ==================================================================================================

A higher value means a better network for all three. None of them is comparable between data sets or numbers of classes.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import normalize

from davsn.core.clip import Batch, Prediction
from davsn.core.errors import DataError
from davsn.networks.predicting import Precision, predicting
from davsn.networks.video import VideoSegmenter
from davsn.ops.warp import mirror_flow

Criterion = Literal["information", "invariance", "neighbourhood"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)

_TEMPERATURE = 0.05
"""The temperature of the neighbourhood density, as published."""
_POINTS = 1024
"""Number of evenly spaced pixels of a frame that are compared; all pixels would need too large a matrix."""


def label_free(
    segmenter: VideoSegmenter,
    batches: Iterable[Batch],
    device: torch.device | str = "cpu",
    precision: Precision = "fp32",
) -> dict[Criterion, float]:
    """Every criterion, from the softmax of a network's fused main logits at their own resolution.

    Args:
        segmenter: the network; its training or evaluation mode is restored afterwards.
        batches: target frames, with previous frame and flow for a video network; labels are ignored.
        device: where to compute.
        precision: the network's precision; the criteria are computed in float32 and summed in float64.

    Returns:
        ``information`` in [0, 1], ``invariance`` in [0, 1], ``neighbourhood`` in [0, 1] (its nats divided by those of
        uniform neighbourhoods).

    Raises:
        DataError: there are no frames.
    """
    information, invariance, neighbourhood = _Information(), _Mean(), _Mean()
    with predicting(segmenter, device, precision):
        for batch in batches:
            batch = batch.to(device)
            prediction = segmenter(*batch.seen)
            likely = prediction.fused.main.float().softmax(1)
            information.add(likely)
            for other, known in _transformed(segmenter, batch, prediction):
                invariance.add(_effective_invariance(likely, other)[known])
            neighbourhood.add(torch.stack([_density(frame) for frame in likely]))
    if not information.pixels:
        raise DataError("the label-free criteria need at least one target frame, but there is none")
    return {
        "information": information.value(),
        "invariance": invariance.value(),
        "neighbourhood": neighbourhood.value(),
    }


class _Information:
    """The entropy of the mean prediction minus the mean entropy of the predictions, divided by log C."""

    def __init__(self) -> None:
        self.sum = torch.zeros((), dtype=torch.float64)
        self.entropy, self.pixels = 0.0, 0

    def add(self, likely: Tensor) -> None:
        self.sum = self.sum + likely.sum((0, 2, 3)).cpu().double()
        self.entropy -= float(torch.special.xlogy(likely, likely).sum())
        self.pixels += likely[:, 0].numel()

    def value(self) -> float:
        mean = self.sum / self.pixels
        return (-float(torch.special.xlogy(mean, mean).sum()) - self.entropy / self.pixels) / math.log(len(mean))


class _Mean:
    """The mean of all numbers that were added."""

    def __init__(self) -> None:
        self.sum, self.count = 0.0, 0

    def add(self, values: Tensor) -> None:
        self.sum += float(values.double().sum()) if values.device.type != "mps" else float(values.sum())
        self.count += values.numel()

    def value(self) -> float:
        return self.sum / self.count if self.count else 0.0


def _transformed(segmenter: VideoSegmenter, batch: Batch, prediction: Prediction) -> Iterator[tuple[Tensor, Tensor]]:
    """Other predictions for the current frame, (B, C, h, w), and where they are known, (B, h, w) bool."""
    frames = {offset: frame.flip(-1) for offset, frame in batch.frames.items()}
    mirrored = replace(batch, frames=frames, flows={pair: mirror_flow(flow) for pair, flow in batch.flows.items()})
    likely = segmenter(*mirrored.seen).fused.main.float().softmax(1).flip(-1)
    yield likely, torch.ones_like(likely[:, 0], dtype=torch.bool)
    if prediction.previous is not None and prediction.flow is not None:
        yield segmenter.propagate(prediction.previous.main.float().softmax(1), prediction.flow)


def _effective_invariance(one: Tensor, other: Tensor) -> Tensor:
    """(B, h, w): the geometric mean of both probabilities where the predicted classes agree, 0 elsewhere."""
    (sure, answer), (sure_too, answer_too) = one.max(1), other.max(1)
    return torch.where(answer == answer_too, (sure * sure_too).clamp(min=0).sqrt(), 0)


def _density(likely: Tensor) -> Tensor:
    """The mean entropy of each pixel's similarities to the other pixels, divided by that of equal similarities.

    Args:
        likely: (C, h, w) probabilities.

    Returns:
        scalar.
    """
    points = likely.flatten(1).T
    chosen = torch.linspace(0, len(points) - 1, min(_POINTS, len(points)), device=likely.device).round().long()
    directions = normalize(points[chosen], dim=1)
    similar = (directions @ directions.T / _TEMPERATURE).fill_diagonal_(-math.inf).softmax(1)
    entropy: Tensor = -torch.special.xlogy(similar, similar).sum(1).mean()
    return entropy / math.log(max(len(chosen) - 1, 2))
