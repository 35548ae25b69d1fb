"""Every checkpoint of a run scored on one set: the scores are kept by content, and a run under way is followed."""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from davsn.core.console import say
from davsn.core.errors import CheckpointError, DataError
from davsn.core.files.writing import replacing
from davsn.core.plugins import Choice
from davsn.experiment.experiment import Experiment, dump
from davsn.experiment.scoring import score
from davsn.experiment.trained import open_trained
from davsn.scoring.scores import Scores, percent
from davsn.training import checkpoint
from davsn.training.checkpoint import held
from davsn.training.folder import RunFolder
from davsn.training.selection import CRITERIA

FORMAT = 1
POLL = 5.0
"""Seconds between two looks for new checkpoints."""


@dataclass(frozen=True)
class Entry:
    """A checkpoint that was scored.

    Attributes:
        step: how many steps it was trained.
        scores: what was found.
        criteria: what the label-free criteria had said of it.
    """

    step: int
    scores: Scores
    criteria: Mapping[str, float] = field(default_factory=dict)


class SnapshotScores:
    """The scores of a run's checkpoints on one set, kept in a file.

    A checkpoint is known by its content: one that was trained anew under the same number is scored anew, and the best
    one, which has two names, is scored once. The scores of checkpoints that the run deleted since stay.

    Args:
        file: JSON, shared with other sets, whose scores in it are left as they are.
        name: of the set.
        settings: all else that scores depend on, as plain data; those taken with others are replaced.

    Raises:
        DataError: the file is not one of these.
    """

    def __init__(self, file: Path, name: str, settings: Mapping[str, Any]) -> None:
        self.file, self.name, self.settings = file, name, dict(settings)
        held = _read(file)["sets"].get(name, {})
        self.entries: dict[str, Entry] = {}
        if held.get("settings") == self.settings:
            self.entries = {content: _entry(item, file) for content, item in held["checkpoints"].items()}

    def add(self, content: str, entry: Entry) -> None:
        """Keep a checkpoint's scores, in place of those of another that had done as many steps.

        Args:
            content: see :func:`content_of`.
            entry: the scores.
        """
        others = {key: known for key, known in self.entries.items() if known.step != entry.step}
        self.entries = dict(sorted({**others, content: entry}.items(), key=lambda item: item[1].step))
        whole = _read(self.file)  # other sets may have been scored meanwhile
        whole["sets"][self.name] = {
            "settings": self.settings,
            "last": _readable(self.last),
            "best": {**_readable(self.best), "chosen_on": self.name},
            "checkpoints": {
                key: {"step": known.step, "criteria": dict(known.criteria), "scores": known.scores.as_data()}
                for key, known in self.entries.items()
            },
        }
        with replacing(self.file) as temporary:
            temporary.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def of_run(
        cls, file: Path, name: str, part: Choice, experiment: Experiment, labelled_only: bool = False
    ) -> "SnapshotScores":
        """The scores of a run's checkpoints on one of its validation sets, or on other data.

        Args:
            file: see above.
            name: of the set.
            part: the set.
            experiment: what the run is.
            labelled_only: whether frames without a label are left out.
        """
        on = {"data": part.model_dump(mode="json"), "run": dump(experiment), "labelled_only": labelled_only}
        return cls(file, name, on)

    @property
    def last(self) -> Entry:
        """That of the most steps."""
        return max(self.entries.values(), key=lambda entry: entry.step)

    @property
    def best(self) -> Entry:
        """That of the highest mIoU as reported, the earliest of equals."""
        return max(self.entries.values(), key=lambda entry: (_sortable(entry.scores.miou), -entry.step))

    def chosen(self) -> dict[str, Entry]:
        """The checkpoints that a rule would choose, by the rule: ``last``, each label-free criterion, ``best``.

        A criterion chooses among the checkpoints that it has judged; of equals it takes the earliest.
        """
        rules = {"last": self.last}
        for criterion in CRITERIA:
            judged = [entry for entry in self.entries.values() if criterion in entry.criteria]
            if judged:
                rules[criterion] = max(judged, key=lambda entry: (entry.criteria[criterion], -entry.step))
        return {**rules, "best": self.best}

    def table(self) -> Table:
        """IoU of every class of the checkpoints that each rule chooses, and what the best one is worth."""
        rules = self.chosen()
        entries, last, best = rules.values(), self.last, self.best
        table = Table("class", title=f"{len(self.entries)} checkpoints on {self.name}, IoU %")
        for rule, entry in rules.items():
            table.add_column(f"{rule}\nstep {entry.step}", justify="right")
        for name in last.scores.names:
            note = " (not in the mean)" if name in last.scores.unscored else ""
            values = [percent(entry.scores.iou[name] * 100) for entry in entries]
            table.add_row(name + note, *values, style="dim" if note else None)
        table.add_section()
        table.add_row("mIoU", *(percent(entry.scores.miou) for entry in entries), style="bold")
        table.add_row("below the best", *(percent(best.scores.miou - entry.scores.miou) for entry in entries))
        table.caption = f"'best' was chosen on {self.name} itself, by its labels: 'last' is the fair figure"
        return table


def score_checkpoints(
    folder: Path,
    experiment: Experiment,
    sets: Mapping[str, Choice],
    file: Path,
    *,
    labelled_only: bool = False,
    watch: bool = False,
    own_code: bool = False,
) -> "dict[str, SnapshotScores]":
    """Score every checkpoint of a run that was not scored yet.

    Args:
        folder: the run's.
        experiment: what the run is.
        sets: the labelled sets, by name.
        file: where the scores are kept.
        labelled_only: leave out frames without a label.
        watch: wait for new checkpoints until that of the last step is scored.
        own_code: see :func:`davsn.experiment.trained.open_trained`.

    Returns:
        the scores of all checkpoints, by set.

    Raises:
        CheckpointError: the run has saved no checkpoint.
    """
    kept_scores = {
        name: SnapshotScores.of_run(file, name, part, experiment, labelled_only) for name, part in sets.items()
    }
    for path in follow(folder, experiment.training.steps, watch):
        with held(path) as kept:
            if kept is None:
                say(f"{path} was deleted before it could be scored: raise training.keep to keep more")
                continue
            content = content_of(kept)
            wanted = [name for name, scored in kept_scores.items() if content not in scored.entries]
            if not wanted:
                continue
            trained = open_trained(kept, own_code)
            for name in wanted:
                scores = score(trained, sets[name], name, labelled_only)
                kept_scores[name].add(content, Entry(trained.step or 0, scores, trained.criteria))
                say(f"step {trained.step} on {name}: mIoU {percent(scores.miou)}")
    if not all(scored.entries for scored in kept_scores.values()):
        raise CheckpointError(f"{folder} holds no checkpoint yet. Give a run that has saved one, or --watch it")
    return kept_scores


def follow(folder: Path, steps: int, watch: bool) -> Iterator[Path]:
    """The checkpoints of a run, oldest first, then the copy of the best: each once, and again whenever it is replaced.

    Args:
        folder: the run's folder.
        steps: the run's length.
        watch: wait for those to come, until that of the run's last step was there.
    """
    seen = set()
    while True:
        run = RunFolder(folder)
        saved = checkpoint.all_of(run.checkpoints)
        for path in [*saved, run.best]:
            mark = _mark(path)
            if mark is not None and mark not in seen:
                seen.add(mark)
                yield path
        if not watch or (saved and checkpoint.steps_of(saved[-1]) >= steps):
            return
        time.sleep(POLL)


def content_of(path: Path) -> str:
    """What a file's content is known by: its SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _mark(path: Path) -> tuple[str, int, int] | None:
    """Changes when a file is replaced; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return path.name, found.st_ino, found.st_mtime_ns


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {"format": FORMAT, "sets": {}}
    try:
        whole = json.loads(file.read_text(encoding="utf-8"))
        if whole["format"] == FORMAT and isinstance(whole["sets"], dict):
            return dict(whole)
        found = f"is of format {whole['format']!r}, not {FORMAT}"
    except (ValueError, KeyError, TypeError) as error:
        found = f"does not hold the scores of a run's checkpoints ({error!r})"
    raise DataError(found, str(file), "Delete it, and all are scored anew")


def _entry(item: Any, file: Path) -> Entry:
    try:
        step, scores = int(item["step"]), item["scores"]
        criteria = {str(name): float(value) for name, value in item.get("criteria", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found = f"does not hold the scores of a run's checkpoints ({error!r})"
        raise DataError(found, str(file), "Delete it, and all are scored anew") from None
    return Entry(step, Scores.from_data(scores, str(file)), criteria)


def _readable(entry: Entry) -> dict[str, Any]:
    """For people: the scores themselves are with the checkpoints."""
    return {"step": entry.step, "miou": None if math.isnan(entry.scores.miou) else entry.scores.miou}


def _sortable(miou: float) -> float:
    return -math.inf if math.isnan(miou) else miou
