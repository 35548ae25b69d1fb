"""Checks an experiment before it runs: data, weights, memory, disk space and the first step."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import torch
from rich.filesize import decimal

from davsn.core.clip import LABELLED_PAIR, Batch, ClipSpec
from davsn.core.errors import DavsnError, FileError
from davsn.core.plugins import Choice
from davsn.data.dataset import DatasetSettings, VideoDataset
from davsn.data.frame_pool import FramePool
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.loading import training_batches
from davsn.data.samples import Samples, target_training
from davsn.data.transforms import fitted
from davsn.doctor.data import HERE, Finding, Severity, Watch, check, unwatched
from davsn.doctor.memory import memory_finding, plenty
from davsn.doctor.rehearsal import CannotRehearseError, rehearse, with_flows
from davsn.experiment.building import build_adaptation, build_dataset
from davsn.experiment.experiment import Experiment, asked, clips_of, dump
from davsn.experiment.preparation import slow_precision
from davsn.experiment.resuming import compare_settings
from davsn.learning.method import Method
from davsn.networks.image_network import weights_of, without_weights
from davsn.training import checkpoint
from davsn.training.folder import RunFolder
from davsn.training.loop import Trainer, optimisation_of

_STEP = (
    "If sizes are the cause, make source.size and target.size, or their crop, larger, or set training.batch_size=2; "
    "else correct the method or network"
)
_TRIED = 5
"""Number of batches to try to load, so that one bad file does not hide other problems."""
_LEARNED_LATER = ("hub", "auto", "installed", "random")
"""Initial weights of a network that need no file now; 'hub' and 'auto' would download one."""


def examine(experiment: Experiment, folder: Path, every: int = 10, watch: Watch = unwatched) -> list[Finding]:
    """Check an experiment before it runs. Nothing is started, written or downloaded.

    Args:
        experiment: the experiment; loading it has already checked its settings.
        folder: the folder in which it will run.
        every: read only every n-th sample; 1 reads all.
        watch: shows the progress of the reading.

    Returns:
        the findings; ``part`` is the key in the recipe that a finding belongs to. If none is fatal, training should
        start, and nothing that was checked would stop it.
    """
    doctor = _Doctor(experiment, every, watch)
    doctor.build_data()
    doctor.build_method()
    doctor.look()
    doctor.compare_classes()
    doctor.run(folder)
    return list(doctor.findings)


def short_resources(experiment: Experiment, folder: Path) -> list[Finding]:
    """Find out whether memory or disk space may not do for a run, by the rehearsal of its first step alone.

    Args:
        experiment: the experiment.
        folder: the folder in which it will run.

    Returns:
        the findings; none if both will do, or if the step cannot be rehearsed. Frames that are so small that any
        network has enough memory are not rehearsed, because that takes seconds.
    """
    doctor = _Doctor(experiment.model_copy(update={"validation": {}}), every=1, watch=unwatched)
    doctor.build_data()
    if plenty(experiment.training, doctor.sizes()):
        return []
    doctor.build_method()
    doctor.rehearse(folder)
    return [found for found in doctor.findings if found.key in ("memory", "disk") and found.severity != "note"]


class _Doctor:
    """Collects the findings about an experiment."""

    def __init__(self, experiment: Experiment, every: int, watch: Watch) -> None:
        self.experiment, self._every, self._watch = experiment, every, watch
        self.findings: dict[Finding, None] = {}  # in order, each once
        self._sets: dict[str, VideoDataset] = {}
        self._method: Method | None = None

    def add(self, part: str, what: str, remedy: str = "", severity: Severity = "fatal", where: str = "") -> None:
        self.findings[Finding(where, what, remedy, severity, part)] = None

    @contextmanager
    def noting(self, part: str, remedy: str = "") -> Iterator[None]:
        """Turn an error in the block into a finding; ``remedy`` is for errors that name none."""
        try:
            yield
        except FileError as error:
            told = self._within(part, error)
            if any((found.key, found.what) == (part, told.what) for found in self.findings):
                return  # reading the files one by one has found it, and how many more there are
            self.add(part, told.what, told.remedy or remedy, where=told.where or HERE)
        except DavsnError as error:
            self.add(part, str(error), remedy)

    def build_data(self) -> None:
        """Build the data sets."""
        for key, part in self._parts().items():
            with self.noting(key):
                self._sets[key] = build_dataset(_uncached(part))

    def sizes(self) -> list[tuple[int, int]]:
        """Return the (width, height) of the first frame of each data set, as it is trained on."""
        found = []
        for key, dataset in self._sets.items():
            with self.noting(key):
                height, width = dataset.read_frame(0, 0).shape[:2]
                found.append(dataset.config.crop or fitted((width, height), dataset.config.size))
        return found

    def build_method(self) -> None:
        """Build the network with its weights, and the method."""
        experiment = self.experiment
        taxonomy = self._taxonomy()
        if taxonomy is None:
            self.add("network", "not checked, because the source does not tell the number of classes", "", "note")
            return
        if weights_of(experiment.network) == "hub" and experiment.start is None:
            self.add("network", "its weights are downloaded when training starts", "", "note")
        with self.noting("network", "Give weights of this network and these classes, or leave start and weights out"):
            self._method = build_adaptation(_at_home(experiment), len(taxonomy))

    def look(self) -> None:
        """Check every data set that could be built."""
        batch_size = self.experiment.training.batch_size
        source, target = clips_of(self.experiment)
        for key, dataset in self._sets.items():
            if key == "source" and source.frames:  # otherwise only its classes are needed
                self._look(key, dataset, source, batch_size)
            elif key == "target":
                self._look(key, target_training(dataset), target or asked(self.experiment), batch_size)
            elif key != "source":
                self._look(key, dataset, asked(self.experiment, LABELLED_PAIR), 1)

    def _look(self, key: str, dataset: VideoDataset, spec: ClipSpec, batch_size: int) -> None:
        found = check(dataset, spec, self._every, batch_size, lambda what, total: self._watch(f"{what} {key}", total))
        for finding in found:
            told = self._within(key, FileError(finding.what, "", finding.remedy))
            self.findings[replace(finding, key=key, what=told.what, remedy=told.remedy)] = None
        flow = dataset.config.flow
        if spec.flows and not flow.own:
            with self.noting(f"{key}.flow"):
                flow.build()  # finds weights that are missing or do not fit

    def _within(self, key: str, error: FileError) -> FileError:
        """The error with the full keys of a part's settings; see :meth:`FileError.within`."""
        part = self._parts().get(key.removesuffix(".flow"))
        return error if part is None else error.within(key.removesuffix(".flow"), type(part.settings).model_fields)

    def _parts(self) -> dict[str, Choice]:
        experiment = self.experiment
        parts = {"source": experiment.source}
        if experiment.target is not None:
            parts["target"] = experiment.target
        return parts | {f"validation.{name}": part for name, part in experiment.validation.items()}

    def compare_classes(self) -> None:
        """Check that all data sets have the same classes."""
        learned = self._taxonomy()
        for key, dataset in self._sets.items():
            table = dataset.taxonomy
            if key == "source" or learned is None or table is None or table.names == learned.names:
                continue
            self.add(
                key,
                f"has the classes {', '.join(table.names)}, but the source has {', '.join(learned.names)}",
                "Give both the same class table, or set 'classes' to that of the pair",
                "warning" if key == "target" else "fatal",  # its labels are not read in training
                HERE,
            )

    def _taxonomy(self) -> Taxonomy | None:
        return self._sets["source"].taxonomy if "source" in self._sets else None

    def run(self, folder: Path) -> None:
        """Rehearse the first step, and compare the resources that it needs with those of this machine."""
        with self.noting("training"):
            slow = slow_precision(self.experiment)  # which also finds a device that is not there
            if slow:
                self.add("training", slow, "Set training.precision=fp32", "warning")
        if self.experiment.training.tensorboard and find_spec("tensorboard") is None:
            self.add(
                "training", "TensorBoard is not installed", "pip install tensorboard, or training.tensorboard=false"
            )
        with self.noting("folder"):
            compare_settings(folder, dump(self.experiment))
        with self._watch("rehearsing a step", 1) as report:
            self.rehearse(folder)
            report(1)

    def rehearse(self, folder: Path) -> None:
        """Rehearse the first step, if the method could be built."""
        method, training = self._method, self.experiment.training
        if method is None:
            return
        optimisation = optimisation_of(method, self.experiment.optimiser, training)
        trainer = Trainer(method, optimisation, training, torch.device("cpu"))
        classes = method.segmenter.num_classes
        trainer.prepare(torch.full((classes,), 1 / classes))  # the sizes of a step do not depend on the true shares
        source, target = clips_of(self.experiment)
        wanted = {key: spec for key, spec in {"source": source, "target": target}.items() if spec and spec.frames}
        found = {key: self._first_batch(key, spec) for key, spec in wanted.items()}
        batches = {key: batch for key, batch in found.items() if batch is not None}
        if len(batches) < len(wanted):
            self.add("training", "the first step was not rehearsed, because no batch could be loaded", "", "note")
            return
        sizes = " and ".join(f"{key} {batch.size[1]}x{batch.size[0]}" for key, batch in batches.items())
        try:
            taken = rehearse(trainer, batches.get("source", Batch({})), batches.get("target"))
        except CannotRehearseError as reason:
            self.add("training", f"the first step could not be rehearsed ({reason})", "", "note")
        except DavsnError as error:
            self.add("training", f"the first step fails, with {sizes}: {error}", _STEP)
        except Exception as error:  # networks and methods, also a user's own, can fail in any way
            line = (str(error).splitlines() or [""])[0]
            self.add(
                "training",
                f"the first step fails, with {sizes} and batch_size {training.batch_size}: "
                f"{type(error).__name__}: {line}",
                _STEP,
            )
        else:
            self._memory(taken.memory)
            self._disk(taken.checkpoint, folder)

    def _first_batch(self, key: str, spec: ClipSpec) -> Batch | None:
        """Load the first batch that training would load, or one of the next if the first has bad files."""
        size, seed = self.experiment.training.batch_size, self.experiment.seed
        styled = key in self._sets and self._sets[key].config.style is not None
        needed = {key, "target"} if styled else {key}
        for start in range(_TRIED if needed <= self._sets.keys() else 0):
            with self.noting(key):
                dataset = self._sets[key]
                pool = FramePool(self._sets["target"]) if styled else None
                samples = Samples(target_training(dataset) if key == "target" else dataset, spec, style_frames=pool)
                return with_flows(next(training_batches(samples, size, seed, start=start)), spec)
        return None

    def _memory(self, needed: int) -> None:
        self.findings[memory_finding(self.experiment, needed)] = None

    def _disk(self, size: int, folder: Path) -> None:
        place = _there(folder)
        if not (place.is_dir() and os.access(place, os.W_OK)):
            self.add("disk", "is not a folder that can be written to", "Choose another with --out", where=str(place))
        training, saved = self.experiment.training, checkpoint.all_of(RunFolder(folder).checkpoints)
        kept = min(training.keep, -(-training.steps // training.save_every))
        needed = (kept + 2) * size  # the best one, and the one that is being written
        needed = max(needed - sum(path.stat().st_size for path in saved), size)
        free = shutil.disk_usage(place).free
        told = (
            f"checkpoints take {decimal(needed)} ({kept} kept, the best and one being written, {decimal(size)} each), "
            f"and {decimal(free)} is free"
        )
        remedy = "Free some space, choose another folder (--out), or set training.keep lower"
        self.add("disk", told, remedy if needed > free else "", "fatal" if needed > free else "note", str(folder))


def _uncached(part: Choice) -> Choice:
    """Return the data set without its caches, because a check writes no file."""
    settings = part.settings
    assert isinstance(settings, DatasetSettings)
    flow = settings.flow.model_copy(update={"cached": False})
    return part.model_copy(update={"settings": settings.model_copy(update={"cached": False, "flow": flow})})


def _at_home(experiment: Experiment) -> Experiment:
    """Return the experiment with random weights where initial weights would be downloaded or are in no file."""
    if weights_of(experiment.network) not in _LEARNED_LATER:
        return experiment
    return experiment.model_copy(update={"network": without_weights(experiment.network)})


def _there(folder: Path) -> Path:
    """Return the folder, or the nearest parent that exists."""
    folder = folder.absolute()
    return next(path for path in [folder, *folder.parents] if path.exists())
