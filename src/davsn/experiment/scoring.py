"""Scores a trained network on one labelled set, with progress."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from davsn.core.clip import Batch
from davsn.core.console import Report, progress
from davsn.core.plugins import Choice
from davsn.data.loading import Samples, evaluation_batches
from davsn.data.precompute import shared_by_clip
from davsn.experiment.pictures import Pictures
from davsn.experiment.preparation import fill_with_progress
from davsn.experiment.trained import Trained, scored_frames
from davsn.networks.predicting import Precision
from davsn.networks.video import VideoSegmenter
from davsn.networks.views import SegmentationNetwork, Views
from davsn.networks.windows import Window
from davsn.scoring.evaluation import evaluate
from davsn.scoring.frames import frame_table
from davsn.scoring.measures import DEFAULT, Measures
from davsn.scoring.scores import Scores


def score(  # noqa: PLR0913 - what a command can ask for
    trained: Trained,
    part: Choice,
    name: str,
    labelled_only: bool = False,
    network: SegmentationNetwork | Views | None = None,
    precision: Precision | None = None,
    pictures: Path | None = None,
    measures: Measures = DEFAULT,
    frames: Path | None = None,
) -> Scores:
    """Score a network and show progress; see :func:`davsn.experiment.trained.scored_frames`.

    Where several ranks share the work, each predicts some of the clips, and all return the scores of all clips.

    Args:
        trained: the network.
        part: the data set.
        name: the name of the set.
        labelled_only: see :func:`davsn.experiment.trained.scored_frames`.
        network: an ensemble, or a network with test-time augmentation, to score in place of the network.
        precision: the precision to run it in; None: that of its training.
        pictures: a folder for the predictions of the labelled frames; see :class:`davsn.experiment.pictures.Pictures`.
        measures: the metrics and the protocol.
        frames: a file for the scores of every frame; see :mod:`davsn.scoring.frames`.
    """
    part, neighbours = measures.protocol.data(part), measures.in_time and not labelled_only
    samples = scored_frames(trained, part, labelled_only=labelled_only, neighbours=neighbours)
    fill_with_progress(samples, trained.device)
    samples = shared_by_clip(samples)
    keep = Pictures(pictures, samples, trained.taxonomy) if pictures is not None else lambda batch, prediction: None
    with progress(f"scoring {name}", len(samples)) as report:
        batches = _reported(samples, report)
        taxonomy = trained.taxonomy.scored_on(samples.dataset.taxonomy)
        precision = precision or trained.experiment.training.precision
        network = network or trained.segmenter
        table = nullcontext() if frames is None else frame_table(frames)
        with _seen_through(measures.protocol.window, network), table as scored:
            return evaluate(network, batches, taxonomy, trained.device, precision, keep, measures, scored)


@contextmanager
def _seen_through(window: Window | None, network: SegmentationNetwork | Views) -> Iterator[None]:
    """Let every network without a window of its own see frames through this one, until the block ends."""
    whole = [each for each in network.modules() if isinstance(each, VideoSegmenter) and each.window is None]
    try:
        for each in whole:
            each.window = window
        yield
    finally:
        for each in whole:
            each.window = None


def _reported(samples: Samples, report: Report) -> Iterator[Batch]:
    for done, batch in enumerate(evaluation_batches(samples, shared=True), 1):
        yield batch
        report(done)
