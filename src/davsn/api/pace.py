"""The number of steps that fit into a time, from steps that are measured on this machine."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import torch

from davsn.api.excerpt import write_excerpt
from davsn.api.model import chosen_flow
from davsn.core.console import doing, say, silent
from davsn.core.errors import ConfigError
from davsn.core.files.writing import replacing
from davsn.core.quantities import spoken
from davsn.experiment.experiment import Experiment, dump
from davsn.experiment.preparation import fill_with_progress
from davsn.experiment.resuming import alone
from davsn.experiment.run import Run
from davsn.experiment.running import count_with_progress
from davsn.experiment.showing import Extent
from davsn.experiment.trained import trained_size
from davsn.networks.image_network import without_weights
from davsn.scoring.inference import Predictor
from davsn.training.folder import RunFolder

_AT_LEAST, _AT_MOST = 3, 50
"""Numbers of steps that are measured."""
_ENOUGH = 10.0
"""Seconds after which no further step is measured."""
_MARGIN = 0.95
"""The share of the time that is planned for; steps vary."""
SHOWN = Extent(clips=3)
"""How much the report at the end of a run shows."""
_REPORT_FRAME = 0.75
"""The time of one network on one frame of the report, divided by that of a frame of the overlay video. On a video of
640×360 and 15 s, they take 0.086 s and 0.114 s of a CPU core; with two networks, 0.070 s for each."""
_TRIED = 5
"""Number of frames of the overlay that are measured, after the first one."""


@dataclass(frozen=True)
class Pace:
    """Times on this machine, in seconds.

    Attributes:
        start: from the settings to the first step.
        step: one step, the loading of its batches included.
        end: everything after the last step.
    """

    start: float
    step: float
    end: float

    def steps(self, left: float, save_every: int) -> int:
        """Number of steps that fit into the seconds that are left; each save is counted as an end."""
        return int((_MARGIN * left - self.start - self.end) / (self.step + self.end / save_every))


def steps_within(experiment: Experiment, folder: Path, seconds: float, begun: float, show: bool = True) -> int:
    """Choose the number of steps of a run, so that it ends within a time; a run that is resumed keeps its choice.

    Args:
        experiment: the run; its own number of steps does not matter.
        folder: the run folder, which remembers the choice.
        seconds: the time of the whole command.
        begun: the clock (``time.monotonic()``) when the command began.
        show: whether an overlay video and a report follow.

    Raises:
        ConfigError: not one step fits into the time.
    """
    file, key = RunFolder(folder).time, {"seconds": seconds, "settings": _decisive(experiment)}
    if (chosen := _remembered(file, key)) is not None:
        return chosen
    pace = measured(experiment, folder, show)
    left = seconds - (monotonic() - begun)
    steps = pace.steps(left, experiment.training.save_every)
    rest = f"{spoken(seconds - left)} to draw and measure, {spoken(pace.start)} to start, {spoken(pace.end)} to finish"
    if steps < 1:
        again = pace.steps(seconds, experiment.training.save_every) > 0
        kept = ". What was drawn is kept, so the same command may do now" if again else ""
        raise ConfigError("davsn adapt", [f"--time  {spoken(seconds)} is too short here: it takes {rest}{kept}"])
    say(f"{steps} steps fit into {spoken(seconds)}: {pace.step:.2g} s a step here; {rest}")
    with replacing(file) as temporary:
        temporary.write_text(json.dumps({**key, "steps": steps}), encoding="utf-8")
    return steps


def measured(experiment: Experiment, folder: Path, show: bool = True) -> Pace:
    """Measure a few steps of a run, its start and its end, with a network of random weights that is thrown away.

    The source's classes are counted in the run's folder, so that the run itself need not count them again.
    """
    begun = monotonic()
    run = Run(_unloaded(experiment), folder)
    built = monotonic() - begun
    with alone(folder):
        for domain in run.domains:
            fill_with_progress(domain, run.device, experiment.training.batch_size)
        count_with_progress(run)
    with doing("Measuring a few steps …"):
        return _timed(run, built, show)


def _timed(run: Run, built: float, show: bool) -> Pace:
    """Time a few steps of a run that was built in some seconds, and its end."""
    begun = monotonic()
    batches = run.batches(0)
    _step(run, batches)
    start = built + monotonic() - begun
    for _ in range(2 * run.experiment.training.workers):  # what the loader has loaded ahead takes no time
        _step(run, batches)
    begun, done = monotonic(), 0
    while done < _AT_LEAST or (done < _AT_MOST and monotonic() - begun < _ENOUGH):
        _step(run, batches)
        done += 1
    step = (monotonic() - begun) / done
    del batches
    begun = monotonic()
    with silent():
        run.end()
    end = monotonic() - begun
    return Pace(start, step, end + (_showing_time(run) if show else 0))


def _step(run: Run, batches: Any) -> None:
    for value in run.trainer.step(*next(batches)).values():
        float(value)  # waits for the device


def _showing_time(run: Run) -> float:
    """Seconds that the overlay video and the report take, from the first frames of the video.

    The report predicts with the run's network, and with the one that it started from.
    """
    experiment, segmenter = run.experiment, run.trainer.segmenter
    assert experiment.target is not None
    flow = chosen_flow("dis" if segmenter.looks_back else "zero", "--flow").build()
    predictor = Predictor(
        segmenter.eval(), run.taxonomy, flow, trained_size(experiment), run.device, experiment.training.precision
    )
    with silent(), TemporaryDirectory() as place, torch.inference_mode():
        file, clock = Path(place) / "overlay.mp4", [monotonic()]
        for frames in (1, 1 + _TRIED):
            whole = write_excerpt(predictor, experiment.target, file, frames)
            clock.append(monotonic())
    first, several = clock[1] - clock[0], clock[2] - clock[1]  # the seek to the first frame is in both
    each = max(several - first, 0) / _TRIED
    reported = _REPORT_FRAME * SHOWN.clips * SHOWN.frames * (1 if experiment.start is None else 2)
    return first + each * (whole - 1 + reported)


def _unloaded(experiment: Experiment) -> Experiment:
    """The experiment without initial weights of the network, which make no difference to a step's time."""
    return experiment.model_copy(update={"network": without_weights(experiment.network)})


def _decisive(experiment: Experiment) -> dict[str, Any]:
    """The settings that a step's time depends on, as plain data."""
    settings = dump(experiment)
    training = {key: settings["training"][key] for key in ("batch_size", "precision", "device")}
    return {key: settings[key] for key in ("source", "target", "network", "video", "method")} | {"training": training}


def _remembered(file: Path, key: dict[str, Any]) -> int | None:
    """The number of steps in a file that was written for the same time and settings; else None."""
    try:
        content = json.loads(file.read_bytes())
        return int(content["steps"]) if all(content[name] == value for name, value in key.items()) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
