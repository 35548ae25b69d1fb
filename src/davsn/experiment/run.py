"""A run: an experiment that is trained in a folder, and resumed from it."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any

import torch
import yaml

import davsn
from davsn.core import ranks
from davsn.core.clip import Batch, ClipSpec
from davsn.core.console import progress as shown
from davsn.core.errors import ConfigError
from davsn.core.files.writing import replacing
from davsn.core.memory import enough_memory
from davsn.core.plugins import Choice
from davsn.data.loading import Samples, evaluation_batches, target_training, training_batches
from davsn.data.precompute import fill_ahead
from davsn.data.rare_classes import Counts, class_draw, class_shares, counted
from davsn.experiment.building import (
    build_adaptation,
    build_dataset,
    build_labelled,
    build_source,
    build_style_frames,
    device_of,
    each_within,
    within,
)
from davsn.experiment.environment import write_environment
from davsn.experiment.experiment import Experiment, asked, clips_of, dump
from davsn.experiment.pictures import SHOWN, write_sheet
from davsn.experiment.preparation import (
    bf16_helps,
)
from davsn.experiment.resuming import alone, compare_settings
from davsn.learning.method import Method
from davsn.networks.normalisation import SharedStatistics, batch_norms, estimate_statistics
from davsn.networks.video import VideoSegmenter
from davsn.training import checkpoint
from davsn.training.folder import RunFolder
from davsn.training.loop import Trainer, optimisation_of, train
from davsn.training.saving import Judge
from davsn.training.selection import Criterion, label_free
from davsn.training.settings import TrainingSettings

_JUDGED = 16
"""Number of target frames, evenly spread, on which the label-free criteria score a checkpoint."""


class Run:
    """An experiment in a folder: its settings, log, checkpoints and scores.

    Args:
        experiment: what to run.
        folder: the run folder; a run that was stopped there is resumed.

    Raises:
        ConfigError: the folder holds a run with other settings.
        DataError: a data set cannot be used.
    """

    def __init__(self, experiment: Experiment, folder: Path) -> None:
        self.experiment, self.folder = experiment, RunFolder(folder)
        compare_settings(folder, dump(experiment))
        checkpoint.seed_everything(experiment.seed)
        self.device = device_of(experiment.training.device)
        source = build_source(experiment.source)
        assert source.taxonomy is not None  # checked there
        self.taxonomy = source.taxonomy
        for name, part in experiment.validation.items():  # otherwise a mistake there would be found after training
            with within(f"validation.{name}", part):
                build_labelled(part, self.taxonomy)
        self.method = build_adaptation(experiment, len(self.taxonomy))
        check_parts(experiment.training, self.method)
        if not batch_norms(self.method.segmenter):
            off = {"statistics": "both", "target_statistics": 0}
            asked = [key for key, value in off.items() if getattr(experiment.training, key) != value]
            mistakes = [
                f"{key}  the network has no batch normalisation. Set training.{key}={off[key]}" for key in asked
            ]
            if mistakes:
                raise ConfigError("training", mistakes)
        of_source, of_target = clips_of(experiment)
        with within("target", experiment.target):
            style_frames = build_style_frames(experiment)
            self.target: Samples | None = None
            if of_target is not None and experiment.target is not None:
                self.target = Samples(target_training(build_dataset(experiment.target)), of_target)
        with within("source", experiment.source):
            self.source = Samples(source, of_source, style_frames=style_frames) if of_source.frames else None
        optimisation = optimisation_of(self.method, experiment.optimiser, experiment.training)
        self.trainer = Trainer(self.method, optimisation, experiment.training, self.device)

    def train(self, progress: Callable[[int, Mapping[str, float]], None] = lambda step, line: None) -> bool:
        """Train to the last step, resuming a run that was stopped; see :func:`davsn.training.loop.train`.

        Raises:
            ConfigError: another process is training in the same folder.
            MemoryShortError: memory ran out; earlier checkpoints are kept.
        """
        with alone(self.folder.path), enough_memory("training", self._smaller):
            for samples in self.domains:
                fill_ahead(samples, self.device, batch_size=self.experiment.training.batch_size)
            self.count_classes()
            return self._train(progress)

    def _smaller(self) -> str:
        """Say which settings need less memory."""
        fewer = "training.batch_size=1, " if self.experiment.training.batch_size > 1 else ""
        bf16 = "training.precision=bf16, " if bf16_helps(self.experiment) else ""
        other = "" if self.device.type == "cpu" else ", or training.device=cpu"
        return (
            f"Set {fewer}{bf16}a smaller 'size' or 'crop' of source and target{other}. The checkpoints in "
            f"{self.folder.path} are kept; with these settings, train in another folder (--out)"
        )

    def count_classes(self, report: Callable[[int], None] = lambda done: None) -> Counts | None:
        """Count the source's labels, if the method or the draw of samples needs that; done once a run.

        Returns:
            the counts; None if nothing needs them.
        """
        if self.source is None or not (self.method.needs_shares or self.experiment.training.rare_classes is not None):
            return None
        with ranks.first():
            counts = counted(self.source, self.folder.source_classes, report)
        self.trainer.prepare(torch.from_numpy(class_shares(counts)).float())
        return counts

    def _train(self, progress: Callable[[int, Mapping[str, float]], None]) -> bool:
        settings = dump(self.experiment)
        if ranks.rank() == 0:
            with replacing(self.folder.settings) as temporary:
                temporary.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
            write_environment(self.folder.environment, self.device)
        extra = {"settings": settings, "taxonomy": self.taxonomy.as_data(), "version": davsn.__version__}
        return train(
            self.trainer,
            self.batches,
            self.folder,
            extra=extra,
            judge=self._judge(),
            finish=self._finish if self.experiment.training.target_statistics else None,
            progress=progress,
        )

    def _finish(self, segmenter: VideoSegmenter) -> None:
        """Estimate the running statistics of batch normalisation anew, on target frames alone."""
        training, part = self.experiment.training, self.experiment.target
        assert part is not None  # the settings ask for a target
        frames = Samples(target_training(build_dataset(part)), ClipSpec())
        batches = training_batches(frames, training.batch_size, self.experiment.seed + 2)
        with shown("target statistics", training.target_statistics) as report, SharedStatistics():
            for number in range(1, training.target_statistics + 1):
                estimate_statistics(segmenter, next(batches).to(self.device).current, 1 / number)
                report(number)
        segmenter.eval()

    @property
    def domains(self) -> list[Samples]:
        """The samples of the source and of the target, if they are read."""
        return [samples for samples in (self.source, self.target) if samples is not None]

    def steps_saved(self) -> int:
        """Return the step of the newest checkpoint in the folder; 0 for a new run."""
        return checkpoint.steps_of(self.folder.newest)

    def end(self) -> None:
        """Do what follows the last step except saving, with the network as it is, so that its time can be measured."""
        if self.experiment.training.target_statistics:
            self._finish(self.trainer.segmenter)
        if (judge := self._judge()) is not None:
            judge(self.trainer.segmenter)

    def batches(self, start: int) -> Iterator[tuple[Batch, Batch | None]]:
        """Yield the source batch and the target batch of a step and of all later ones."""
        settings = self.experiment.training
        share: dict[str, Any] = {"batch_size": settings.batch_size, "workers": settings.workers, "start": start}
        share["pinned"] = settings.pinned and self.device.type == "cuda"
        sources: Iterator[Batch] = repeat(Batch({}))
        if self.source is not None:
            by_class = class_draw(self.source, settings.rare_classes, self.folder.source_classes)
            sources = training_batches(self.source, seed=self.experiment.seed, by_class=by_class, **share)
            sources = each_within("source", self.experiment.source, sources)
        if self.target is None:
            return ((source, None) for source in sources)
        targets = training_batches(self.target, seed=self.experiment.seed + 1, **share)
        targets = each_within("target", self.experiment.target, targets)
        return zip(sources, targets, strict=True)

    def _target_frames(self, part: Choice, number: int) -> Samples:
        """Return a few target frames, evenly spread, with all that the network looks at."""
        return Samples(target_training(build_dataset(part)), asked(self.experiment)).spread(number)

    def _judge(self) -> Judge | None:
        """Make a function that computes all label-free criteria, for any method; None if there is no target.

        It also writes a sheet of predictions, so that one can see whether the run goes well.
        """
        part, precision = self.experiment.target, self.experiment.training.precision
        if part is None:
            return None
        judged, shown = (self._target_frames(part, number) for number in (_JUDGED, SHOWN))

        def judge(segmenter: VideoSegmenter) -> Mapping[Criterion, float]:
            criteria = label_free(segmenter, evaluation_batches(judged), self.device, precision)
            file = self.folder.sheet(self.trainer.done)
            write_sheet(file, segmenter, evaluation_batches(shown), self.taxonomy, self.device, precision)
            return criteria

        return judge


def check_parts(training: TrainingSettings, method: Method) -> None:
    """Check that a batch can be divided among the processes that share the run, and into the parts of a step.

    Raises:
        ConfigError: it cannot.
    """
    size, parts = training.batch_size, training.accumulate
    mistakes = []
    if size % (ranks.world() * parts):
        among = f"{ranks.world()} processes" if ranks.several() else f"{parts} parts of training.accumulate"
        among = f"{ranks.world()} processes in {parts} parts each" if ranks.several() and parts > 1 else among
        number = ranks.world() * parts
        mistakes.append(
            f"training.batch_size  {size} samples cannot be divided among {among}. Set {number}, or a multiple"
        )
    if parts > 1 and method.whole_batches:
        mistakes.append("training.accumulate  this method must see whole batches. Set it to 1")
    if training.compile:
        mistakes += _against_compiling(training)
    if mistakes:
        raise ConfigError("training", mistakes)


def _against_compiling(training: TrainingSettings) -> list[str]:
    """What the network cannot be compiled with, one line for each."""
    found = []
    if training.recompute or ranks.several():
        found.append(
            "training.compile  goes neither with training.recompute nor with several processes. Set it to false"
        )
    if not any(map(shutil.which, (os.environ.get("CXX") or "c++", "g++", "clang++"))):
        found.append(
            "training.compile  needs a C++ compiler, and none was found. Install one (g++), or set it to false"
        )
    return found
