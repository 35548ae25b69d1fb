"""``davsn train``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

import davsn
from davsn.core.console import console, say

if TYPE_CHECKING:
    from davsn.api.training import TrainedRun


def train_(
    recipe: str, *changes: str, score: bool = True, out: Annotated[Path | None, Parameter(alias="-o")] = None
) -> int:
    """Train a recipe, or resume a run that was stopped. The same command does both.

    A run, also a finished one, goes on longer with a larger training.steps.

    Try:

        davsn train streets_da_vsn

        davsn train my_recipe.yaml training.steps=2000 method.consistency_weight=0.01 -o runs/stronger

        davsn train runs/stronger training.steps=4000

    Parameters
    ----------
    recipe:
        A YAML file, of davsn or of the public code; the name of a built-in recipe (davsn list recipes); or a run
        folder, which is resumed.
    changes:
        Overrides of the recipe, key=value; any number of them.
    score:
        Score the validation sets at the end; --no-score leaves that to davsn eval.
    out:
        The run folder. Default: the one given as the recipe; else runs/ and the recipe's name.
    """
    return show(davsn.train(recipe, changes, out=out, score=score))


def show(run: "TrainedRun") -> int:
    """Print the scores and the folder of a run; return the exit code."""
    if not run.finished:
        say(f"Stopped; everything is saved in {run.folder}. The same command resumes it.")
        return 130
    for name, scores in run.scores.items():
        console.print(scores.table(f"{run.name} on {name}"))
    say(f"Done: {run.folder}")
    return 0
