"""``davsn check``."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from davsn.cli.console import console
from davsn.cli.train import load_recipe
from davsn.clip import ClipSpec
from davsn.data.check import Problem, check
from davsn.data.samples import target_training
from davsn.errors import DavsnError
from davsn.experiment import TWO_FRAMES, Experiment, Part, asked, build_dataset, clips_of


def check_(
    recipe: str, *changes: str, every: int = 10, all_: Annotated[bool, Parameter(name="--all", negative="")] = False
) -> int:
    """Look at everything a recipe needs, without starting it. Exit code 2 if training would fail.

    Frames are read, neighbours and labels looked up, videos opened to their end.

    Try:

        davsn check my_recipe.yaml

        davsn check my_recipe.yaml --all

    Parameters
    ----------
    recipe:
        A YAML file, or the name of a recipe that comes with davsn.
    changes:
        Settings that replace those of the recipe: key=value.
    every:
        Look at every n-th sample.
    all_:
        Look at every sample.
    """
    experiment = load_recipe(recipe, list(changes))
    found = [(name, problem) for name, look in _looks(experiment, 1 if all_ else every) for problem in look()]
    _print(found)
    return 2 if any(problem.severity == "fatal" for _, problem in found) else 0


def _looks(experiment: Experiment, every: int) -> Iterator[tuple[str, Callable[[], list[Problem]]]]:
    """What there is to look at, by its key in the recipe."""
    source, target = clips_of(experiment)
    if source.frames:
        yield "source", partial(_look, experiment.source, source, every)
    if experiment.target is not None:
        yield "target", partial(_look, experiment.target, target or asked(experiment), every, unlabelled=True)
    for name, part in experiment.validation.items():
        yield f"validation.{name}", partial(_look, part, asked(experiment, replace(TWO_FRAMES, labels=True)), every)


def _look(part: Part, spec: ClipSpec, every: int, unlabelled: bool = False) -> list[Problem]:
    try:
        dataset = build_dataset(part)
        return check(target_training(dataset) if unlabelled else dataset, spec, every)
    except DavsnError as error:
        return [Problem("the data set", str(error), "", "fatal")]


def _print(found: list[tuple[str, Problem]]) -> None:
    if not found:
        console.print("No problem found.")
        return
    for name, problem in found:  # no table: it would cut paths short
        remedy = f". {problem.remedy}" if problem.remedy else ""
        line = f"{problem.severity:8} {name}  {problem.where}: {problem.what}{remedy}"
        console.print(line, markup=False, soft_wrap=True, style="red" if problem.severity == "fatal" else None)
    fatal = sum(problem.severity == "fatal" for _, problem in found)
    console.print(f"{fatal} of {len(found)} would stop training.")
