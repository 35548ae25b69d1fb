"""``davsn train``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from davsn.api.training import TrainedRun, train
from davsn.core.console import console, say


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
    return show(train(recipe, changes, out=out, score=score))


def show(run: TrainedRun) -> int:
    """Print the scores of a run and where it is; the exit code."""
    if not run.finished:
        say(f"Stopped and saved in {run.folder}. The same command goes on from there.")
        return 130
    for name, scores in run.scores.items():
        console.print(scores.table(f"{run.name} on {name}"))
    say(f"Done: {run.folder}")
    return 0
