"""Evaluation: a network predicts frame by frame, and metrics count."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from davsn.core import ranks
from davsn.core.clip import Batch
from davsn.data.labels.taxonomy import Taxonomy
from davsn.networks.predicting import Precision, predicting
from davsn.networks.views import SegmentationNetwork, Views
from davsn.ops.resize import largest
from davsn.scoring.frames import Row, row
from davsn.scoring.measures import DEFAULT, Measures, build_metric
from davsn.scoring.metric import Counts, Metric, Need, Seen
from davsn.scoring.metric_scores import MetricScores
from davsn.scoring.neighbours import Neighbours
from davsn.scoring.scores import Scores
from davsn.scoring.uncertainty import total


def evaluate(  # noqa: PLR0913 - what a caller can ask for
    segmenter: SegmentationNetwork | Views,
    batches: Iterable[Batch],
    taxonomy: Taxonomy,
    device: torch.device | str = "cpu",
    precision: Precision = "fp32",
    predicted: Callable[[Batch, Tensor], object] = lambda batch, prediction: None,
    measures: Measures = DEFAULT,
    scored: Callable[[str, Row], object] | None = None,
) -> Scores:
    """Score a network by a protocol, and count metrics. Memory does not grow with the number of frames.

    The fused main logits are resized (aligned corners) to the size of the label map. The class with the largest logit
    is predicted, the first one if several are equal.

    If the previous frame of a sample was not predicted, metrics in time leave the sample out: a prediction would need
    the frame before the previous one, which a sample does not hold. A prediction without that frame would come from
    another network than the one that is scored. So a sparsely labelled set has no values in time, unless its unlabelled
    frames are given too. That is allowed: they count there and in no IoU.

    Where several ranks share the work, each gets the batches of whole clips, in the order of the ranks. Every rank
    returns the scores of all, which are those of one process to the bit.

    Args:
        segmenter: the network or ensemble, also with test-time augmentation; its training or evaluation mode is
            restored afterwards.
        batches: batches in temporal order within each clip, with names ``clip/frame`` and the frames 0 and -1; for a
            single-frame network, frame 0 is enough.
        taxonomy: the class table: the classes, and which of them are scored.
        device: the device to compute on.
        precision: the precision of the network; resizing and counting are exact in either.
        predicted: called with each batch and its (B, H, W) train ids, at the size of the label map if there is one.
        measures: the metrics and the protocol.
        scored: called with the name ``clip/frame`` and the scores of each frame; see :mod:`davsn.scoring.frames`.
    """
    begin = time.perf_counter()
    chosen, protocol = measures.chosen(_met(segmenter)), measures.protocol
    tallies = {name: _Tally(build_metric(choice, taxonomy)) for name, choice in chosen.items()}
    needs = {need for tally in tallies.values() for need in tally.metric.needs}
    neighbours = Neighbours(max(tally.metric.frames_back for tally in tallies.values()))
    frames = 0
    with predicting(segmenter, device, precision):
        for batch in batches:
            batch = batch.to(device)
            prediction, likely = _predicted(segmenter, batch, "probabilities" in needs)
            labels = protocol.counted(batch.labels, prediction, taxonomy)
            for index, seen in enumerate(neighbours.seen(batch, prediction, labels, likely)):
                counted = {name: (tally.metric, tally.add(seen)) for name, tally in tallies.items()}
                if scored is not None:
                    scored(batch.names[index], row(counted))
            predicted(batch, prediction)
            frames += len(prediction)
    clips = _gathered(tallies)
    found = {name: MetricScores.of(tally.metric, clips[name]) for name, tally in tallies.items()}
    consistency = found["consistency"].headline
    return Scores(
        names=taxonomy.names,
        unscored=taxonomy.unscored,
        counts=_matrix(clips["miou"], len(taxonomy)),
        frames=ranks.sums(frames)[0],
        seconds=time.perf_counter() - begin,
        temporal_consistency=None if math.isnan(consistency) else consistency,
        protocol=protocol.name,
        metrics=found,
    )


def _met(segmenter: SegmentationNetwork | Views) -> Iterator[Need]:
    """The needs of metrics that can be met. Frames that lack a label map or neighbours are left out one by one."""
    yield from ("labels", "probabilities", "neighbours")
    if segmenter.looks_back:
        yield "flow"


class _Tally:
    """The counts of one metric, by clip."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.clips: dict[str, Counts] = {}

    def add(self, seen: Seen) -> Counts | None:
        """Count on a frame, and return its counts."""
        counts = self.metric.count(seen)
        if counts is None:
            return None
        own: dict[str, Any] = {name: tensor.cpu().numpy() for name, tensor in counts.items()}
        before = self.clips.get(seen.clip)
        self.clips[seen.clip] = own if before is None else {name: before[name] + own[name] for name in own}
        return own


def _gathered(tallies: Mapping[str, _Tally]) -> dict[str, dict[str, Counts]]:
    """The counts of every metric by clip, of all ranks. The clips are in the order in which one process counts them."""
    parts = ranks.gathered({name: tally.clips for name, tally in tallies.items()})
    return {name: {clip: counts for part in parts for clip, counts in part[name].items()} for name in tallies}


def _predicted(
    segmenter: SegmentationNetwork | Views, batch: Batch, probabilities: bool
) -> tuple[Tensor, Tensor | None]:
    """The train ids (B, H, W) and, if wanted, the probabilities (B, C, H, W), at the size of the labels."""
    height, width = batch.size if batch.labels is None else batch.labels.shape[-2:]
    if not probabilities:
        prediction, likely = segmenter.predict(*batch.seen, (height, width)), None
    else:
        scores = segmenter.scores(*batch.seen, (height, width))
        prediction, likely = largest(scores), scores.float().softmax(1)
    if batch.labels is not None and batch.labels.shape != prediction.shape:
        raise ValueError(
            f"the labels have the shape {tuple(batch.labels.shape)}, but the prediction has {tuple(prediction.shape)}"
        )
    return prediction, likely


def _matrix(clips: Mapping[str, Counts], classes: int) -> tuple[tuple[int, ...], ...]:
    """The confusion matrix of all clips; zeros if no frame had a label map."""
    if not clips:
        return ((0,) * classes,) * classes
    return tuple(map(tuple, total(clips)["matrix"].tolist()))
