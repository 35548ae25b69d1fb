"""``davsn sweep``."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from davsn.cli.train import load_recipe
from davsn.core.console import console, progress, say
from davsn.core.errors import ConfigError
from davsn.core.files.writing import replacing
from davsn.experiment.experiment import Experiment, dump
from davsn.sweep.grid import Cell, cells, finished, rows, tables, values_of
from davsn.sweep.jobs import Processes, cluster, run_all


def sweep_(  # noqa: PLR0913 - a parameter for each option
    recipe: str,
    *changes: str,
    methods: str = "",
    seeds: int = 3,
    jobs: int = 1,
    threads: int | None = None,
    submit: Literal["slurm", "local"] | None = None,
    option: tuple[str, ...] = (),
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
    if seeds < 1 or jobs < 1:
        raise ConfigError("the command line", ["--seeds and --jobs count from 1"])
    base = load_recipe(recipe, [], paths=False)
    folder = out or Path("runs") / f"{base.name}-sweep"
    names = [name.strip() for name in methods.split(",") if name.strip()]
    planned = cells(folder, dump(base), names, values_of(changes), seeds)
    experiments = _experiments(recipe, planned)
    wanted = {cell: experiment for cell, experiment in experiments.items() if not finished(cell, experiment)}
    say(f"{len(planned)} runs in {folder}, {len(planned) - len(wanted)} of them done")
    failed = _carry_out(recipe, wanted, folder, jobs, threads, submit, option) if wanted else {}
    for cell, problem in failed.items():
        say(f"{cell.folder}: {problem}", "red")
    _show(folder, [cell for cell in planned if cell not in failed])
    return 2 if failed else 0


def _experiments(recipe: str, planned: list[Cell]) -> dict[Cell, Experiment]:
    """The settings of every cell.

    Raises:
        ConfigError: the mistakes of all, each once.
    """
    found, mistakes = {}, {}
    for cell in planned:
        try:
            # What it starts from is not there yet; all other paths are those of the cells that come first.
            found[cell] = load_recipe(recipe, list(cell.assignments), paths=cell.after is None)
        except ConfigError as error:
            mistakes.update(dict.fromkeys(error.mistakes))
    if not mistakes and not all(experiment.validation for experiment in found.values()):
        mistakes = {"validation  is empty, and there is nothing to compare runs by. Name labelled video there": None}
    if mistakes:
        raise ConfigError(recipe, list(mistakes))
    return found


def _carry_out(
    recipe: str,
    wanted: dict[Cell, Experiment],
    folder: Path,
    jobs: int,
    threads: int | None,
    submit: str | None,
    option: tuple[str, ...],
) -> dict[Cell, str]:
    total = sum(experiment.training.steps for experiment in wanted.values())
    with progress("sweep, steps", total) as report:
        if submit is not None:
            return run_all(recipe, wanted, cluster(folder / "jobs", submit, _options(option)), threads, report)
        with Processes(jobs) as executor:
            return run_all(recipe, wanted, executor, threads, report)


def _options(given: tuple[str, ...]) -> dict[str, Any]:
    return {key: values[0] for key, values in values_of(given).items()}


def _show(folder: Path, done: list[Cell]) -> None:
    """Print the tables, and keep what they were made from."""
    content: dict[str, Any] = {}
    for name, found in rows(done).items():
        for table in tables(name, found):
            console.print(table)
        content[name] = {
            row.name: {
                str(seed): {
                    rule: {"step": entry.step, "scores": entry.scores.as_data()} for rule, entry in run.chosen().items()
                }
                for seed, run in row.runs.items()
            }
            for row in found
        }
    if content:
        with replacing(folder / "sweep.json") as temporary:
            temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        say(f"written to {folder / 'sweep.json'}")
