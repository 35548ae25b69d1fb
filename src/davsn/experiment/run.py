"""An experiment in a folder: trained there, and resumed from there."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

import davsn
from davsn.core.clip import Batch
from davsn.core.console import progress as shown
from davsn.core.console import say
from davsn.core.errors import ConfigError, DataError
from davsn.core.files.writing import replacing
from davsn.core.settings import read_yaml
from davsn.data.loading import Samples, evaluation_batches, target_training, training_batches
from davsn.data.precompute import fill_ahead
from davsn.data.rare_classes import class_draw
from davsn.experiment.building import build_adaptation, build_dataset, build_labelled, device_of
from davsn.experiment.experiment import Experiment, asked, clips_of, dump
from davsn.experiment.preparation import fill_with_progress, tell_caches
from davsn.experiment.trained import flat
from davsn.networks.video import VideoSegmenter
from davsn.training import checkpoint
from davsn.training.folder import RunFolder
from davsn.training.loop import Trainer, optimisation_of, train
from davsn.training.selection import Criterion, label_free

_JUDGED = 16
"""Target frames that a checkpoint is judged by, evenly spread over all."""


class Run:
    """An experiment in a folder: its settings, log, checkpoints and scores.

    Args:
        experiment: what to run.
        folder: where; a run that was stopped there goes on.

    Raises:
        ConfigError: the folder holds a run with other settings.
        DataError: a data set that cannot be used.
    """

    def __init__(self, experiment: Experiment, folder: Path) -> None:
        self.experiment, self.folder = experiment, RunFolder(folder)
        compare_settings(folder, dump(experiment))
        checkpoint.seed_everything(experiment.seed)
        self.device = device_of(experiment.training.device)
        source = build_dataset(experiment.source)
        if source.taxonomy is None:
            raise DataError(f"the source {experiment.source.name} has no labels to learn from; see docs/data.md")
        self.taxonomy = source.taxonomy
        for part in experiment.validation.values():
            build_labelled(part, self.taxonomy)  # a mistake there would else be found when training is over
        self.method = build_adaptation(experiment, len(self.taxonomy))
        of_source, of_target = clips_of(experiment)
        self.source = Samples(source, of_source) if of_source.frames else None
        self.target: Samples | None = None
        if of_target is not None and experiment.target is not None:
            self.target = Samples(target_training(build_dataset(experiment.target)), of_target)
        optimisation = optimisation_of(self.method, experiment.optimiser, experiment.training)
        self.trainer = Trainer(self.method, optimisation, experiment.training, self.device)

    def train(self, progress: Callable[[int, Mapping[str, float]], None] = lambda step, line: None) -> bool:
        """Train to the end, or on from where the run stopped; see :func:`davsn.training.loop.train`.

        Raises:
            ConfigError: another process is training in the same folder.
        """
        with alone(self.folder.path):
            for samples in self.domains:
                fill_ahead(samples, self.device, batch_size=self.experiment.training.batch_size)
            return self._train(progress)

    def _train(self, progress: Callable[[int, Mapping[str, float]], None]) -> bool:
        settings = dump(self.experiment)
        with replacing(self.folder.settings) as temporary:
            temporary.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
        extra = {"settings": settings, "taxonomy": self.taxonomy.as_data(), "version": davsn.__version__}
        return train(self.trainer, self._batches, self.folder, extra=extra, judge=self._judge(), progress=progress)

    @property
    def domains(self) -> list[Samples]:
        """The source's samples and the target's, as far as any are read."""
        return [samples for samples in (self.source, self.target) if samples is not None]

    def steps_saved(self) -> int:
        """How many steps the newest checkpoint in the folder has done; 0 for a new run."""
        return checkpoint.steps_of(self.folder.newest)

    def _batches(self, start: int) -> Iterator[tuple[Batch, Batch | None]]:
        settings = self.experiment.training
        share: dict[str, Any] = {"batch_size": settings.batch_size, "workers": settings.workers, "start": start}
        sources: Iterator[Batch] = repeat(Batch({}))
        if self.source is not None:
            by_class = class_draw(self.source, settings.rare_classes, self.folder.source_classes)
            sources = training_batches(self.source, seed=self.experiment.seed, by_class=by_class, **share)
        if self.target is None:
            return ((source, None) for source in sources)
        targets = training_batches(self.target, seed=self.experiment.seed + 1, **share)
        return zip(sources, targets, strict=True)

    def _judge(self) -> Callable[[VideoSegmenter], Mapping[Criterion, float]] | None:
        """Every label-free criterion on some target frames, also for a method that sees none; None without a target."""
        part, precision = self.experiment.target, self.experiment.training.precision
        if part is None:
            return None
        few = Samples(target_training(build_dataset(part)), asked(self.experiment)).spread(_JUDGED)
        return lambda segmenter: label_free(segmenter, evaluation_batches(few), self.device, precision)


def train_in(experiment: Experiment, folder: Path) -> bool:
    """Train in a folder with progress; False if a signal stopped it."""
    run = Run(experiment, folder)
    tell_caches(experiment)
    for domain in run.domains:
        if domain.left_out:
            say(f"{domain.left_out} frames have no neighbour and are left out; {len(domain)} remain")
        fill_with_progress(domain, run.device, experiment.training.batch_size)
    if experiment.training.rare_classes is not None and run.source is not None:
        with shown("counting classes", len(run.source)) as counted:
            class_draw(run.source, experiment.training.rare_classes, run.folder.source_classes, counted)
    with shown(f"training {experiment.name}", experiment.training.steps, run.steps_saved()) as report:
        return run.train(lambda done, line: report(done, _losses(line)))


def _losses(line: Mapping[str, float]) -> str:
    """The losses of a line of the log that a person wants to see fall."""
    shown = {key: value for key, value in line.items() if key.startswith("loss/") and key.endswith("/main")}
    return "  ".join(f"{key.removeprefix('loss/').removesuffix('/main')} {value:.3f}" for key, value in shown.items())


@contextmanager
def alone(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Be the only process that trains in a folder; a process that dies leaves it at once.

    Args:
        folder: of a run.
        wait: seconds to wait for another process to end; negative waits for ever.

    Raises:
        ConfigError: another process is training there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(RunFolder(folder).lock, timeout=wait):
            yield
    except Timeout:
        found = "another process is training there. Wait for it, or choose another --out"
        raise ConfigError(str(folder), [found]) from None


_NO_MATTER = ("cached", "cache_folder", "cache_limit")
"""Settings that change no number of a run: one that was stopped may go on with others."""


def compare_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Find that a folder holds no run, one with these settings, or one that ended before it had saved anything.

    Args:
        folder: where a run is to begin or to go on.
        settings: its own, as :func:`davsn.experiment.experiment.dump` gives them.

    Raises:
        ConfigError: the folder holds a run with other settings; names each that differs.
    """
    run = RunFolder(folder)
    if run.settings.is_file() and run.newest is not None:
        held = dict(flat(read_yaml(run.settings)))
        wanted = dict(flat(settings))
        changed = [
            f"{key}  is {held.get(key)!r} there and {wanted.get(key)!r} here"
            for key in sorted(held.keys() | wanted.keys())
            if held.get(key) != wanted.get(key) and key.rpartition(".")[2] not in _NO_MATTER
        ]
        if changed:
            raise ConfigError(
                f"{folder} holds a run with other settings (choose another --out, or delete it): it", changed
            )
