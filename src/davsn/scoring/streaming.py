"""Prediction on a stream of frames, one at a time, with what the frame before left behind."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from davsn.data.transforms import Size, resize_frame
from davsn.data.video.footage import Frame
from davsn.data.video.labelled import Labelled
from davsn.flow.consistency import consistent
from davsn.flow.estimator import FlowEstimator
from davsn.networks.predicting import Precision, predicting
from davsn.networks.views import SegmentationNetwork, Views
from davsn.ops.arrays import pictures
from davsn.ops.resize import upsample
from davsn.ops.smoothing import moving_average

SMOOTH = 0.5
"""The usual weight of the past with smoothing."""


def stream(  # noqa: PLR0913 - all that a prediction depends on
    network: SegmentationNetwork | Views,
    frames: Iterable[Frame],
    estimator: FlowEstimator,
    size: Size | None = None,
    device: torch.device | str = "cpu",
    precision: Precision = "fp32",
    probabilities: bool = False,
    smooth: float = 0.0,
) -> Iterator[Labelled]:
    """Predict the masks of a video, one for each frame, in order. Memory does not grow with the video's length.

    Every frame passes the image network once, because the logits of the previous frame are kept. Two kinds of frames
    have no previous frame: the first one, and one whose size differs from the frame before. They are their own
    previous frame, without motion. A single-frame network gets each frame alone, and no flow is estimated.

    With smoothing, class probabilities are averaged over time along the flow, at the network's input size. Flow is
    estimated in both directions then; see :func:`davsn.ops.smoothing.moving_average`.

    Args:
        network: the segmentation network, or an ensemble, or either with test-time augmentation.
        frames: the frames, read one at a time.
        estimator: estimates the flow between neighbours, at the network's input size.
        size: the size of the network's input, by which each frame is resized; None: each frame's own size.
        device: the device to compute on.
        precision: the precision of the network.
        probabilities: whether to return the probability of every class too.
        smooth: the weight of the past in [0, 1); 0: no smoothing.
    """
    memory: Any = None
    previous: Tensor | None = None
    average: Tensor | None = None
    flow: Tensor | None = None
    for frame in frames:
        current, whole = _tensor(frame, size).to(device), (frame.shape[0], frame.shape[1])
        # Entered anew for each frame: a mode held across a yield would apply to the caller's code too.
        with predicting(network, device, precision):
            if previous is None or previous.shape != current.shape:
                memory = average = previous = None
            if network.looks_back or smooth:
                flow = _flow(estimator, current, previous)
            inner = (current.shape[-2], current.shape[-1]) if smooth else whole
            scores, memory = network.step(current, flow, memory, inner)
            likely = scores.float().softmax(1) if probabilities or smooth else None
            if likely is not None and smooth:
                if average is not None and previous is not None and flow is not None:
                    trusted = consistent(flow, estimator.estimate(previous, current))
                    likely = moving_average(likely, average, flow, trusted, smooth)
                average = likely
                scores = likely = upsample(likely, whole)
            mask = scores.argmax(1)[0].to(torch.uint8).cpu().numpy()
            previous = current
        yield Labelled(mask, likely[0].cpu().numpy() if likely is not None and probabilities else None)


def _flow(estimator: FlowEstimator, current: Tensor, previous: Tensor | None) -> Tensor:
    """The flow current→previous; zero if there is no previous frame."""
    if previous is None:
        return current.new_zeros(1, 2, *current.shape[-2:])
    return estimator.estimate(current, previous)


def _tensor(frame: Frame, size: Size | None) -> Tensor:
    """A frame as a tensor (1, 3, H, W) float32, RGB in [0, 1], resized to ``size`` if given."""
    return pictures([frame if size is None else resize_frame(frame, size)])
