"""Everything that would stop or spoil a run, found before it starts: data, weights, memory, disk, the first step."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import torch
from rich.filesize import decimal

from davsn import checkpoint
from davsn.clip import Batch, ClipSpec
from davsn.components import find
from davsn.data.base import DatasetSettings, VideoDataset
from davsn.data.check import HERE, Finding, Severity, Watch, check, unwatched
from davsn.data.loading import training_batches
from davsn.data.samples import Samples, target_training
from davsn.data.taxonomy import Taxonomy
from davsn.errors import DavsnError, FileError
from davsn.experiment import (
    TWO_FRAMES,
    Experiment,
    Part,
    asked,
    build_dataset,
    build_segmenter,
    clips_of,
    device_of,
    dump,
)
from davsn.methods.base import Method
from davsn.networks.predicting import bf16_slowdown
from davsn.rehearsal import CannotRehearseError, rehearse, with_flows
from davsn.run import compare_settings
from davsn.training import Trainer, optimisation_of

_STEP = "If sizes are the cause, make 'size' or 'crop' larger, or batch_size 2; else mend the method or network"
_PROCESS = 2.0
"""Memory of a process over that of its tensors; on the CPU up to 1.84 was measured (benchmarks/check.py)."""
_TRIED = 5
"""Batches to try to load, so that one bad file does not hide what else there is to find."""
_SLOWER = 1.5
"""Times fp32's seconds from which bf16 is told to be slow; the measured ratio of a small convolution is not exact."""
_LEARNED_LATER = ("hub", "auto", "random")
"""Starts of a network that need no file; 'hub' and 'auto' would fetch one now."""


def examine(experiment: Experiment, folder: Path, every: int = 10, watch: Watch = unwatched) -> list[Finding]:
    """What there is to say about an experiment before it runs. Nothing is started, written or downloaded.

    Args:
        experiment: as it was loaded, so that its settings are known to be sound.
        folder: where it is going to run.
        every: read every n-th sample only; 1 reads all.
        watch: shows how far the reading is.

    Returns:
        the findings, by the key in the recipe that they belong to. If none is fatal, training should begin, and
        nothing that was looked at would stop it.
    """
    doctor = _Doctor(experiment, every, watch)
    doctor.build()
    doctor.look()
    doctor.compare_classes()
    doctor.run(folder)
    return list(doctor.findings)


def slow_precision(experiment: Experiment) -> Finding | None:
    """A warning where an experiment chooses bf16 on a CPU that is faster in fp32; None anywhere else.

    Raises:
        ConfigError: the experiment's device is not on this machine.
    """
    training = experiment.training
    device = device_of(training.device)
    if training.precision != "bf16" or device.type != "cpu":
        return None
    times = bf16_slowdown()
    if times < _SLOWER:
        return None
    what = f"bf16 is about {times:.2g} times slower than fp32 here: this CPU has no fast instructions for it"
    return Finding("", what, "Set training.precision=fp32", "warning", "training")


class _Doctor:
    """Collects findings about an experiment."""

    def __init__(self, experiment: Experiment, every: int, watch: Watch) -> None:
        self.experiment, self._every, self._watch = experiment, every, watch
        self.findings: dict[Finding, None] = {}  # in order, each once
        self._sets: dict[str, VideoDataset] = {}
        self._method: Method | None = None

    def add(self, part: str, what: str, remedy: str = "", severity: Severity = "fatal", where: str = "") -> None:
        self.findings[Finding(where, what, remedy, severity, part)] = None

    @contextmanager
    def noting(self, part: str, remedy: str = "") -> Iterator[None]:
        """What stops the block is a finding; ``remedy`` is for errors that name none."""
        try:
            yield
        except FileError as error:
            self.add(part, error.what, error.remedy or remedy, where=error.where or HERE)
        except DavsnError as error:
            self.add(part, str(error), remedy)

    def build(self) -> None:
        """Make the data sets, the network with its weights, and the method."""
        experiment = self.experiment
        for key, part in self._parts().items():
            with self.noting(key):
                self._sets[key] = build_dataset(_uncached(part))
        taxonomy = self._taxonomy()
        if taxonomy is None:
            self.add("network", "not looked at, since the source does not tell the number of classes", "", "note")
            return
        if getattr(experiment.network.settings, "weights", None) == "hub" and experiment.start is None:
            self.add("network", "its weights are fetched when training starts", "", "note")
        with self.noting("network", "Give weights of this network and these classes, or leave start and weights away"):
            segmenter = build_segmenter(_at_home(experiment), len(taxonomy))
            self._method = find("davsn.methods", experiment.method.name, Method)(experiment.method.settings, segmenter)

    def look(self) -> None:
        """Look at every data set that could be made."""
        batch_size = self.experiment.training.batch_size
        source, target = clips_of(self.experiment)
        for key, dataset in self._sets.items():
            if key == "source" and source.frames:  # or its classes are all that is needed
                self._look(key, dataset, source, batch_size)
            elif key == "target":
                self._look(key, target_training(dataset), target or asked(self.experiment), batch_size)
            elif key != "source":
                self._look(key, dataset, asked(self.experiment, replace(TWO_FRAMES, labels=True)), 1)

    def _look(self, key: str, dataset: VideoDataset, spec: ClipSpec, batch_size: int) -> None:
        found = check(dataset, spec, self._every, batch_size, lambda what, total: self._watch(f"{what} {key}", total))
        self.findings.update((replace(finding, part=key), None) for finding in found)
        flow = dataset.config.flow
        if spec.flows and not flow.own:
            with self.noting(f"{key}.flow"):
                flow.build()  # which finds weights that are missing or do not fit

    def _parts(self) -> dict[str, Part]:
        experiment = self.experiment
        parts = {"source": experiment.source}
        if experiment.target is not None:
            parts["target"] = experiment.target
        return parts | {f"validation.{name}": part for name, part in experiment.validation.items()}

    def compare_classes(self) -> None:
        """Whether all mean the same by a label."""
        learned = self._taxonomy()
        for key, dataset in self._sets.items():
            table = dataset.taxonomy
            if key == "source" or learned is None or table is None or table.names == learned.names:
                continue
            self.add(
                key,
                f"has the classes {', '.join(table.names)}, and the source {', '.join(learned.names)}",
                "Give both the same class table, or set 'classes' to that of the pair",
                "warning" if key == "target" else "fatal",  # its labels are not read in training
                HERE,
            )

    def _taxonomy(self) -> Taxonomy | None:
        return self._sets["source"].taxonomy if "source" in self._sets else None

    def run(self, folder: Path) -> None:
        """Rehearse the first step, and compare what it takes with what there is."""
        with self.noting("training"):
            slow = slow_precision(self.experiment)  # which finds a device that is not there
            self.findings.update({slow: None} if slow else {})
        if self.experiment.training.tensorboard and find_spec("tensorboard") is None:
            self.add(
                "training", "TensorBoard is not installed", "pip install tensorboard, or training.tensorboard=false"
            )
        with self.noting("folder"):
            compare_settings(folder, dump(self.experiment))
        if self._method is not None:
            self._rehearse(self._method, folder)

    def _rehearse(self, method: Method, folder: Path) -> None:
        training = self.experiment.training
        optimisation = optimisation_of(method, self.experiment.optimiser, training)
        trainer = Trainer(method, optimisation, training, torch.device("cpu"))
        source, target = clips_of(self.experiment)
        wanted = {key: spec for key, spec in {"source": source, "target": target}.items() if spec and spec.frames}
        found = {key: self._first_batch(key, spec) for key, spec in wanted.items()}
        batches = {key: batch for key, batch in found.items() if batch is not None}
        if len(batches) < len(wanted):
            self.add("training", "the first step was not rehearsed, for want of a batch", "", "note")
            return
        sizes = " and ".join(f"{key} {batch.size[1]}x{batch.size[0]}" for key, batch in batches.items())
        try:
            taken = rehearse(trainer, batches.get("source", Batch({})), batches.get("target"))
        except CannotRehearseError as reason:
            self.add("training", f"the first step could not be rehearsed ({reason})", "", "note")
        except DavsnError as error:
            self.add("training", f"the first step fails, with {sizes}: {error}", _STEP)
        except Exception as error:  # networks and methods, a user's own among them, can fail in any way
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
        """The first batch that training would load, or one of the next where files of the first are bad."""
        size, seed = self.experiment.training.batch_size, self.experiment.seed
        for start in range(_TRIED if key in self._sets else 0):
            with self.noting(key):
                dataset = self._sets[key]
                samples = Samples(target_training(dataset) if key == "target" else dataset, spec)
                return with_flows(next(training_batches(samples, size, seed, start=start)), spec)
        return None

    def _memory(self, needed: int) -> None:
        there, device = _memory_of(self.experiment.training.device)
        told = f"the tensors of a step take {decimal(needed)}"
        if self.experiment.training.precision == "bf16":
            told += " in bf16"
        if there is None:
            self.add("memory", told, "", "note")
            return
        told += f", and {device} has {decimal(there)}"
        remedy = "Make batch_size, 'size' or 'crop' smaller, set precision: bf16, or use another device"
        if needed > there:
            self.add("memory", told, remedy)
        elif needed * _PROCESS > there:
            self.add("memory", told, remedy, "warning")
        else:
            self.add("memory", told, "", "note")

    def _disk(self, size: int, folder: Path) -> None:
        place = _there(folder)
        if not (place.is_dir() and os.access(place, os.W_OK)):
            self.add("disk", "is no folder that can be written to", "Choose another with --out", where=str(place))
        training, saved = self.experiment.training, checkpoint.all_of(folder / "checkpoints")
        kept = min(training.keep, -(-training.steps // training.save_every))
        needed = (kept + 2) * size  # the best, and the one that is being written
        needed = max(needed - sum(path.stat().st_size for path in saved), size)
        free = shutil.disk_usage(place).free
        told = (
            f"checkpoints take {decimal(needed)} ({kept} kept, the best and one being written, {decimal(size)} each), "
            f"and {decimal(free)} are free"
        )
        remedy = "Free some space, choose another folder (--out), or set training.keep lower"
        self.add("disk", told, remedy if needed > free else "", "fatal" if needed > free else "note", str(folder))


def _uncached(part: Part) -> Part:
    """A data set that keeps nothing of what is read here: a look writes no file."""
    settings = part.settings
    assert isinstance(settings, DatasetSettings)
    flow = settings.flow.model_copy(update={"cached": False})
    return part.model_copy(update={"settings": settings.model_copy(update={"cached": False, "flow": flow})})


def _at_home(experiment: Experiment) -> Experiment:
    """The experiment with a network that starts at random where it would else be fetched, or is not in a file."""
    settings = experiment.network.settings
    if getattr(settings, "weights", None) not in _LEARNED_LATER:
        return experiment
    quiet = experiment.network.model_copy(update={"settings": settings.model_copy(update={"weights": None})})
    return experiment.model_copy(update={"network": quiet})


def _there(folder: Path) -> Path:
    """The folder, or the nearest one above that exists."""
    folder = folder.absolute()
    return next(path for path in [folder, *folder.parents] if path.exists())


def _memory_of(name: str) -> tuple[int | None, str]:
    """Bytes that a device has, None where nothing tells, and what it is called."""
    try:
        device = device_of(name)
    except DavsnError:
        return None, name
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1], "the GPU"
    names: Mapping[str, int] = getattr(os, "sysconf_names", {})  # not on Windows
    if "SC_PHYS_PAGES" not in names:
        return None, "this machine"
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "this machine"
