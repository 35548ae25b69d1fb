"""Every method on one pair of domains, for equal steps and for equal time: ``python benchmarks/methods.py streets``.

Run: python benchmarks/methods.py streets [--seeds 1 2 3]
     python benchmarks/methods.py procity_camvid --data FOLDER --weights FILE [--seeds 1 2 3]

A source-only network is trained first; from it every method goes on for as many steps as every other (``steps``), and
in runs of their own for as much processor time as da_vsn needs for that (``time``), each with the schedule of its own
length. Where both come to the same number of steps within a tenth, one run counts as both. What a step costs is
measured before, as the difference between two trainings of ``davsn train`` of different lengths, loading included.

After a method's run of equal steps, batch normalisation takes the target's statistics in one more (``then
batch_norm``); during training they were those of both domains. Streets also has TPS with its accidents, each alone.

Runs go two at a time on one thread each, those of one seed together; what is done is not run again, and a run that was
killed goes on. Every checkpoint is scored with ``davsn eval --every``. Nothing is chosen by the target's labels, but
the column that says so. Settings that are not a method's defaults were chosen on seed 0 of the streets, which is no
result, and the pair of real video takes them:

     python benchmarks/methods.py streets --choose

trains each method's default there and an alternative (da_vsn's weights were chosen so before, for the demo). And

     python benchmarks/methods.py WORLD --statistics

trains methods with the running statistics of both domains and with those of the target alone (training.statistics).
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml

import records
from davsn.cli.demo import FULL, QUICK, draw
from davsn.cli.train import load_recipe, recipe_values
from davsn.grid import Cell, finished, scores_of
from davsn.jobs import Processes, run_all
from davsn.saving import replacing
from records import PROJECT, commit, write
from results_of_methods import OF_TARGET, THEN

START, REFERENCE, CEILING = "source_only, the start", "da_vsn", "trained on target labels"
SMALL = {"views": "logits", "discriminator_width": 32}
DA_VSN = {"name": "da_vsn", **SMALL, "adversarial_weight": 0.05, "consistency_weight": 1}
TEACHER = {"name": "mean_teacher", "decay": 0.99}
STREETS_THINGS = (4, 5, 9, 10, 11, 12, 13, 14)
"""Train ids of what CMOM aligns object by object: those of VIPER, whose classes streets have."""
BLUR = [1.25, 1.75, 2.25]
"""TPS's published standard deviations, for frames a quarter as large."""
TPS = {"name": "tps", "blur": BLUR, "target_weight": 0.3}
ACCIDENTS = {
    "numbers augmented, not pictures": ["method.augmented=numbers"],
    "mirrored flow keeps its sign": ["method.mirrored_flow=kept"],
    "maps mirrored back after the warp": ["method.mirrored_back=after_warp"],
    "flow scaled by the height": ["video.flow_scale=height"],
}
"""Of TPS's public code, those that can happen here."""
CHOICES = {
    "minent": ({}, {"entropy_weight": 0.03}),
    "advent": (SMALL, {**SMALL, "adversarial_weight": 0.05}),
    "tps": ({"blur": BLUR}, {"blur": BLUR, "target_weight": 0.3}),
    "pixmatch": ({}, {"augmented": 0.5, "fourier": 0.5, "cutmix": 0.5}),
    "mean_teacher": ({}, {"statistics": "running"}, {"decay": 0.99}),
    "cmom": ({"things": STREETS_THINGS}, {"things": STREETS_THINGS, "statistics": "batch"}),
}
"""What was tried on seed 0 of the streets."""
NORMALISED = ("minent", "advent", "da_vsn", "tps", "mean_teacher", "cmom")
"""Whose statistics are tried; pixmatch and masked, the dearest, are not."""
Costs = Mapping[str, Mapping[str, float]]
"""Title → ``seconds`` of processor a step, and ``memory_mib`` at most, of one thread."""


@dataclass(frozen=True)
class Planned:
    """A row of the results.

    Attributes:
        title: of the row.
        changes: in the recipe.
        after: title of the row whose network of equal steps it starts from; None starts afresh.
        timed: whether it is run for equal time too.
        labels: of the streets, the domain whose labels it learns from.
    """

    title: str
    changes: tuple[str, ...]
    after: str | None = START
    timed: bool = True
    labels: str = "game"

    def folder(self, budget: str = "steps") -> str:
        """The name of its run's folder."""
        return file_name(self.title) + "_time" * (budget == "time")


@dataclass(frozen=True)
class World:
    """A pair of domains.

    Attributes:
        recipe: what all runs share.
        first: steps of the source-only start.
        steps: of every method after it.
        snapshots: how many checkpoints a run has.
        things: train ids of cmom's things.
        drawn: whether it is drawn for each seed anew; then TPS is run with its accidents too, and there is a ceiling.
    """

    recipe: dict[str, Any]
    first: int
    steps: int
    snapshots: int
    things: tuple[int, ...]
    drawn: bool

    def roots(self, row: Planned, drawn: Path) -> list[str]:
        """Where a row's data lie, as changes of the recipe."""
        paths = {"source": drawn / row.labels, "target": drawn / "camera", "validation.unseen": drawn / "unseen"}
        return [f"{key}.root={path}" for key, path in paths.items()] if self.drawn else []


def file_name(title: str) -> str:
    """A title with nothing in it that a file system minds."""
    return re.sub(r"\W+", "_", title)


def streets(given: argparse.Namespace) -> World:
    """The demo's world; its clips are drawn for each seed anew."""
    recipe = recipe_values("demo")
    recipe["validation"] = {"unseen": {"name": "folder", "root": "unseen", "missing": "repeat"}}
    snapshots = 3 if given.study == "choices" else 5
    return World(recipe, given.first or 240, given.steps or 150, snapshots, STREETS_THINGS, drawn=True)


def procity_camvid(given: argparse.Namespace) -> World:
    """Synthetic video to real video, by the recipe of ``davsn adapt``."""
    recipe, data = recipe_values("adapt"), given.data.resolve()
    classes = str(data / "classes.yaml")
    recipe["source"] |= {"root": str(data / "source"), "classes": classes}
    recipe["target"] |= {"root": str(data / "target" / "train")}
    scored = {"name": "folder", "root": str(data / "target" / "val"), "classes": classes, "size": [320, 160]}
    stills = {"frames": "stills", "labels": "stills_labels", "stills": True}
    recipe["validation"] = {
        "stills": {**scored, **stills, "missing": "repeat"},
        "clip": {**scored, "missing": "repeat"},
    }
    recipe["network"]["weights"] = str(given.weights.resolve())
    recipe["training"]["workers"] = 0
    return World(recipe, given.first or 200, given.steps or 80, 4, (4, 5, 8, 9), drawn=False)


def planned(world: World) -> Iterator[Planned]:
    """All rows, those first that others start from."""
    rows = list(methods(world))
    yield from rows
    yield from (then_batch_norm(row.title) for row in rows if row.timed and row.title != "batch_norm")


def then_batch_norm(first: str) -> Planned:
    """The target's statistics after training, whose statistics are of both domains."""
    return Planned(first + THEN, ('method={"name": "batch_norm"}',), after=first, timed=False)


def normalised(world: World) -> Iterator[Planned]:
    """The start, and methods by the statistics of both domains, by those of the target, and with batch_norm after."""
    rows = {row.title: row for row in methods(world)}
    yield rows[START]
    for name in NORMALISED:
        yield replace(rows[name], timed=False)
        yield Planned(name + OF_TARGET, (*rows[name].changes, "training.statistics=target"), timed=False)
        yield then_batch_norm(name)


def methods(world: World) -> Iterator[Planned]:
    """The rows that train."""

    def method(**settings: Any) -> tuple[str, ...]:
        return (f"method={json.dumps(settings)}",)

    cmom = {"name": "cmom", "things": world.things}  # whose labels are those of its start, which saw the target or not
    yield Planned(START, method(name="source_only"), after=None, timed=False)
    yield Planned("source_only", method(name="source_only"))
    yield Planned("batch_norm", method(name="batch_norm"))
    yield Planned("minent", method(name="minent", entropy_weight=0.03))
    yield Planned("advent", method(name="advent", **SMALL, adversarial_weight=0.05))
    yield Planned("da_vsn", method(**DA_VSN))
    yield Planned("tps", method(**TPS))
    yield Planned("pixmatch", method(name="pixmatch"))
    yield Planned("mean_teacher", method(**TEACHER))
    yield Planned("masked over mean_teacher", method(name="masked", over=TEACHER))
    yield Planned("cmom", method(**cmom, statistics="batch"))
    yield Planned("da_vsn, then cmom", method(**cmom), after="da_vsn", timed=False)
    if world.drawn:
        yield Planned(CEILING, method(name="source_only"), timed=False, labels="camera")
        every = [change for changes in ACCIDENTS.values() for change in changes]
        for title, changes in {"all accidents": every, **ACCIDENTS}.items():
            yield Planned(f"tps: {title}", (*method(**TPS), *changes), timed=False)


def tried(world: World) -> Iterator[Planned]:
    """The start, and what was tried on seed 0."""
    yield next(planned(world))
    for name, several in CHOICES.items():
        for settings in several:
            title = " ".join([name, *(f"{key}={value}" for key, value in settings.items())])
            yield Planned(title, (f"method={json.dumps({'name': name, **settings})}",), timed=False)


STUDIES: Mapping[str, tuple[Callable[[World], Iterator[Planned]], str, str]] = {
    "methods": (planned, "methods_{}", "Every method on {}"),
    "choices": (tried, "methods_choices", "What was tried before"),
    "statistics": (normalised, "methods_statistics_{}", "Whose statistics, on {}"),
}
"""What can be run: its rows, the record's name and its title."""


def lengths_of(row: Planned, world: World, costs: Costs) -> dict[str, int]:
    """Steps of a row's runs: for equal ``steps``, and for equal ``time`` where that is another number."""
    if row.title == START or not row.timed:
        return {"steps": world.first if row.title == START else world.steps}
    same = round(world.steps * costs[REFERENCE]["seconds"] / costs[row.title]["seconds"])
    apart = not math.isclose(same, world.steps, rel_tol=0.1)
    return {"steps": world.steps, **({"time": max(same, 1)} if apart else {})}


def cells_of(world: World, seed: int, folder: Path, costs: Costs, plan: Sequence[Planned]) -> dict[Cell, str]:
    """The runs of a seed, and for what each is: equal ``steps`` or equal ``time``. A cell's row is its title."""
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
    """What a step of every timed row costs, from trainings of two lengths; measured once and kept."""
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
    """Seconds of processor and MiB at most of a training in a process of its own, with one thread."""
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
    """Carry out the runs of a seed that are not done: the rows of all, and what went wrong.

    Args:
        recipe: of all.
        cells: see :func:`cells_of`.
        jobs: how many at a time; 0 runs none.
        timed: titles that are compared at equal time too.
    """
    experiments = {cell: load_recipe(str(recipe), list(cell.assignments), paths=False) for cell in cells}
    wanted = {cell: experiment for cell, experiment in experiments.items() if not finished(cell, experiment)}
    if jobs == 0:
        problems = dict.fromkeys(wanted, "not run")
    else:
        with Processes(jobs) as executor:
            problems = run_all(str(recipe), wanted, executor, 1, lambda done, under_way: None)
    apart = {cell.row for cell, budget in cells.items() if budget == "time"}
    rows = []
    for cell, budget in cells.items():
        if cell not in problems:
            steps, both = experiments[cell].training.steps, budget == "steps" and cell.row in timed - apart
            rows += rows_of(cell, ["steps", "time"] if both else [budget], steps)
    return rows, [f"{cell.folder}: {problem}" for cell, problem in problems.items()]


def rows_of(cell: Cell, budgets: Sequence[str], steps: int) -> Iterator[dict[str, Any]]:
    """A row for each validation set: of the last checkpoint, and the mIoU of those that the rules choose."""
    for name, scores in scores_of(cell).items():
        chosen = scores.chosen()
        last, mious = chosen["last"].scores, {rule: entry.scores.exact_miou for rule, entry in chosen.items()}
        found = records.row(cell.row, cell.seed, last, None, set=name)
        found |= {"budgets": list(budgets), "steps": steps, "chosen": {key: round(v, 3) for key, v in mious.items()}}
        print(f"seed {cell.seed} {name:7} {'+'.join(budgets):11}{steps:6} {cell.row}: {found['miou']:.2f}", flush=True)
        yield found


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", choices=["streets", "procity_camvid"])
    parser.add_argument("--data", type=Path, help="the pair's folder: source/, target/, classes.yaml")
    parser.add_argument("--weights", type=Path, help="an ImageNet start (benchmarks/lite0_weights.py)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--first", type=int, help="steps of the source-only start")
    parser.add_argument("--steps", type=int, help="steps of every method after it")
    parser.add_argument("--jobs", type=int, default=2, help="at a time; 0 runs nothing and records what is done")
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / "benchmark_methods")
    study = parser.add_mutually_exclusive_group()
    for flag, name, told in (
        ("--choose", "choices", "try settings on seed 0 instead"),
        ("--statistics", "statistics", "try whose statistics to predict by instead"),
    ):
        study.add_argument(flag, action="store_const", dest="study", const=name, default="methods", help=told)
    parser.add_argument("--quick", action="store_true", help="a few steps, no record: does it run?")
    given = parser.parse_args()
    if given.world == "procity_camvid" and not (given.data and given.weights):
        parser.error("procity_camvid needs --data and --weights")
    if given.quick:
        given.first, given.steps = 4, 4
    if given.study == "choices":
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
