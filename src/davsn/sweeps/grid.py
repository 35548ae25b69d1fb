"""Many runs of one recipe: every method, value and seed in a folder of its own; what is done is never done again."""

import itertools
import json
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table

from davsn.core.errors import ConfigError
from davsn.core.plugins import choose
from davsn.core.settings import opened, read_yaml
from davsn.experiment.experiment import Experiment, dump, needs_start
from davsn.experiment.snapshots import SnapshotScores
from davsn.experiment.trained import settings_of
from davsn.learning.method import Method
from davsn.scoring.scores import Scores, percent
from davsn.training.folder import RunFolder
from davsn.training.selection import CRITERIA

_FIRST = "source_only"
"""The method whose networks others start from."""
_ALL = 100_000
"""Checkpoints kept of a run, unless the command line says otherwise: the best is looked for among all."""


@dataclass(frozen=True)
class Cell:
    """One run of the grid.

    Attributes:
        row: what it shares with the cells that differ in the seed alone.
        seed: of the run.
        assignments: what it changes in the recipe, as ``key=value``.
        folder: the run's.
        after: the folder of the cell whose network it starts from, which has to be done first.
    """

    row: str
    seed: int
    assignments: tuple[str, ...]
    folder: Path
    after: Path | None = None


def cells(
    folder: Path, recipe: Mapping[str, Any], methods: Sequence[str], values: Mapping[str, Sequence[Any]], seeds: int
) -> list[Cell]:
    """Every combination, those of one seed together.

    A method that changes a trained network starts from that of the source_only cell with the same values and seed,
    unless the recipe names another start.

    Args:
        folder: holds the runs' folders.
        recipe: what stands in it. Its method keeps its settings, and every other method has its defaults.
        methods: the names; none takes the recipe's own.
        values: settings that vary, by dotted key.
        seeds: how many, from 0.

    Raises:
        ConfigError: no such method, or one that has nothing to start from.
    """
    method = recipe.get("method")
    own = str(opened(method).get("name"))
    started = recipe.get("start") is not None or "start" in values
    names = list(dict.fromkeys(methods)) or [own]
    parts = {name: choose(Method, method if name == own else name, paths=False) for name in names}
    needy = [name for name in names if not started and needs_start(parts[name])]
    if needy and _FIRST not in names:
        raise ConfigError("--methods", [f"{name} starts from a trained network: add {_FIRST}" for name in needy])
    found = []
    for seed in range(seeds):
        for name in sorted(names, key=lambda name: (name in needy, names.index(name))):
            for combination in itertools.product(*values.values()):
                changed = dict(zip(values, combination, strict=True))
                cell = _cell(folder, name, name == own, changed, _varied(values), seed)
                if name in needy:
                    first = _cell(folder, _FIRST, _FIRST == own, changed, _varied(values), seed).folder
                    cell = replace(cell, assignments=(*cell.assignments, f"start={first}"), after=first)
                found.append(cell)
    return found


def _cell(folder: Path, method: str, own: bool, changed: Mapping[str, Any], varied: Sequence[str], seed: int) -> Cell:
    texts = {key: f"{key}={json.dumps(value)}" for key, value in changed.items()}
    row = " ".join([Path(method).stem, *(texts[key] for key in varied)])
    keep = {} if "training.keep" in changed else {"training.keep": f"training.keep={_ALL}"}
    chosen = [] if own else [f"method={method}"]
    assignments = (*chosen, *{**texts, **keep}.values(), f"seed={seed}")
    return Cell(row, seed, assignments, folder / f"{_file_name(row)}-{seed}")


def _varied(values: Mapping[str, Sequence[Any]]) -> list[str]:
    return [key for key, several in values.items() if len(several) > 1]


def values_of(changes: Sequence[str]) -> dict[str, list[Any]]:
    """The values of ``key=v1,v2``, read as YAML; a list is one value: ``key=[1,2],[3,4]``.

    Raises:
        ConfigError: everything that does not read so.
    """
    found, mistakes = {}, []
    for change in changes:
        key, equals, text = change.partition("=")
        try:
            values = yaml.safe_load(f"[{text}]")
        except yaml.YAMLError:
            values = []
        if key and equals and values:
            found[key] = list(values)
        else:
            mistakes.append(f"{change}  should read key=value or key=value,value")
    if mistakes:
        raise ConfigError("the command line", mistakes)
    return found


def finished(cell: Cell, experiment: Experiment) -> bool:
    """Whether a cell's run has its last step behind it, with these settings, and all its validation sets are scored."""
    file = RunFolder(cell.folder).settings
    if not file.is_file() or read_yaml(file) != dump(experiment):
        return False
    steps = experiment.training.steps
    return all(scores.entries and scores.last.step == steps for scores in scores_of(cell).values())


def scores_of(cell: Cell) -> dict[str, SnapshotScores]:
    """What is known of a cell's checkpoints, by validation set."""
    experiment = settings_of(cell.folder, own_code=True)
    return {
        name: SnapshotScores.of_run(RunFolder(cell.folder).snapshots, name, part, experiment)
        for name, part in experiment.validation.items()
    }


@dataclass(frozen=True)
class Row:
    """The runs of a grid that differ in the seed alone.

    Attributes:
        name: what they share.
        runs: the scores of each run's checkpoints, by seed.
    """

    name: str
    runs: Mapping[int, SnapshotScores]

    def mean(self, of: Callable[[Scores], float | None], rule: str = "last") -> str:
        """Mean ± standard deviation over the seeds, of the checkpoints that a rule chooses."""
        chosen = [run.chosen() for run in self.runs.values()]
        return spread([of(entries[rule].scores) for entries in chosen if rule in entries])


def spread(values: Sequence[float | None]) -> str:
    """Mean ± sample standard deviation of the numbers among the values, with two digits."""
    numbers = [value for value in values if value is not None and not math.isnan(value)]
    if not numbers:
        return "–"
    mean = percent(statistics.fmean(numbers))
    return f"{mean} ± {percent(statistics.stdev(numbers))}" if len(numbers) > 1 else mean


def rows(done: Sequence[Cell]) -> dict[str, list[Row]]:
    """What finished cells found, by validation set."""
    found: dict[str, dict[str, dict[int, SnapshotScores]]] = {}
    for cell in done:
        for name, scores in scores_of(cell).items():
            found.setdefault(name, {}).setdefault(cell.row, {})[cell.seed] = scores
    return {name: [Row(row, runs) for row, runs in by_row.items()] for name, by_row in found.items()}


def tables(name: str, found: Sequence[Row]) -> Iterator[Table]:
    """The grid's results on one validation set: a row a method, then a row a class."""
    first = next(iter(found[0].runs.values())).last.scores
    rules = ("last", *CRITERIA, "best")
    summary = Table("run", "seeds", title=f"mIoU on {name}, mean ± standard deviation over the seeds")
    for heading in (*rules, "temporal consistency"):
        summary.add_column(heading, justify="right")
    for row in found:
        consistency = row.mean(lambda scores: scores.temporal_consistency)
        summary.add_row(row.name, str(len(row.runs)), *(row.mean(_miou, rule) for rule in rules), consistency)
    summary.add_section()
    summary.add_row("below the best, over all runs", "", *(regret(found, rule) for rule in rules), "")
    summary.caption = (
        f"Which checkpoint: the last; those that label-free criteria chose; 'best', which was chosen on {name} itself, "
        "by its labels, and is no fair figure"
    )
    yield summary
    classes = Table("class", title=f"IoU on {name}, last checkpoint")
    for row in found:
        classes.add_column(row.name, justify="right")
    for label in first.names:
        note = " (not in the mean)" if label in first.unscored else ""
        classes.add_row(label + note, *(row.mean(_iou_of(label)) for row in found), style="dim" if note else None)
    yield classes


def regret(found: Sequence[Row], rule: str) -> str:
    """What a rule loses against the best checkpoint in mIoU: mean ± standard deviation over all runs."""
    runs = [run for row in found for run in row.runs.values()]
    lost = [run.best.scores.miou - chosen[rule].scores.miou for run in runs if rule in (chosen := run.chosen())]
    return spread(lost)


def _miou(scores: Scores) -> float:
    return scores.miou


def _iou_of(label: str) -> Callable[[Scores], float]:
    return lambda scores: scores.iou[label] * 100


def _file_name(row: str) -> str:
    """A row's name with nothing in it that a file system minds."""
    kept = "".join(character if character.isalnum() or character in "_.=" else "-" for character in row)
    return kept.replace("method.", "").strip("-")
