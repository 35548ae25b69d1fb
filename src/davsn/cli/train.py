"""``davsn train``, and what other commands share of it."""

import difflib
from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from davsn.cli.console import Report, console, progress
from davsn.clip import Batch
from davsn.data.loading import Samples, evaluation_batches
from davsn.errors import ConfigError
from davsn.evaluation import evaluate
from davsn.experiment import Experiment, Part, load
from davsn.reference_config import is_reference, translate
from davsn.run import Run, Trained, open_trained, scored_frames
from davsn.scores import Scores
from davsn.settings import read_yaml


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
        console.print(f"Stopped and saved in {folder}. The same command goes on from there.")
        return 130
    for name, part in experiment.validation.items() if scored else ():
        scores = score(open_trained(folder, own_code=True), part, name)
        scores.save(folder / f"scores_{name}.json")
        console.print(scores.table(f"{experiment.name} on {name}"))
    console.print(f"Done: {folder}")
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
            console.print("\n".join([f"{recipe} is of the public code:", *lines]), markup=False, soft_wrap=True)
        return load(values, changes, where=recipe, paths=paths)
    return load(recipe_values(recipe), changes, where=f"recipe {recipe}", paths=paths)


def open_with(path: Path, recipe: str | None, own_code: bool) -> Trained:
    """A trained network; weights alone come with the name or file of a recipe. See :func:`davsn.run.open_trained`."""
    named = None if recipe is None else load_recipe(recipe, [], paths=False)
    return open_trained(path, own_code, named)


def recipe_values(name: str) -> dict[str, Any]:
    """What a recipe of ours says.

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
        return read_yaml(path)


def train_in(experiment: Experiment, folder: Path) -> bool:
    """Train in a folder with progress on the screen; False if a signal stopped it."""
    run = Run(experiment, folder)
    for domain in (run.source, run.target):
        if domain is not None and domain.left_out:
            console.print(f"{domain.left_out} frames have no neighbour and are left out; {len(domain)} remain")
    with progress(f"training {experiment.name}", experiment.training.steps, run.steps_saved()) as report:
        return run.train(lambda done, line: report(done, _losses(line)))


def score(trained: Trained, part: Part, name: str, labelled_only: bool = False) -> Scores:
    """Evaluate with progress on the screen; see :func:`davsn.run.scored_frames`."""
    samples = scored_frames(trained, part, labelled_only=labelled_only)
    precision = trained.experiment.training.precision
    with progress(f"scoring {name}", len(samples)) as report:
        batches = _reported(samples, report)
        return evaluate(trained.segmenter, batches, trained.taxonomy, trained.device, precision)


def _reported(samples: Samples, report: Report) -> Iterator[Batch]:
    for done, batch in enumerate(evaluation_batches(samples), 1):
        yield batch
        report(done)


def _losses(line: Mapping[str, float]) -> str:
    """The losses of a line of the log that a person wants to see go down."""
    shown = {key: value for key, value in line.items() if key.startswith("loss/") and key.endswith("/main")}
    return "  ".join(f"{key.removeprefix('loss/').removesuffix('/main')} {value:.3f}" for key, value in shown.items())
