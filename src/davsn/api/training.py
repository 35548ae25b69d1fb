"""``davsn.train``: train a network in a run folder, or resume the run."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from davsn.api.launching import launch
from davsn.api.model import Model, load
from davsn.core import ranks
from davsn.core.console import doing, if_interrupted, say, silent
from davsn.core.errors import ConfigError
from davsn.core.settings import Changes
from davsn.doctor.examination import short_resources
from davsn.experiment.building import device_of, within
from davsn.experiment.experiment import Experiment, dump
from davsn.experiment.recipes import Recipe, folder_for, read_recipe
from davsn.experiment.running import train_in
from davsn.experiment.scoring import score as score_set
from davsn.scoring.scores import Scores
from davsn.training.checkpoint import steps_of
from davsn.training.folder import RunFolder


@dataclass(frozen=True)
class TrainedRun:
    """Result of a training.

    Attributes:
        name: the name of the run.
        folder: the run folder.
        finished: whether the last step is done; False if Ctrl-C or SIGTERM stopped the run, after saving it.
        scores: the scores by validation set; empty if none was scored.
        overlay: an overlay video of a few seconds of the target; None if there is none.
        report: the page that shows the run; None if there is none.
    """

    name: str
    folder: Path
    finished: bool
    scores: Mapping[str, Scores] = field(default_factory=dict)
    overlay: Path | None = None
    report: Path | None = None

    def model(self) -> Model:
        """Open the trained network; see :func:`davsn.load`."""
        return load(self.folder, own_code=True)


def train(
    recipe: Recipe,
    changes: Changes = (),
    *,
    out: Path | str | None = None,
    score: bool = True,
    gpus: int | None = None,
    quiet: bool = False,
) -> TrainedRun:
    """Train a recipe, or resume a run that was stopped. The same call does both.

    Where PyTorch's launcher has started several processes, they share the run: each trains on its part of every batch.

    Args:
        recipe: the name of a built-in recipe, a YAML file (of davsn or of the public code), or a mapping; or a run
            folder, which is resumed with its own settings.
        changes: overrides of the recipe, such as ``{"training.steps": 2000}``, or texts such as
            ``["training.steps=2000"]``.
        out: the run folder; None: the one that was given as the recipe, else ``runs/`` and the recipe's name.
        score: whether to score the validation sets at the end.
        gpus: train with this number of processes on this machine, one for each CUDA device; without CUDA, they share
            the CPU. None: in this process.
        quiet: print neither progress nor messages.

    Raises:
        ConfigError: mistakes in the settings, or another run in the folder.
        DataError, FlowError, CheckpointError, TrainingError, WorkerError: the problem that stopped the run; earlier
            checkpoints are kept.
        RankError: a process that shared the run was killed.
        ElsewhereError: a process that shared the run failed, and has printed why.
    """
    with ranks.joined(), silent(quiet):
        experiment = read_recipe(recipe, changes)
        folder = folder_for(recipe, experiment, out)
        with if_interrupted(lambda: left_in(folder)):
            if gpus is not None:
                return _in_processes(experiment, folder, score, gpus, quiet)
            return carry_out(experiment, folder, score)


def _in_processes(experiment: Experiment, folder: Path, scored: bool, number: int, quiet: bool) -> TrainedRun:
    """Train in processes of their own on this machine.

    Raises:
        ConfigError: this machine has fewer CUDA devices, or another launcher has started this process.
    """
    _check_devices(experiment, number)
    task = {"settings": dump(experiment), "folder": str(folder), "scored": scored, "quiet": quiet}
    with TemporaryDirectory(prefix="davsn-") as place:
        file = Path(place) / "task.json"
        file.write_text(json.dumps(task), encoding="utf-8")
        launch([sys.executable, "-u", "-m", "davsn.api.rank", str(file)], number, Path(place) / "logs")
    sets = experiment.validation if scored else ()
    found = {name: Scores.load(RunFolder(folder).scores(name)) for name in sets}
    return TrainedRun(experiment.name, folder, finished=True, scores=found)


def _check_devices(experiment: Experiment, number: int) -> None:
    device, found = device_of(experiment.training.device), torch.cuda.device_count()
    mistakes = []
    if number < 1:
        mistakes.append("--gpus  should be at least 1")
    if ranks.several():
        mistakes.append("--gpus  another launcher, such as torchrun, has started this process. Leave --gpus out")
    if device.type == "cuda" and found < number:
        mistakes.append(f"--gpus  is {number}, but this machine has {found} CUDA devices. Set --gpus {found}")
    if experiment.training.device not in ("auto", "cpu", "cuda"):
        what = f"training.device  is {experiment.training.device}"
        mistakes.append(
            f"{what}, but several processes take cuda or cpu. Set training.device=auto, or leave --gpus out"
        )
    if mistakes:
        raise ConfigError("the command line", mistakes)
    if device.type != "cuda":
        why = "" if found else ", since there is no CUDA device here"
        say(f"Training with {number} processes on the CPU, through gloo{why}.")


def left_in(folder: Path) -> str:
    """Say what an interruption has left of a run, wherever it came."""
    newest = RunFolder(folder).newest
    if newest is None:
        return f"Stopped before a checkpoint was saved in {folder}. The same command begins again."
    return f"Stopped; {steps_of(newest)} steps are saved in {folder}. The same command resumes it."


def carry_out(experiment: Experiment, folder: Path, scored: bool = True) -> TrainedRun:
    """Train in a folder, then score every validation set unless ``scored`` is False."""
    if not _train_warned(experiment, folder):
        return TrainedRun(experiment.name, folder, finished=False)
    found = {}
    for name, part in experiment.validation.items() if scored else ():
        with ranks.first():  # it has saved the checkpoint before
            trained = load(folder, own_code=True).trained
        with within(f"validation.{name}", part):
            found[name] = score_set(trained, part, name)
        if ranks.rank() == 0:
            found[name].save(RunFolder(folder).scores(name))
    return TrainedRun(experiment.name, folder, finished=True, scores=found)


def _train_warned(experiment: Experiment, folder: Path) -> bool:
    """Train in a folder; before a run's first step, warn if memory or disk space may not do."""
    if RunFolder(folder).newest is None:
        with doing("Comparing what the run needs with memory and disk …"):
            short = short_resources(experiment, folder)
        for found in short:
            say(f"Warning: {found.what}. {found.remedy}")
    return train_in(experiment, folder)
