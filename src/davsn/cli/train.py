"""``davsn train``, and what other commands share of it."""

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import torch
import yaml
from cyclopts import Parameter

from davsn.cache import GIGABYTE
from davsn.cli.console import Report, console, progress, say
from davsn.cli.pictures import Pictures
from davsn.clip import Batch
from davsn.data.base import DatasetSettings
from davsn.data.loading import Samples, evaluation_batches
from davsn.data.precompute import count_pairs, fill_ahead, needs_filling
from davsn.data.rare_classes import class_draw
from davsn.data.reader import store_of
from davsn.doctor import slow_precision
from davsn.errors import ConfigError
from davsn.evaluation import evaluate
from davsn.experiment import Experiment, Part, load
from davsn.flow.setting import FlowSetting
from davsn.networks.ensemble import Ensemble
from davsn.reference_config import is_reference, translate
from davsn.run import Run
from davsn.scores import Scores
from davsn.settings import Settings, read_yaml, validate
from davsn.trained import Trained, open_trained, scored_frames


def train_(
    recipe: str, *changes: str, score: bool = True, out: Annotated[Path | None, Parameter(alias="-o")] = None
) -> int:
    """Run a recipe, or go on with a run that was stopped: the same command does both.

    Try:

        davsn train streets_da_vsn

        davsn train my_recipe.yaml training.steps=2000 method.consistency_weight=0.01 -o runs/stronger

    Parameters
    ----------
    recipe:
        A YAML file, ours or one of the public code; or the name of a recipe that comes with davsn (davsn list recipes).
    changes:
        Settings that replace those of the recipe: key=value, as many as you like.
    score:
        Score the validation sets in the end; --no-score leaves that to davsn eval.
    out:
        The run's folder; without it, runs/ and the recipe's name.
    """
    experiment = load_recipe(recipe, list(changes))
    return carry_out(experiment, out or Path("runs") / experiment.name, score)


def carry_out(experiment: Experiment, folder: Path, scored: bool = True) -> int:
    """Train, score every validation set if that is wanted, and say where things are; the exit code."""
    if not train_in(experiment, folder):
        say(f"Stopped and saved in {folder}. The same command goes on from there.")
        return 130
    for name, part in experiment.validation.items() if scored else ():
        scores = score(open_trained(folder, own_code=True), part, name)
        scores.save(folder / f"scores_{name}.json")
        console.print(scores.table(f"{experiment.name} on {name}"))
    say(f"Done: {folder}")
    return 0


def load_recipe(recipe: str, changes: list[str], paths: bool = True) -> Experiment:
    """An experiment from a file, or from a recipe of ours by its name; see :func:`davsn.experiment.load`.

    A YAML file of the public code is translated, and what became of its keys is printed.

    Raises:
        ConfigError: no such recipe, or mistakes in it.
    """
    if recipe.endswith((".yaml", ".yml")):
        values = read_yaml(Path(recipe))
        if is_reference(values):
            values, lines = translate(values, recipe)
            say("\n".join([f"{recipe} is of the public code:", *lines]))
        return load(values, changes, where=recipe, paths=paths)
    return load(recipe_values(recipe), changes, where=f"recipe {recipe}", paths=paths)


def open_with(path: Path, recipe: str | None, own_code: bool) -> Trained:
    """A trained network; weights alone come with a recipe's name or file. See :func:`davsn.trained.open_trained`."""
    named = None if recipe is None else load_recipe(recipe, [], paths=False)
    return open_trained(path, own_code, named)


def chosen_flow(text: str, where: str) -> FlowSetting:
    """A flow setting as one types it: what would stand in a recipe after ``flow:``.

    Raises:
        ConfigError: no such estimator, or mistakes in its options.
    """
    try:
        return validate(_Flow, {"flow": yaml.safe_load(text)}, where).flow
    except yaml.YAMLError:
        raise ConfigError(where, [f"{text} cannot be read. Write it as in a recipe: dis, or {{name: dis}}"]) from None


class _Flow(Settings):
    flow: FlowSetting


@contextmanager
def recipe_file(name: str) -> Iterator[Path]:
    """The file of a recipe of ours.

    Raises:
        ConfigError: no recipe of that name.
    """
    ours = files("davsn.recipes")
    names = sorted(file.name.removesuffix(".yaml") for file in ours.iterdir() if file.name.endswith(".yaml"))
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ConfigError(f"'{name}'", [f"no recipe of that name.{hint} (there are: {', '.join(names)}; or a .yaml)"])
    with as_file(ours.joinpath(f"{name}.yaml")) as path:
        yield path


def recipe_values(name: str) -> dict[str, Any]:
    """What a recipe of ours says; see :func:`recipe_file`."""
    with recipe_file(name) as path:
        return read_yaml(path)


def train_in(experiment: Experiment, folder: Path) -> bool:
    """Train in a folder with progress on the screen; False if a signal stopped it."""
    run = Run(experiment, folder)
    slow = slow_precision(experiment)
    if slow is not None:
        say(f"Warning: {slow.what}. {slow.remedy}")
    tell_caches(experiment)
    for domain in run.domains:
        if domain.left_out:
            say(f"{domain.left_out} frames have no neighbour and are left out; {len(domain)} remain")
        fill_with_progress(domain, run.device, experiment.training.batch_size)
    if experiment.training.rare_classes is not None and run.source is not None:
        with progress("counting classes", len(run.source)) as counted:
            class_draw(run.source, experiment.training.rare_classes, folder, counted)
    with progress(f"training {experiment.name}", experiment.training.steps, run.steps_saved()) as report:
        return run.train(lambda done, line: report(done, _losses(line)))


def fill_with_progress(samples: Samples, device: torch.device, batch_size: int = 1) -> None:
    """Fill the cache with flow, if that has to be done first; see :func:`davsn.data.precompute.fill_ahead`."""
    if needs_filling(samples):
        with progress(f"flow by {samples.dataset.config.flow.name}", count_pairs(samples)) as report:
            fill_ahead(samples, device, report, batch_size)


def tell_caches(experiment: Experiment) -> None:
    """Print where the data sets of an experiment keep frames or flow, and how full that is."""
    parts = (experiment.source, experiment.target, *experiment.validation.values())
    settings = [part.settings for part in parts if part is not None and isinstance(part.settings, DatasetSettings)]
    stores = {
        store.folder: store
        for store in map(store_of, filter(lambda config: config.cached or config.flow.cached, settings))
    }
    for place, store in stores.items():
        filled = f"{store.used() / GIGABYTE:.1f} of {store.limit / GIGABYTE:g} GB"
        say(f"Cache: {place}, {filled}; delete it whenever you like")


def score(
    trained: Trained,
    part: Part,
    name: str,
    labelled_only: bool = False,
    together: Ensemble | None = None,
    pictures: Path | None = None,
) -> Scores:
    """Evaluate with progress on the screen; see :func:`davsn.trained.scored_frames`.

    Args:
        trained: the network.
        part: the data set.
        name: of the set.
        labelled_only: see :func:`davsn.trained.scored_frames`.
        together: several networks to score in place of the one.
        pictures: a folder for the predictions of the labelled frames; see :class:`davsn.cli.pictures.Pictures`.
    """
    samples = scored_frames(trained, part, labelled_only=labelled_only)
    fill_with_progress(samples, trained.device)
    precision = trained.experiment.training.precision
    keep = Pictures(pictures, samples, trained.taxonomy) if pictures is not None else lambda batch, prediction: None
    with progress(f"scoring {name}", len(samples)) as report:
        batches = _reported(samples, report)
        network = together or trained.segmenter
        taxonomy = trained.taxonomy.scored_on(samples.dataset.taxonomy)
        return evaluate(network, batches, taxonomy, trained.device, precision, predicted=keep)


def _reported(samples: Samples, report: Report) -> Iterator[Batch]:
    for done, batch in enumerate(evaluation_batches(samples), 1):
        yield batch
        report(done)


def _losses(line: Mapping[str, float]) -> str:
    """The losses of a line of the log that a person wants to see go down."""
    shown = {key: value for key, value in line.items() if key.startswith("loss/") and key.endswith("/main")}
    return "  ".join(f"{key.removeprefix('loss/').removesuffix('/main')} {value:.3f}" for key, value in shown.items())
