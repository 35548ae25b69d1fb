"""The published evaluation protocol, and temporal consistency."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from davsn.core.clip import IGNORE, Batch
from davsn.data.taxonomy import Taxonomy
from davsn.networks.ensemble import Ensemble
from davsn.networks.predicting import Precision, predicting
from davsn.networks.video import VideoSegmenter
from davsn.ops.warp import resize_flow, warp
from davsn.scoring.scores import ConfusionMatrix, Scores, iou, mean_percent

__all__ = ["ConfusionMatrix", "Scores", "evaluate", "iou"]

_REMEMBERED = 8
"""Samples back in which a sample's previous frame is looked for: the largest stride with a consistency."""


def evaluate(
    segmenter: VideoSegmenter | Ensemble,
    batches: Iterable[Batch],
    taxonomy: Taxonomy,
    device: torch.device | str = "cpu",
    precision: Precision = "fp32",
    progress: Callable[[int], object] = lambda frames: None,
    predicted: Callable[[Batch, Tensor], object] = lambda batch, prediction: None,
) -> Scores:
    """Score a network by the protocol of the DA-VSN benchmarks.

    The fused main logits are resized (corners aligned) to the label's own size and the largest wins, the first
    of equals.

    **Temporal consistency** is the mIoU between the prediction and the previous frame's prediction, fetched
    along the flow current→previous from the nearest pixel, where that lies in the frame and the flow is valid;
    one confusion matrix over the whole set (after Liu et al., "Efficient Semantic Video Segmentation with
    Per-frame Inference", ECCV 2020). The prediction of a sample's previous frame is that of the sample, among
    the last eight of the clip, whose current *picture* is this one's previous picture. Names alone cannot say
    that: sparse labels and strides make neighbours in the list that are none in time. Predicting the missing
    previous frame would need the frame before it, which a sample does not hold, and a prediction without it
    would come from another network than the one scored. So a sparsely labelled set has no consistency unless
    its unlabelled frames are given as well, which is allowed: they count here and in no IoU. A network of single
    frames is given no flow, and has none either.

    Args:
        segmenter: the network, or several; the training or evaluation mode is the same afterwards.
        batches: in temporal order within each clip, with names ``clip/frame`` and the frames 0 and -1; of a network
            of single frames, frame 0 alone.
        taxonomy: the classes, and which of them are scored.
        device: where to compute.
        precision: of the network; resizing and counting are exact in both.
        progress: called after each batch with the frames done.
        predicted: called with each batch and its (B, H, W) train ids, at the label's size where there is one.
    """
    begin = time.perf_counter()
    confusion = ConfusionMatrix(len(taxonomy), device)
    consistency = _Consistency(len(taxonomy), device)
    frames = 0
    with predicting(segmenter, device, precision):
        for batch in batches:
            batch = batch.to(device)
            height, width = batch.size if batch.labels is None else batch.labels.shape[-2:]
            prediction = segmenter.predict(*batch.seen, (height, width))
            if batch.labels is not None:
                confusion.update(batch.labels, prediction)
            if segmenter.looks_back:
                consistency.update(batch, prediction)
            predicted(batch, prediction)
            frames += len(prediction)
            progress(frames)
    counts = confusion.counts.tolist()
    return Scores(
        names=taxonomy.names,
        unscored=taxonomy.unscored,
        counts=tuple(tuple(row) for row in counts),
        frames=frames,
        seconds=time.perf_counter() - begin,
        temporal_consistency=consistency.score(taxonomy),
    )


class _Consistency:
    """Agreement of predictions along the flow; remembers the last few samples, for strides above one."""

    def __init__(self, num_classes: int, device: torch.device | str) -> None:
        self._confusion = ConfusionMatrix(num_classes, device)
        self._recent: deque[tuple[str, Tensor, Tensor]] = deque(maxlen=_REMEMBERED)

    def update(self, batch: Batch, prediction: Tensor) -> None:
        for index, name in enumerate(batch.names):
            clip = name.rpartition("/")[0]
            for other, picture, before in reversed(self._recent):
                if other == clip and torch.equal(picture, batch.previous[index]):
                    self._confusion.update(_fetched(before, batch, index), prediction[index])
                    break
            self._recent.append((clip, batch.current[index], prediction[index]))

    def score(self, taxonomy: Taxonomy) -> float | None:
        ratios = iou(self._confusion.counts.cpu().numpy())
        mean = mean_percent(ratios[list(taxonomy.scored)].tolist())
        return None if math.isnan(mean) else mean


def _fetched(previous: Tensor, batch: Batch, index: int) -> Tensor:
    """The previous prediction (H, W) on the current grid, from the nearest pixel; 255 where that cannot be known."""
    height, width = previous.shape
    flow = resize_flow(batch.flow[index : index + 1].float(), (height, width))
    # Whole-pixel motion makes the bilinear warp a nearest one; rounding afterwards removes its last digits.
    warped, known = warp(previous[None, None].float(), flow.round())
    trusted = batch.valid.get((0, -1))
    if trusted is not None:
        known = known & (interpolate(trusted[index : index + 1, None].float(), (height, width))[:, 0] > 0)
    return torch.where(known, warped[:, 0].round().long(), IGNORE)[0]
