"""Evaluation by the published protocol, and temporal consistency."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from davsn.core.clip import IGNORE, Batch
from davsn.data.labels.taxonomy import Taxonomy
from davsn.networks.predicting import Precision, predicting
from davsn.networks.views import SegmentationNetwork, Views
from davsn.ops.warp import resize_flow, warp
from davsn.scoring.scores import ConfusionMatrix, Scores, iou, mean_percent

__all__ = ["ConfusionMatrix", "Scores", "evaluate", "iou"]

_REMEMBERED = 8
"""How many samples back the previous frame is searched for. It is the largest stride that gives a consistency."""


def evaluate(
    segmenter: SegmentationNetwork | Views,
    batches: Iterable[Batch],
    taxonomy: Taxonomy,
    device: torch.device | str = "cpu",
    precision: Precision = "fp32",
    progress: Callable[[int], object] = lambda frames: None,
    predicted: Callable[[Batch, Tensor], object] = lambda batch, prediction: None,
) -> Scores:
    """Score a network by the protocol of the DA-VSN benchmarks.

    The fused main logits are resized (aligned corners) to the size of the label map. The class with the largest logit
    is predicted, the first one if several are equal.

    **Temporal consistency** is the mIoU between the prediction and the previous frame's prediction. The latter is
    moved along the flow current→previous, from the nearest pixel. Only pixels count whose flow is valid and stays
    inside the frame. There is one confusion matrix for the whole set (after Liu et al., "Efficient Semantic Video
    Segmentation with Per-frame Inference", ECCV 2020).

    The previous frame's prediction is taken from one of the last eight samples of the clip: the sample whose current
    *image* equals this sample's previous image. Names cannot decide that, because with sparse labels or strides,
    neighbours in the list need not be neighbours in time. If there is no such sample, the previous frame is not
    predicted: that would need the frame before it, which a sample does not hold. A prediction without that frame would
    come from another network than the one that is scored.

    So a sparsely labelled set has no consistency, unless its unlabelled frames are given too. That is allowed: they
    count here and in no IoU. A single-frame network gets no flow, and has no consistency either.

    Args:
        segmenter: the network or ensemble, also with test-time augmentation; its training or evaluation mode is
            restored afterwards.
        batches: batches in temporal order within each clip, with names ``clip/frame`` and the frames 0 and -1; for a
            single-frame network, frame 0 alone.
        taxonomy: the class table: the classes, and which of them are scored.
        device: the device to compute on.
        precision: the precision of the network; resizing and counting are exact in either.
        progress: called after each batch with the number of frames done.
        predicted: called with each batch and its (B, H, W) train ids, at the size of the label map if there is one.
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
    """Counts the agreement of predictions along the flow. It remembers the last few samples, for strides above one."""

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
    """The previous prediction (H, W) on the current frame's grid, from the nearest pixel; 255 where it is unknown."""
    height, width = previous.shape
    flow = resize_flow(batch.flow[index : index + 1].float(), (height, width))
    # With whole-pixel motion the bilinear warp takes the nearest pixel; rounding then removes numerical noise.
    warped, known = warp(previous[None, None].float(), flow.round())
    trusted = batch.valid.get((0, -1))
    if trusted is not None:
        known = known & (interpolate(trusted[index : index + 1, None].float(), (height, width))[:, 0] > 0)
    return torch.where(known, warped[:, 0].round().long(), IGNORE)[0]
