"""``davsn sweep``."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from davsn.api.sweeping import RECORD, sweep, tables
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
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> int:
    """Run a recipe for several methods, values and seeds, and compare them in one table.

    The same command again goes on where a killed one was, and skips what is done.

    Try:

        davsn sweep my_recipe.yaml --methods source_only,da_vsn --seeds 3

        davsn sweep my_recipe.yaml method.consistency_weight=0.001,0.01,0.1 --jobs 2 --threads 4

        davsn sweep my_recipe.yaml --methods da_vsn,tps --submit slurm --option timeout_min=600 --option gpus_per_node=1

    Parameters
    ----------
    recipe:
        A YAML file, or the name of a recipe that comes with davsn; with at least one validation set.
    changes:
        Settings that replace those of the recipe: key=value; or that vary: key=value,value.
    methods:
        Names with commas between. The recipe's own keeps its settings, the others have their defaults.
    seeds:
        How many: 0, 1, 2 and so on.
    jobs:
        How many runs at a time on this machine.
    threads:
        Processor threads for each.
    submit:
        Hand the runs to SLURM through submitit instead; 'local' tries that out on this machine.
    option:
        One of submitit's options for a job, such as timeout_min=600; can be given again.
    out:
        The folder of the runs; without it, runs/ and the recipe's name and "-sweep".
    """
    names = [name.strip() for name in methods.split(",") if name.strip()]
    found = sweep(
        recipe,
        changes,
        methods=names,
        seeds=seeds,
        jobs=jobs,
        threads=threads,
        submit=submit,
        options=option,
        out=out,
    )
    for folder, problem in found.failed.items():
        say(f"{folder}: {problem}", "red")
    for name, rows in found.rows.items():
        for table in tables(name, rows):
            console.print(table)
    if found.rows:
        say(f"written to {found.folder / RECORD}")
    return 2 if found.failed else 0
