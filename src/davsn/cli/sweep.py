"""``davsn sweep``."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

import davsn
from davsn.core.console import console, say


def sweep_(  # noqa: PLR0913 - a parameter for each option
    recipe: str,
    *changes: str,
    methods: str = "",
    seeds: int = 3,
    jobs: int = 1,
    threads: int | None = None,
    submit: Literal["slurm", "local"] | None = None,
    option: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    metrics: Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)] = None,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> int:
    """Train a recipe with several methods, values and seeds, and compare them in tables.

    The same command resumes a sweep that was killed, and skips the runs that are finished.

    Try:

        davsn sweep my_recipe.yaml --methods source_only,da_vsn --seeds 3

        davsn sweep my_recipe.yaml method.consistency_weight=0.001,0.01,0.1 --jobs 2 --threads 4

        davsn sweep my_recipe.yaml --methods da_vsn,tps --submit slurm --option timeout_min=600 --option gpus_per_node=1

    Parameters
    ----------
    recipe:
        A YAML file, or the name of a built-in recipe; it needs at least one validation set.
    changes:
        Overrides of the recipe, key=value; or settings to vary, key=value,value.
    methods:
        Names, separated by commas. The recipe's own method keeps its settings, the others use their defaults.
    seeds:
        Number of seeds: 0, 1, 2 and so on.
    jobs:
        Number of runs at the same time on this machine.
    threads:
        CPU threads for each run.
    submit:
        Submit the runs to SLURM through submitit; 'local' tries this on this machine.
    option:
        An option of submitit for each job, such as timeout_min=600. Repeat it for further options.
    metrics:
        Metrics to score every checkpoint with, beside mIoU and temporal consistency; see davsn list metrics.
    out:
        The folder of the runs. Default: runs/, the recipe's name and "-sweep".
    """
    from davsn.api.sweeping import RECORD, tables

    names = [name.strip() for name in methods.split(",") if name.strip()]
    found = davsn.sweep(
        recipe,
        changes,
        methods=names,
        seeds=seeds,
        jobs=jobs,
        threads=threads,
        submit=submit,
        options=option,
        metrics=metrics or (),
        out=out,
    )
    for folder, problem in found.failed.items():
        say(f"{folder}: {problem}", "red")
    for name, rows in found.rows.items():
        for table in tables(name, rows):
            console.print(table)
    if found.rows:
        say(f"written to {found.folder / RECORD}")
        if found.report is not None:
            say(f"Frames, classes and curves: {found.report}")
    return 2 if found.failed else 0
