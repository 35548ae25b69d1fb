"""``davsn.sweep``: trains one recipe with several methods, values and seeds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from davsn.api.report import try_report
from davsn.core.console import if_interrupted, progress, say
from davsn.core.errors import ConfigError
from davsn.core.files.writing import replacing
from davsn.experiment.experiment import Experiment, dump
from davsn.experiment.recipes import Recipe, read_recipe
from davsn.experiment.reporting import subjects_of
from davsn.experiment.showing import Extent
from davsn.scoring.measures import chosen_metrics
from davsn.sweeps.grid import Cell, Row, cells, finished, rows, values_of
from davsn.sweeps.grid import tables as tables
from davsn.sweeps.jobs import Processes, cluster, run_all
from davsn.training.folder import RunFolder

_SHOWN = Extent(clips=4)
"""How much the report shows of each validation set."""
RECORD = "sweep.json"
"""File in a sweep's folder with the scores of all runs."""


@dataclass(frozen=True)
class Sweep:
    """Results of a sweep.

    Attributes:
        folder: the folder that holds the run folders.
        rows: the rows of the table by validation set; a row holds the runs that differ only in the seed.
        failed: the problem of each failed run, by run folder.
        report: the page that compares the runs; None if it could not be written.
    """

    folder: Path
    rows: Mapping[str, Sequence[Row]]
    failed: Mapping[Path, str]
    report: Path | None = None


def sweep(  # noqa: PLR0913 - the options of a command
    recipe: Recipe,
    changes: Sequence[str] = (),
    *,
    methods: Sequence[str] = (),
    seeds: int = 3,
    jobs: int = 1,
    threads: int | None = None,
    submit: str | None = None,
    options: Sequence[str] = (),
    metrics: Sequence[str] = (),
    out: Path | str | None = None,
) -> Sweep:
    """Train a recipe with several methods, values and seeds. Finished runs are skipped.

    Args:
        recipe: see :func:`davsn.train`; with at least one validation set.
        changes: ``key=value`` replaces a setting of the recipe; ``key=value,value`` varies it.
        methods: names of methods; the recipe's own method keeps its settings, the others use their defaults.
        seeds: the number of seeds: 0, 1, 2 and so on.
        jobs: the number of runs at the same time on this machine.
        threads: CPU threads for each run; None leaves the choice to PyTorch.
        submit: 'slurm' hands the runs to SLURM through submitit; 'local' tries this on this machine.
        options: options of submitit, ``name=value``, such as ``timeout_min=600``.
        metrics: metrics to score every checkpoint with, beside mIoU and temporal consistency; their names, or paths of
            your own ``.py`` files.
        out: the folder of the runs; None: ``runs/``, the recipe's name and "-sweep".

    Raises:
        ConfigError: mistakes in the settings of any run, each named once.
    """
    if seeds < 1 or jobs < 1:
        raise ConfigError("the command line", ["--seeds and --jobs must be at least 1"])
    chosen_metrics(metrics)  # finds mistakes before anything runs
    base = read_recipe(recipe, paths=False)
    folder = Path(out or Path("runs") / f"{base.name}-sweep")
    grid = cells(folder, dump(base), list(methods), values_of(changes), seeds)
    planned = [replace(cell, metrics=tuple(metrics)) for cell in grid]
    experiments = _experiments(recipe, planned)
    wanted = {cell: experiment for cell, experiment in experiments.items() if not finished(cell, experiment)}
    say(f"{len(planned)} runs in {folder}, {len(planned) - len(wanted)} of them done")
    others = "have saved their state" if submit is None else "go on as jobs, if they are submitted"
    with if_interrupted(lambda: _left_in(folder, experiments, others)):
        failed = _carry_out(wanted, folder, jobs, threads, submit, options) if wanted else {}
    found = rows([cell for cell in planned if cell not in failed])
    _record(folder, found)
    page = RunFolder(folder).report
    if found and (wanted or not page.is_file()):
        done = [cell.folder for cell in planned if cell not in failed]
        report = try_report(subjects_of(done, own_code=True), page, extent=_SHOWN)
    else:
        report = page if page.is_file() else None
    return Sweep(folder, found, {cell.folder: problem for cell, problem in failed.items()}, report)


def _left_in(folder: Path, experiments: Mapping[Cell, Experiment], others: str) -> str:
    done = sum(finished(cell, experiment) for cell, experiment in experiments.items())
    return (
        f"Stopped; {done} of {len(experiments)} runs are finished in {folder}, and the others {others}. "
        "The same command resumes the sweep."
    )


def _experiments(recipe: Recipe, planned: list[Cell]) -> dict[Cell, Experiment]:
    """Load the settings of every cell.

    Raises:
        ConfigError: the mistakes in all cells, each named once.
    """
    found, mistakes = {}, {}
    for cell in planned:
        try:
            # The run that it starts from does not exist yet. Its other paths are checked in the cells that come first.
            found[cell] = read_recipe(recipe, cell.assignments, paths=cell.after is None)
        except ConfigError as error:
            mistakes.update(dict.fromkeys(error.mistakes))
    if not mistakes and not all(experiment.validation for experiment in found.values()):
        mistakes = {"validation  is empty, so the runs cannot be compared. Name labelled video there": None}
    if mistakes:
        raise ConfigError(str(recipe), list(mistakes))
    return found


def _carry_out(
    wanted: dict[Cell, Experiment],
    folder: Path,
    jobs: int,
    threads: int | None,
    submit: str | None,
    options: Sequence[str],
) -> dict[Cell, str]:
    total = sum(experiment.training.steps for experiment in wanted.values())
    with progress("sweep, steps", total) as report:
        if submit is not None:
            return run_all(wanted, cluster(folder / "jobs", submit, _options(options)), threads, report)
        with Processes(jobs) as executor:
            return run_all(wanted, executor, threads, report)


def _options(given: Sequence[str]) -> dict[str, Any]:
    return {key: values[0] for key, values in values_of(given).items()}


def _record(folder: Path, found: Mapping[str, Sequence[Row]]) -> None:
    """Write the scores that the tables show."""
    content = {
        name: {
            row.name: {
                str(seed): {
                    rule: {"step": entry.step, "scores": entry.scores.as_data()} for rule, entry in run.chosen().items()
                }
                for seed, run in row.runs.items()
            }
            for row in same
        }
        for name, same in found.items()
    }
    if content:
        with replacing(folder / RECORD) as temporary:
            temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
