"""A grid of runs of one recipe, with a folder for each method, value and seed. Finished runs are not repeated."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table

from davsn.core.errors import ConfigError
from davsn.core.plugins import choose
from davsn.core.settings import opened, read_yaml
from davsn.experiment.checkpoint_scores import CheckpointScores
from davsn.experiment.experiment import Experiment, completed, dump, needs_start
from davsn.experiment.trained import settings_of
from davsn.learning.method import Method
from davsn.scoring import uncertainty
from davsn.scoring.measures import ALWAYS, Measures, chosen_metrics
from davsn.scoring.scores import Scores, percent
from davsn.training.folder import RunFolder
from davsn.training.selection import CRITERIA

_FIRST = "source_only"
"""The method that trains the networks from which other methods start."""
_ALL = 100_000
"""Number of checkpoints that a run keeps by default. It is large, because the best is chosen among all."""


@dataclass(frozen=True)
class Cell:
    """One run of the grid.

    Attributes:
        row: the name that it shares with the cells that differ only in the seed.
        seed: the seed of the run.
        assignments: its overrides of the recipe, as ``key=value``.
        folder: the run folder.
        after: the folder of the cell whose network it starts from, which must be finished first.
        metrics: metrics that its checkpoints are scored with, beside those that are always counted.
    """

    row: str
    seed: int
    assignments: tuple[str, ...]
    folder: Path
    after: Path | None = None
    metrics: tuple[str, ...] = ()


def cells(
    folder: Path, recipe: Mapping[str, Any], methods: Sequence[str], values: Mapping[str, Sequence[Any]], seeds: int
) -> list[Cell]:
    """Make the cells of every combination, ordered by seed.

    A method that adapts a trained network starts from the source_only cell with the same values and seed, unless the
    recipe names another start.

    Args:
        folder: the folder that holds the run folders.
        recipe: the content of the recipe. Its method keeps its settings, and every other method uses its defaults.
        methods: names of methods; none: the recipe's own.
        values: the values of settings, by dotted key.
        seeds: the number of seeds, from 0.

    Raises:
        ConfigError: there is no such method, or it has nothing to start from.
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
    """Parse the values of ``key=v1,v2`` as YAML; a list is one value: ``key=[1,2],[3,4]``.

    Raises:
        ConfigError: names every text that is not of this form.
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
    """Whether the run of a cell is finished with these settings, and scored on all its validation sets."""
    file = RunFolder(cell.folder).settings
    if not file.is_file() or completed(read_yaml(file)) != dump(experiment):
        return False
    steps, measures = experiment.training.steps, Measures(chosen_metrics(cell.metrics))
    return all(
        scores.entries
        and scores.last.step == steps
        and all(scores.has(content, measures) for content in scores.entries)
        for scores in scores_of(cell).values()
    )


def scores_of(cell: Cell) -> dict[str, CheckpointScores]:
    """Read the scores of a cell's checkpoints, by validation set."""
    experiment = settings_of(cell.folder, own_code=True)
    return {
        name: CheckpointScores.of_run(RunFolder(cell.folder).snapshots, name, part, experiment)
        for name, part in experiment.validation.items()
    }


@dataclass(frozen=True)
class Row:
    """The runs of a grid that differ only in the seed.

    Attributes:
        name: the name of the row.
        runs: the scores of each run's checkpoints, by seed.
    """

    name: str
    runs: Mapping[int, CheckpointScores]

    def mean(self, of: Callable[[Scores], float | None], rule: str = "last") -> str:
        """Format the mean ± standard deviation over the seeds, for the checkpoints that a rule chooses."""
        chosen = [run.chosen() for run in self.runs.values()]
        return spread([of(entries[rule].scores) for entries in chosen if rule in entries])


def spread(values: Sequence[float | None]) -> str:
    """Format the mean ± sample standard deviation of the values that are numbers, with two digits."""
    mean, deviation = uncertainty.spread(values)
    return percent(mean) if deviation is None else f"{percent(mean)} ± {percent(deviation)}"


def rows(done: Sequence[Cell]) -> dict[str, list[Row]]:
    """Collect the rows of finished cells, by validation set."""
    found: dict[str, dict[str, dict[int, CheckpointScores]]] = {}
    for cell in done:
        for name, scores in scores_of(cell).items():
            found.setdefault(name, {}).setdefault(cell.row, {})[cell.seed] = scores
    return {name: [Row(row, runs) for row, runs in by_row.items()] for name, by_row in found.items()}


def tables(name: str, found: Sequence[Row]) -> Iterator[Table]:
    """Make two tables for one validation set: one row for each run, then one row for each class."""
    first = next(iter(found[0].runs.values())).last.scores
    rules = ("last", *CRITERIA, "best")
    summary = Table("run", "seeds", title=f"mIoU on {name}, mean ± standard deviation over the seeds")
    others = [name for name in first.metrics if name not in ALWAYS]
    for heading in (*rules, "temporal consistency", *(first.metrics[name].title for name in others)):
        summary.add_column(heading, justify="right")
    for row in found:
        measured = [row.mean(lambda scores: scores.temporal_consistency), *(row.mean(_headline(one)) for one in others)]
        summary.add_row(row.name, str(len(row.runs)), *(row.mean(_miou, rule) for rule in rules), *measured)
    summary.add_section()
    blank = [""] * (1 + len(others))
    summary.add_row("below the best, over all runs", "", *(regret(found, rule) for rule in rules), *blank)
    summary.caption = (
        f"A column for each choice of checkpoint: the last; those chosen by label-free criteria; and 'best', which was "
        f"chosen by the labels of {name} itself and is not a fair score"
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
    """Format how far a rule is below the best checkpoint in mIoU: mean ± standard deviation over all runs."""
    runs = [run for row in found for run in row.runs.values()]
    lost = [run.best.scores.miou - chosen[rule].scores.miou for run in runs if rule in (chosen := run.chosen())]
    return spread(lost)


def _miou(scores: Scores) -> float:
    return scores.miou


def _headline(metric: str) -> Callable[[Scores], float | None]:
    return lambda scores: scores.metrics[metric].headline if metric in scores.metrics else None


def _iou_of(label: str) -> Callable[[Scores], float]:
    return lambda scores: scores.iou[label] * 100


def _file_name(row: str) -> str:
    """Replace characters of a row's name that are not safe in a file name."""
    kept = "".join(character if character.isalnum() or character in "_.=" else "-" for character in row)
    return kept.replace("method.", "").strip("-")
