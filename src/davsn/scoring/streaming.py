"""Prediction on a stream of frames, one at a time, with what the frame before left behind."""

from collections.abc import Generator, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from davsn.core.ahead import ahead
from davsn.data.transforms import Size, resize_frame
from davsn.data.video.footage import Frame
from davsn.data.video.labelled import Labelled
from davsn.flow.consistency import consistent
from davsn.flow.estimator import FlowEstimator
from davsn.networks.predicting import Precision, predicting, without_gradients
from davsn.networks.views import SegmentationNetwork, Views
from davsn.ops.arrays import pictures
from davsn.ops.resize import largest, upsample
from davsn.ops.smoothing import moving_average

SMOOTH = 0.5
"""The usual weight of the past with smoothing."""


class _Shown(NamedTuple):
    """A frame as the network gets it.

    Attributes:
        whole: (H, W) of the frame itself.
        current: (1, 3, h, w) RGB in [0, 1] at the network's input size.
        begins: whether it has no previous frame.
        flow: (1, 2, h, w) current→previous; None if nothing needs it.
        back: (1, 2, h, w) previous→current; None without smoothing, or without a previous frame.
    """

    whole: tuple[int, int]
    current: Tensor
    begins: bool
    flow: Tensor | None
    back: Tensor | None


def stream(  # noqa: PLR0913 - all that a prediction depends on
    network: SegmentationNetwork | Views,
    frames: Iterable[Frame],
    estimator: FlowEstimator,
    size: Size | None = None,
    device: torch.device | str = "cpu",
    precision: Precision = "fp32",
    probabilities: bool = False,
    smooth: float = 0.0,
    side_by_side: bool = False,
) -> Generator[Labelled, None, None]:
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
        side_by_side: whether frames are read, and flow is estimated, in two threads while the network predicts the
            frames before. It reads up to four frames ahead. The result is the same.
    """
    needs_flow, turned = network.looks_back or bool(smooth), bool(smooth)
    read: Iterable[Frame] = ahead(frames) if side_by_side else frames
    shown: Iterable[_Shown] = _shown(read, estimator, size, device, precision, needs_flow, turned)
    memory: Any = None
    average: Tensor | None = None
    for each in ahead(shown) if side_by_side else shown:
        # Entered anew for each frame: a mode held across a yield would apply to the caller's code too.
        with predicting(network, device, precision):
            if each.begins:
                memory = average = None
            if probabilities or smooth:
                inner = (each.current.shape[-2], each.current.shape[-1]) if smooth else each.whole
                scores, memory = network.step(each.current, each.flow, memory, inner)
                likely = scores.float().softmax(1)
                if smooth:
                    average = likely = _averaged(likely, average, each, smooth)
                    likely = upsample(likely, each.whole)
                ids = largest(likely if smooth else scores)
            else:
                ids, memory = network.predict_next(each.current, each.flow, memory, each.whole)
            mask = ids[0].to(torch.uint8).cpu().numpy()
        yield Labelled(mask, likely[0].cpu().numpy() if probabilities else None)


def _shown(
    frames: Iterable[Frame],
    estimator: FlowEstimator,
    size: Size | None,
    device: torch.device | str,
    precision: Precision,
    needs_flow: bool,
    both_ways: bool,
) -> Iterator[_Shown]:
    """Resize frames and estimate flow; see :func:`stream`."""
    previous: Tensor | None = None
    for frame in frames:
        whole = (frame.shape[0], frame.shape[1])
        with without_gradients(device, precision):
            current = _tensor(frame, size).to(device)
            if previous is not None and previous.shape != current.shape:
                previous = None
            flow = _flow(estimator, current, previous) if needs_flow else None
            back = None if previous is None or not both_ways else estimator.estimate(previous, current)
            begins, previous = previous is None, current
        yield _Shown(whole, current, begins, flow, back)


def _averaged(likely: Tensor, average: Tensor | None, shown: _Shown, smooth: float) -> Tensor:
    """The moving average (1, C, h, w) of the probabilities; the first frame has its own probabilities."""
    if average is None or shown.flow is None or shown.back is None:
        return likely
    return moving_average(likely, average, shown.flow, consistent(shown.flow, shown.back), smooth)


def _flow(estimator: FlowEstimator, current: Tensor, previous: Tensor | None) -> Tensor:
    """The flow current→previous; zero if there is no previous frame."""
    if previous is None:
        return current.new_zeros(1, 2, *current.shape[-2:])
    return estimator.estimate(current, previous)


def _tensor(frame: Frame, size: Size | None) -> Tensor:
    """A frame as a tensor (1, 3, H, W) float32, RGB in [0, 1], resized to ``size`` if given."""
    return pictures([frame if size is None else resize_frame(frame, size)])
