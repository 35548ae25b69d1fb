"""``davsn train``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

import davsn
from davsn.core.console import console, say
from davsn.core.errors import ConfigError

if TYPE_CHECKING:
    from davsn.api.training import TrainedRun


def train_(  # noqa: PLR0913 - a parameter for each option
    recipe: str,
    *changes: str,
    score: bool = True,
    gpus: int | None = None,
    submit: Literal["slurm", "local"] | None = None,
    nodes: int | None = None,
    gpus_per_node: int | None = None,
    option: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> int:
    """Train a recipe, or resume a run that was stopped. The same command does both.

    A run, also a finished one, goes on longer with a larger training.steps.

    Try:

        davsn train streets_da_vsn

        davsn train my_recipe.yaml training.steps=2000 method.consistency_weight=0.01 -o runs/stronger

        davsn train runs/stronger training.steps=4000

        davsn train my_recipe.yaml --gpus 4

        davsn train my_recipe.yaml --submit slurm --nodes 2 --gpus-per-node 4 --option timeout_min=1440

    Parameters
    ----------
    recipe:
        A YAML file, of davsn or of the public code; the name of a built-in recipe (davsn list recipes); or a run
        folder, which is resumed.
    changes:
        Overrides of the recipe, key=value; any number of them.
    score:
        Score the validation sets at the end; --no-score leaves that to davsn eval.
    gpus:
        Train with this number of processes on this machine, one for each CUDA device; without CUDA, on the CPU.
        training.batch_size is the batch of all together.
    submit:
        Submit the run to SLURM through submitit, as one job that is queued again when it is stopped early; 'local'
        tries this on this machine. docs/clusters.md says more.
    nodes:
        The number of machines of the job. Default: 1.
    gpus_per_node:
        The number of GPUs of each machine, with one process each. Default: 1.
    option:
        An option of submitit for the job, such as timeout_min=1440. Repeat it for further options.
    out:
        The run folder. Default: the one given as the recipe; else runs/ and the recipe's name.
    """
    if submit is None:
        if nodes or gpus_per_node or option:
            raise ConfigError("davsn train", ["--nodes, --gpus-per-node and --option need --submit slurm"])
        return show(davsn.train(recipe, changes, out=out, score=score, gpus=gpus))
    if gpus is not None:
        raise ConfigError("davsn train", ["--gpus  is for this machine. With --submit, set --gpus-per-node"])
    submitted = davsn.submit(
        recipe,
        changes,
        to=submit,
        nodes=nodes or 1,
        gpus_per_node=gpus_per_node or 1,
        options=option,
        out=out,
        score=score,
    )
    say(f"Submitted as job {submitted.job.job_id}. Follow it: davsn watch {submitted.folder}")
    say(f"What its processes print: {submitted.logs}")
    return 0


def show(run: "TrainedRun") -> int:
    """Print the scores and the folder of a run; return the exit code."""
    if not run.finished:
        say(f"Stopped; everything is saved in {run.folder}. The same command resumes it.")
        return 130
    for name, scores in run.scores.items():
        console.print(scores.table(f"{run.name} on {name}"))
    say(f"Done: {run.folder}")
    return 0
