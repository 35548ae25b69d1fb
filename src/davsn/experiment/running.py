"""Trains an experiment in a folder, and shows how far it is."""

from collections.abc import Mapping
from pathlib import Path

from davsn.core.clip import ClipSpec
from davsn.core.console import doing, say
from davsn.core.console import progress as shown
from davsn.data.loading import Samples, target_training
from davsn.data.rare_classes import Counts
from davsn.experiment.building import build_dataset
from davsn.experiment.experiment import Experiment
from davsn.experiment.preparation import fill_with_progress, slow_precision, tell_caches, tell_data, tell_validation
from davsn.experiment.resuming import longer
from davsn.experiment.run import Run
from davsn.networks.image_network import weights_of


def train_in(experiment: Experiment, folder: Path) -> bool:
    """Train in a folder and show progress; return False if a signal stopped the run."""
    with doing(_preparing(experiment)):
        run = Run(experiment, folder)
    if slow := slow_precision(experiment):
        say(f"Warning: {slow}. Set training.precision=fp32")
    tell_caches(experiment)
    if more := longer(experiment, run.folder):
        say(more)
    for domain in run.domains:
        if domain.left_out:
            say(f"{domain.left_out} frames have no neighbour and are left out; {len(domain)} remain")
        fill_with_progress(domain, run.device, experiment.training.batch_size)
    counts = count_with_progress(run)
    _tell_data(run, counts)
    losses, steps, saved = "", experiment.training.steps, run.steps_saved()
    before = "loading the first frames" if saved < steps else "all steps are done"
    with shown(f"training {experiment.name}", steps, saved, before) as report:

        def moved(done: int, line: Mapping[str, float]) -> None:
            nonlocal losses
            losses = _losses(line) or losses
            report(done, losses)

        return run.train(moved)


def _tell_data(run: Run, counts: Counts | None) -> None:
    """Print what is said of each data set before the first step."""
    experiment = run.experiment
    if run.source is not None:
        tell_data("source", run.source, counts)
    if experiment.target is not None:
        # Where the method itself does not read it, its frames give their style and their statistics alone.
        frames = run.target
        if frames is None:
            frames = Samples(target_training(build_dataset(experiment.target)), ClipSpec())
        tell_data("target", frames)
    tell_validation(experiment, run.taxonomy)


def _preparing(experiment: Experiment) -> str:
    """Say what happens before the first step: data sets are read, and weights are loaded or downloaded."""
    names = dict.fromkeys(part.name for part in (experiment.source, experiment.target) if part is not None)
    weights = weights_of(experiment.network)
    fetching = experiment.start is None and weights in ("hub", "auto")
    loading = "downloading weights, if they are not here" if fetching else "building the network"
    return f"Reading {' and '.join(names)}; {loading} …"


def count_with_progress(run: Run) -> Counts | None:
    """Count the source's classes with progress, if a run needs them; a drawn source draws its label maps for that."""
    if not (run.method.needs_shares or run.experiment.training.rare_classes is not None):
        return None
    drawn = run.experiment.source.name == "streets"
    total = len(run.source or ())
    with shown("drawing, to count classes" if drawn else "counting classes", total) as report:
        counts = run.count_classes(report)
        report(total)  # nothing is counted where an earlier start did so
        return counts


def _losses(line: Mapping[str, float]) -> str:
    """Format the main losses of a log line for the progress display; empty for a line without any."""
    shown = {key: value for key, value in line.items() if key.startswith("loss/") and key.endswith("/main")}
    return "  ".join(f"{key.removeprefix('loss/').removesuffix('/main')} {value:.3f}" for key, value in shown.items())
