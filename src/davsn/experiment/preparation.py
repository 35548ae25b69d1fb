"""Preparation before the first step or frame: prints the data and the caches, and fills them with flow."""

import torch

from davsn.core.cache import GIGABYTE
from davsn.core.clip import ClipSpec
from davsn.core.console import progress, say
from davsn.core.errors import DataError, FileError
from davsn.core.plugins import Choice
from davsn.data.dataset import DatasetSettings
from davsn.data.labels.survey import Survey, doubts, sampled, size_doubt
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.loading import Samples, target_training
from davsn.data.precompute import count_pairs, fill_ahead, needs_filling, shared
from davsn.data.rare_classes import Counts
from davsn.data.reader import store_of
from davsn.experiment.building import build_dataset, build_labelled, device_of, within
from davsn.experiment.experiment import Experiment
from davsn.networks.predicting import bf16_slowdown

_SLOWER = 1.5
"""The ratio of bf16's time to fp32's from which a warning is given. A small convolution tells it only roughly."""


def fill_with_progress(samples: Samples, device: torch.device, batch_size: int = 1) -> None:
    """Fill the cache with flow, if that is needed first; see :func:`davsn.data.precompute.fill_ahead`."""
    if needs_filling(samples):
        with progress(f"flow by {samples.dataset.config.flow.name}", count_pairs(shared(samples))) as report:
            fill_ahead(samples, device, report, batch_size)


def read_ahead(part: Choice) -> None:
    """Read the frames of a cached target once, in order, with progress.

    In training they are read at random, and a seek in a video takes far longer than the next frame.

    Raises:
        DataError: a frame cannot be read, and ``bad_files`` is not 'skip'.
    """
    samples = Samples(target_training(build_dataset(part)), ClipSpec())
    with progress("reading target frames", len(samples)) as report:
        for index in range(len(samples)):
            try:
                samples.load(index)
            except FileError:
                if samples.dataset.config.bad_files == "error":
                    raise
            report(index + 1)


def tell_caches(experiment: Experiment) -> None:
    """Print where the data sets of an experiment cache frames or flow, and how full that folder is."""
    parts = (experiment.source, experiment.target, *experiment.validation.values())
    settings = [part.settings for part in parts if part is not None and isinstance(part.settings, DatasetSettings)]
    stores = {
        store.folder: store
        for store in map(store_of, filter(lambda config: config.cached or config.flow.cached, settings))
    }
    for place, store in stores.items():
        filled = f"{store.used() / GIGABYTE:.1f} of {store.limit / GIGABYTE:g} GB"
        say(f"Cache: {place}, {filled}; you can delete it at any time")


def bf16_helps(experiment: Experiment) -> bool:
    """Whether an experiment that runs out of memory should be told to use bf16."""
    training = experiment.training
    if training.precision == "bf16":
        return False
    return device_of(training.device).type != "cpu" or bf16_slowdown() < _SLOWER


def tell_data(key: str, samples: Samples, counts: Counts | None = None, share: int = 1) -> None:
    """Print which clips a domain has, and what is suspicious about its files and label maps.

    Args:
        key: the key of the data set in the recipe, such as 'source'.
        samples: the samples that training will use.
        counts: the pixels of each class in every label map, if they were counted; None: a few label maps are read.
        share: see :func:`davsn.data.labels.survey.sampled`.

    Raises:
        DataError: every pixel of every label map is ignored.
    """
    dataset = samples.dataset
    say("; ".join([f"{key}: {dataset.summary()}", *dataset.notes]))
    for doubt in dataset.doubts():
        say(f"Warning: {key}: {doubt}")
    if samples.spec.labels and dataset.taxonomy is not None and not dataset.draws_labels:
        survey = sampled(dataset, samples.places, share=share) if counts is None else Survey(counts, len(counts))
        for what, remedy in doubts(survey, dataset.taxonomy):
            if survey.nothing:
                raise DataError(what, key, remedy)
            say(f"Warning: {key}: {what}. {remedy}")
        _tell_other_size(key, samples)


def _tell_other_size(key: str, samples: Samples) -> None:
    """Warn of a label map whose size differs from its frame's, if one of three has it."""
    for clip, position in samples.spread(3).places:
        try:
            label, frame = samples.dataset.read_label(clip, position), samples.dataset.read_frame(clip, position)
        except FileError:  # training reports it, or skips it
            continue
        if doubt := size_doubt(label.shape, frame.shape):
            say(f"Warning: {key}: {samples.name(clip, position)}: {doubt.what}. {doubt.remedy}")
            return


def tell_validation(experiment: Experiment, taxonomy: Taxonomy) -> None:
    """Print the same of each validation set; together they take the time of one data set.

    Args:
        experiment: the experiment with the sets.
        taxonomy: the class table of its source.

    Raises:
        DataError: a set has no labels, or other classes than the source.
    """
    for name, part in experiment.validation.items():
        key = f"validation.{name}"
        with within(key, part):
            labelled = Samples(build_labelled(part, taxonomy), ClipSpec((0,), (), labels=True))
            tell_data(key, labelled, share=len(experiment.validation))


def slow_precision(experiment: Experiment) -> str | None:
    """What is wrong with the precision of an experiment: bf16 on a CPU that is faster in fp32. None if nothing is.

    Raises:
        ConfigError: the experiment's device is not on this machine.
    """
    training = experiment.training
    if device_of(training.device).type != "cpu" or training.precision != "bf16":
        return None
    times = bf16_slowdown()
    if times < _SLOWER:
        return None
    return f"bf16 is about {times:.2g} times slower than fp32 here: this CPU has no fast instructions for it"
