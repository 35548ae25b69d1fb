"""Every method on one pair of domains, for equal steps and for equal time.

Run: python -m benchmarks.studies.methods streets [--seeds 1 2 3]
     python -m benchmarks.studies.methods procity_camvid --data FOLDER --weights FILE [--seeds 1 2 3]

A source-only network is trained first. Every method continues from it, once for the same number of steps (``steps``),
and once for the processor time that da_vsn needs for these steps (``time``). Each run has the schedule of its own
length. One run counts as both where the two numbers of steps differ by less than a tenth. The cost of a step, loading
included, is measured beforehand: it is the difference between two trainings of different lengths.

After a method's run of equal steps, one more run gives its batch normalisation the target's statistics (``then
batch_norm``). During training, the statistics are those of both domains. The streets also have a row for each accident
of TPS's public code.

Two runs go at a time, on one thread each. The runs of a seed go together. A finished run is not run again, and a killed
run is resumed. ``davsn eval --every`` scores every checkpoint. Only the column that says so chooses by the target's
labels. Settings that are not a method's defaults were chosen on seed 0 of the streets, which is no result. The pair of
real video uses the same settings:

     python -m benchmarks.studies.methods streets --choose

trains each method's default on seed 0, and an alternative. da_vsn's weights were chosen the same way earlier, for the
demo. The third study

     python -m benchmarks.studies.methods WORLD --statistics

trains methods with the running statistics of both domains, and with those of the target alone (training.statistics).
The next two

     python -m benchmarks.studies.methods WORLD --recipe
     python -m benchmarks.studies.methods WORLD --on-recipe

train plain source_only with each part of the strong training recipe, and every method on top of the whole recipe. The
strengths of its parts were chosen on seed 0 of the streets, by

     python -m benchmarks.studies.methods streets --strengths
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks import records
from benchmarks.records import PROJECT, START, commit, write
from benchmarks.studies.plans import STUDIES, Planned, World, planned, procity_camvid, streets
from davsn.api.demo import FULL, QUICK, draw
from davsn.core.files.writing import replacing
from davsn.experiment.recipes import read_recipe
from davsn.sweeps.grid import Cell, finished, scores_of
from davsn.sweeps.jobs import Processes, run_all

REFERENCE = "da_vsn"
Costs = Mapping[str, Mapping[str, float]]
"""Title → ``seconds``: processor time of a step; ``memory_mib``: peak memory. One thread."""


def lengths_of(row: Planned, world: World, costs: Costs) -> dict[str, int]:
    """Steps of a row's runs: for equal ``steps``, and for equal ``time`` where the number differs."""
    if row.title == START or not row.timed:
        return {"steps": world.first if row.title == START else world.steps}
    same = round(world.steps * costs[REFERENCE]["seconds"] / costs[row.title]["seconds"])
    apart = not math.isclose(same, world.steps, rel_tol=0.1)
    return {"steps": world.steps, **({"time": max(same, 1)} if apart else {})}


def cells_of(world: World, seed: int, folder: Path, costs: Costs, plan: Sequence[Planned]) -> dict[Cell, str]:
    """The runs of a seed → the budget of each: equal ``steps`` or equal ``time``. A cell's row is its title."""
    found = {}
    folders = {row.title: folder / row.folder() for row in plan}
    lengths = {row: lengths_of(row, world, costs) for row in plan}
    for budget in ("steps", "time"):
        for row in (row for row in plan if budget in lengths[row]):
            steps, after = lengths[row][budget], None if row.after is None else folders[row.after]
            own = {"seed": seed, "training.steps": steps, "training.save_every": math.ceil(steps / world.snapshots)}
            changes = [f"{key}={value}" for key, value in own.items()] + ["training.keep=100", *row.changes]
            changes += [*world.roots(row, folder / "world"), *([] if after is None else [f"start={after}"])]
            found[Cell(row.title, seed, tuple(changes), folder / row.folder(budget), after)] = budget
    return found


def costs_of(recipe: Path, world: World, folder: Path, lengths: tuple[int, int]) -> Costs:
    """Cost of a step of every timed row, from trainings of two lengths. It is measured once and kept."""
    kept = folder / "costs.json"
    if kept.is_file():
        return dict(json.loads(kept.read_text()))

    def trained(row: Planned, steps: int) -> tuple[float, float]:
        begin = [] if row.after is None else [f"start={start}"]
        own = [f"training.steps={steps}", "training.save_every=1000000", *world.roots(row, folder / "world"), *begin]
        return spent(recipe, [*row.changes, *own], folder / f"{row.folder()}_{steps}")

    def measured(row: Planned) -> dict[str, float]:
        (less, _), (more, memory) = (trained(row, steps) for steps in lengths)
        return {"seconds": (more - less) / (lengths[1] - lengths[0]), "memory_mib": memory}

    first, *others = (row for row in planned(world) if row.title == START or row.timed)
    start = folder / f"{first.folder()}_{lengths[0]}"
    trained(first, lengths[0])
    with ThreadPoolExecutor(2) as pool:
        costs = dict(zip((row.title for row in others), pool.map(measured, others), strict=True))
    with replacing(kept) as temporary:
        temporary.write_text(json.dumps(costs, indent=1))
    return costs


def spent(recipe: Path, changes: Sequence[str], out: Path) -> tuple[float, float]:
    """Processor seconds and peak memory (MiB) of a training in its own process, on one thread."""
    command = [sys.executable, "-m", "davsn", "train", str(recipe), *changes, "--no-score", "-o", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert running.stderr is not None
    said = running.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(running.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}\n{said}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit


def seed_of(
    recipe: Path, cells: Mapping[Cell, str], jobs: int, timed: set[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Run what is not finished of a seed.

    Args:
        recipe: the recipe of all runs.
        cells: see :func:`cells_of`.
        jobs: number of runs at a time; 0 runs none.
        timed: titles that are compared at equal time too.

    Returns:
        The rows of all finished runs, and a line for each problem.
    """
    experiments = {cell: read_recipe(str(recipe), list(cell.assignments), paths=False) for cell in cells}
    wanted = {cell: experiment for cell, experiment in experiments.items() if not finished(cell, experiment)}
    if jobs == 0:
        problems = dict.fromkeys(wanted, "not run")
    else:
        with Processes(jobs) as executor:
            problems = run_all(wanted, executor, 1, lambda done, under_way: None)
    apart = {cell.row for cell, budget in cells.items() if budget == "time"}
    rows = []
    for cell, budget in cells.items():
        if cell not in problems:
            steps, both = experiments[cell].training.steps, budget == "steps" and cell.row in timed - apart
            rows += rows_of(cell, ["steps", "time"] if both else [budget], steps)
    return rows, [f"{cell.folder}: {problem}" for cell, problem in problems.items()]


def rows_of(cell: Cell, budgets: Sequence[str], steps: int) -> Iterator[dict[str, Any]]:
    """A row for each validation set: scores of the last checkpoint, and the mIoU of the one that each rule chooses."""
    for name, scores in scores_of(cell).items():
        chosen = scores.chosen()
        last, mious = chosen["last"].scores, {rule: entry.scores.exact_miou for rule, entry in chosen.items()}
        found = records.row(cell.row, cell.seed, last, None, set=name)
        found |= {"budgets": list(budgets), "steps": steps, "chosen": {key: round(v, 3) for key, v in mious.items()}}
        print(f"seed {cell.seed} {name:7} {'+'.join(budgets):11}{steps:6} {cell.row}: {found['miou']:.2f}", flush=True)
        yield found


def arguments() -> argparse.Namespace:
    """The arguments of the command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", choices=["streets", "procity_camvid"])
    parser.add_argument("--data", type=Path, help="the pair's folder: source/, target/, classes.yaml")
    parser.add_argument("--weights", type=Path, help="ImageNet weights (see benchmarks/studies/lite0_weights.py)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--first", type=int, help="steps of the source-only start")
    parser.add_argument("--steps", type=int, help="steps of every method after the start")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time; 0 only records what is finished")
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / "benchmark_methods")
    study = parser.add_mutually_exclusive_group()
    for flag, name, told in (
        ("--choose", "choices", "compare settings on seed 0 instead"),
        ("--recipe", "recipe", "train with and without each part of the training recipe instead"),
        ("--strengths", "strengths", "compare strengths of the recipe's parts on seed 0 instead"),
        ("--on-recipe", "on_recipe", "train every method on top of the training recipe instead"),
        ("--statistics", "statistics", "compare the statistics of both domains with those of the target instead"),
    ):
        study.add_argument(flag, action="store_const", dest="study", const=name, default="methods", help=told)
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it runs; nothing is recorded")
    given = parser.parse_args()
    if given.world == "procity_camvid" and not (given.data and given.weights):
        parser.error("procity_camvid needs --data and --weights")
    if given.quick:
        given.first, given.steps = 4, 4
    if given.study in ("choices", "strengths"):
        given.seeds = [0]
    return given


def main() -> int:
    given = arguments()
    torch.set_num_threads(1)
    code, folder = commit(), (given.out / given.world).resolve()
    world = streets(given) if given.world == "streets" else procity_camvid(given)
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({**world.recipe, "name": given.world}, sort_keys=False))
    for seed in (0, *given.seeds) if world.drawn else ():
        draw(folder / f"seed{seed}" / "world", QUICK if given.quick else FULL, seed)
    rows_of_study, name, title = STUDIES[given.study]
    plan, costs = list(rows_of_study(world)), {}
    if given.study == "methods":
        costs = costs_of(recipe, world, folder / "seed0", (1, 9) if given.quick else (4, 20))
    for row, cost in costs.items():
        print(f"{row:28} {cost['seconds']:.3f} s a step   {cost['memory_mib']:.0f} MiB", flush=True)
    settings = {"recipe": world.recipe["name"], "first": world.first, "steps": world.steps}
    settings |= {"snapshots": world.snapshots, "methods": {row.title: row.changes[0].partition("=")[2] for row in plan}}
    rows: list[dict[str, Any]] = []
    for seed in given.seeds:
        cells = cells_of(world, seed, folder / f"seed{seed}", costs, plan)
        found, problems = seed_of(recipe, cells, given.jobs, set(costs))
        if problems:
            print("\n".join(problems))
            if given.jobs:
                return 1
        rows += found
        if not given.quick:
            write(name.format(given.world), title.format(given.world), settings, code, rows=rows, costs=costs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
