"""An experiment in a folder: trained there, resumed from there, and opened again to predict and to be scored."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import torch
import yaml
from filelock import FileLock, Timeout

import davsn
from davsn import checkpoint
from davsn.clip import Batch
from davsn.components import find
from davsn.data.base import DatasetSettings
from davsn.data.loading import Samples, evaluation_batches, target_training, training_batches
from davsn.data.taxonomy import Taxonomy
from davsn.errors import CheckpointError, ConfigError, DataError, DavsnError
from davsn.experiment import (
    TWO_FRAMES,
    Experiment,
    Part,
    asked,
    build_dataset,
    build_labelled,
    build_segmenter,
    clips_of,
    device_of,
    dump,
)
from davsn.methods.base import Method
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import WEIGHTS_ALONE
from davsn.saving import replacing
from davsn.selection import Criterion, label_free
from davsn.settings import read_yaml, validate
from davsn.training import Trainer, optimisation_of, train

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
        self.experiment, self.folder = experiment, folder
        _compare(folder, dump(experiment))
        checkpoint.seed_everything(experiment.seed)
        self.device = device_of(experiment.training.device)
        source = build_dataset(experiment.source)
        if source.taxonomy is None:
            raise DataError(f"the source {experiment.source.name} has no labels to learn from; see docs/data.md")
        self.taxonomy = source.taxonomy
        for part in experiment.validation.values():
            build_labelled(part, self.taxonomy)  # a mistake there would else be found when training is over
        method = find("davsn.methods", experiment.method.name, Method)
        self.method = method(experiment.method.settings, build_segmenter(experiment, len(self.taxonomy)))
        of_source, of_target = clips_of(experiment)
        self.source = Samples(source, of_source) if of_source.frames else None
        self.target: Samples | None = None
        if of_target is not None and experiment.target is not None:
            self.target = Samples(target_training(build_dataset(experiment.target)), of_target)
        optimisation = optimisation_of(self.method, experiment.optimiser, experiment.training)
        self.trainer = Trainer(self.method, optimisation, experiment.training, self.device)

    def train(self, progress: Callable[[int, Mapping[str, float]], None] = lambda step, line: None) -> bool:
        """Train to the end, or on from where the run stopped; see :func:`davsn.training.train`.

        Raises:
            ConfigError: another process is training in the same folder.
        """
        with alone(self.folder):
            return self._train(progress)

    def _train(self, progress: Callable[[int, Mapping[str, float]], None]) -> bool:
        settings = dump(self.experiment)
        with replacing(_settings_file(self.folder)) as temporary:
            temporary.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
        extra = {"settings": settings, "taxonomy": self.taxonomy.as_data(), "version": davsn.__version__}
        return train(self.trainer, self._batches, self.folder, extra=extra, judge=self._judge(), progress=progress)

    def steps_saved(self) -> int:
        """How many steps the newest checkpoint in the folder has done; 0 for a new run."""
        return checkpoint.steps_of(checkpoint.latest(self.folder / "checkpoints"))

    def _batches(self, start: int) -> Iterator[tuple[Batch, Batch | None]]:
        settings = self.experiment.training
        share = {"batch_size": settings.batch_size, "workers": settings.workers, "start": start}
        sources: Iterator[Batch] = repeat(Batch({}))
        if self.source is not None:
            sources = training_batches(self.source, seed=self.experiment.seed, **share)
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
        with FileLock(folder / ".training", timeout=wait):
            yield
    except Timeout:
        found = "another process is training there. Wait for it, or choose another --out"
        raise ConfigError(str(folder), [found]) from None


def _settings_file(folder: Path) -> Path:
    return folder / "settings.yaml"


def _compare(folder: Path, settings: dict[str, Any]) -> None:
    """Find that a folder holds no run, one with these settings, or one that ended before it had saved anything."""
    file = _settings_file(folder)
    if file.is_file() and checkpoint.latest(folder / "checkpoints") is not None:
        held = dict(_flat(read_yaml(file)))
        wanted = dict(_flat(settings))
        changed = [
            f"{key}  is {held.get(key)!r} there and {wanted.get(key)!r} here"
            for key in sorted(held.keys() | wanted.keys())
            if held.get(key) != wanted.get(key)
        ]
        if changed:
            raise ConfigError(
                f"{folder} holds a run with other settings (choose another --out, or delete it): it", changed
            )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@dataclass(frozen=True)
class Trained:
    """A trained network with what is needed to use it.

    Attributes:
        segmenter: on the CPU, in evaluation mode.
        taxonomy: its classes.
        experiment: the settings it was trained with.
        step: how many steps it was trained; None where a file of weights alone does not tell.
        criteria: what the label-free criteria said of it, if they were asked.
    """

    segmenter: VideoSegmenter
    taxonomy: Taxonomy
    experiment: Experiment
    step: int | None
    criteria: Mapping[str, float] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of the target frames it was trained on, or of the source's; None for any."""
        return trained_size(self.experiment)

    @property
    def device(self) -> torch.device:
        """The device it was trained on, or the best there is where this machine has none of the kind."""
        try:
            return device_of(self.experiment.training.device)
        except ConfigError:
            return device_of("auto")


def trained_size(experiment: Experiment) -> tuple[int, int] | None:
    """(width, height) of the target frames of an experiment, or of the source's; None for any."""
    part = experiment.target or experiment.source
    assert isinstance(part.settings, DatasetSettings)
    return part.settings.size


def open_trained(path: Path, own_code: bool = False, recipe: Experiment | None = None) -> Trained:
    """The network of a checkpoint, of the newest checkpoint in a run's folder, or of a file of weights alone.

    Args:
        path: the checkpoint, the folder, or the file (.pth or .safetensors).
        own_code: whether Python files that the checkpoint's settings name may be run, as parts of your own.
        recipe: says which network, classes and video settings weights alone belong to; only for them.

    Raises:
        CheckpointError: no checkpoint there, one that cannot be read, one that names code without leave, or weights
            alone without a recipe.
        ConfigError: a recipe for a checkpoint, which holds its own settings.
        DataError: weights alone with a recipe whose data sets do not tell the classes.
    """
    if path.suffix in WEIGHTS_ALONE and not path.is_dir():
        return _open_weights(path, recipe)
    if recipe is not None:
        raise ConfigError("--recipe", [f"{path} holds the settings it was trained with. Leave --recipe away"])
    if path.is_dir():
        newest = checkpoint.latest(path / "checkpoints")
        if newest is None:
            raise CheckpointError(
                f"{path} holds no checkpoint yet. Give a checkpoint file, or a run that has saved one"
            )
        path = newest
    state = checkpoint.load(path)
    experiment = _without_data(state["settings"], path, own_code)
    taxonomy = Taxonomy.from_data(state["taxonomy"])
    segmenter = build_segmenter(experiment, len(taxonomy), state)
    return Trained(segmenter.eval(), taxonomy, experiment, state["step"], state.get("criteria", {}))


def settings_of(folder: Path, own_code: bool = False) -> Experiment:
    """The settings of the run in a folder, be it under way or done; the data need not be there.

    Raises:
        ConfigError: no run there.
        CheckpointError: settings that name code without leave; see :func:`open_trained`.
    """
    file = _settings_file(folder)
    if not file.is_file():
        raise ConfigError(
            str(folder), [f"holds no run ({file.name} is not there). Give the folder of one that has begun"]
        )
    return _without_data(read_yaml(file), file, own_code)


def _without_data(settings: Mapping[str, Any], path: Path, own_code: bool) -> Experiment:
    """The experiment that a file of ours names, as far as using its network needs it; its data may be elsewhere."""
    settings = dict(settings)
    method = settings.get("method")
    if str(method.get("name") if isinstance(method, Mapping) else method).endswith(".py"):
        settings["method"] = "source_only"  # predicting needs no method
    code = [value for _, value in _flat(settings) if isinstance(value, str) and value.endswith(".py")]
    if code and not own_code:
        raise CheckpointError(
            f"{path} needs code that is no part of davsn: {', '.join(code)}. If these files are yours, allow them with "
            "--own-code"
        )
    return validate(Experiment, settings, str(path), paths=False)


def _open_weights(path: Path, recipe: Experiment | None) -> Trained:
    if recipe is None:
        raise CheckpointError(
            f"{path} holds weights alone: which network, classes and video settings they belong to is not in it. "
            "Name a recipe that says so: --recipe RECIPE (docs/weights.md)"
        )
    taxonomy = _classes_of(recipe)
    return Trained(build_segmenter(recipe, len(taxonomy), path).eval(), taxonomy, recipe, step=None)


def _classes_of(experiment: Experiment) -> Taxonomy:
    """The class table of the first data set of an experiment that is there and has one."""
    sets = {"source": experiment.source, "target": experiment.target}
    sets |= {f"validation.{name}": part for name, part in experiment.validation.items()}
    reasons = []
    for key, part in sets.items():
        if part is not None:
            try:
                taxonomy = build_dataset(part).taxonomy
            except DavsnError as error:
                reasons.append(f"{key}: {error}")
            else:
                if taxonomy is not None:
                    return taxonomy
                reasons.append(f"{key}: has no labels here")
    raise DataError(
        "the classes are those of one of the recipe's data sets, and none tells them:\n  " + "\n  ".join(reasons)
    )


def scored_frames(trained: Trained, part: Part, *, labelled_only: bool = False) -> Samples:
    """The frames of a labelled data set, as an evaluation wants them.

    Args:
        trained: the network to be scored.
        part: the data set; its classes must be the network's.
        labelled_only: leave out frames without a label, which count in the temporal consistency alone.

    Raises:
        DataError: no labels there, or other classes than the network's.
    """
    dataset = build_labelled(part, trained.taxonomy)
    spec = asked(trained.experiment, replace(TWO_FRAMES, labels=True))
    return Samples(dataset, spec, every_frame=not labelled_only)
