"""The scores of a run's checkpoints, stored in a file by the content of each checkpoint."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from davsn.core import ranks
from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.core.plugins import Choice, choose
from davsn.data.dataset import VideoDataset
from davsn.experiment.experiment import Experiment, completed, dump
from davsn.networks.windows import Window
from davsn.scoring.measures import Measures
from davsn.scoring.protocols import DAVSN, Protocol
from davsn.scoring.scores import Scores, percent
from davsn.training.selection import CRITERIA

FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """Scores of one checkpoint.

    Attributes:
        step: the number of steps that it was trained.
        scores: its scores.
        criteria: its values of the label-free criteria.
    """

    step: int
    scores: Scores
    criteria: Mapping[str, float] = field(default_factory=dict)


class CheckpointScores:
    """The scores of a run's checkpoints on one set, stored in a file.

    A checkpoint is identified by its content. A checkpoint that was trained again to the same step is scored again, and
    the best one, which has two names, is scored once. Scores stay when the run deletes their checkpoint.

    Args:
        file: the JSON file. Other sets may share it; their scores are left unchanged.
        name: the name of the set.
        settings: everything else that scores depend on, as plain data; scores with other settings are replaced.

    Raises:
        DataError: the file holds something else.
    """

    def __init__(self, file: Path, name: str, settings: Mapping[str, Any]) -> None:
        self.file, self.name, self.settings = file, name, dict(settings)
        held = _read(file)["sets"].get(name, {})
        self.entries: dict[str, Entry] = {}
        if _same(held.get("settings"), self.settings):
            self.entries = {content: _entry(item, file) for content, item in held["checkpoints"].items()}

    def add(self, content: str, entry: Entry) -> None:
        """Store the scores of a checkpoint; they replace the scores of another checkpoint of the same step.

        Args:
            content: see :func:`~davsn.experiment.scoring_checkpoints.content_of`.
            entry: the scores.
        """
        others = {key: known for key, known in self.entries.items() if known.step != entry.step}
        self.entries = dict(sorted({**others, content: entry}.items(), key=lambda item: item[1].step))
        if ranks.rank() == 0:
            self._write()

    def _write(self) -> None:
        whole = _read(self.file)  # other sets may have been scored in the meantime
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

    def has(self, content: str, measures: Measures) -> bool:
        """Whether a checkpoint has scores with all metrics that are asked for, with the same settings of metrics.

        Args:
            content: see :func:`~davsn.experiment.scoring_checkpoints.content_of`.
            measures: the metrics. Of ``full``, the metrics that need no flow are looked for.
        """
        entry = self.entries.get(content)
        if entry is None:
            return False
        if not measures.full and not measures.metrics:
            return True  # scores of earlier versions of davsn have no metrics
        found = entry.scores.metrics
        wanted = measures.chosen({"labels", "probabilities", "neighbours"})
        return all(
            name in found and found[name].settings == choice.settings.model_dump(mode="json")
            for name, choice in wanted.items()
        )

    @classmethod
    def of_run(
        cls,
        file: Path,
        name: str,
        part: Choice,
        experiment: Experiment,
        labelled_only: bool = False,
        window: Window | None = None,
        protocol: Protocol = DAVSN,
    ) -> "CheckpointScores":
        """Open the scores of a run's checkpoints on one of its validation sets, or on other data.

        Args:
            file: see the class.
            name: the name of the set.
            part: the set.
            experiment: the experiment of the run.
            labelled_only: whether frames without a label are left out.
            window: the windows in which the network sees each frame; None: whole frames, or those of the protocol.
            protocol: the protocol. The set has an entry of its own for each.
        """
        on = {"data": part.model_dump(mode="json"), "run": dump(experiment), "labelled_only": labelled_only}
        on |= {} if window is None else {"window": asdict(window)}
        on |= {} if protocol == DAVSN else {"protocol": protocol.name}
        return cls(file, protocol.key(name), on)

    @property
    def last(self) -> Entry:
        """The checkpoint with the most steps."""
        return max(self.entries.values(), key=lambda entry: entry.step)

    @property
    def best(self) -> Entry:
        """The checkpoint with the highest reported mIoU; of equal ones, the earliest."""
        return max(self.entries.values(), key=lambda entry: (_sortable(entry.scores.miou), -entry.step))

    def chosen(self) -> dict[str, Entry]:
        """Return the checkpoint that each rule chooses, by rule: ``last``, each label-free criterion, ``best``.

        A criterion chooses among the checkpoints that have a value of it; of equal ones, it takes the earliest.
        """
        rules = {"last": self.last}
        for criterion in CRITERIA:
            judged = [entry for entry in self.entries.values() if criterion in entry.criteria]
            if judged:
                rules[criterion] = max(judged, key=lambda entry: (entry.criteria[criterion], -entry.step))
        return {**rules, "best": self.best}

    def table(self) -> Table:
        """Make a table of the IoU of every class for the checkpoint that each rule chooses."""
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
        table.caption = f"'best' was chosen by the labels of {self.name} itself; 'last' is the fair score"
        return table


def _same(held: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether scores were computed with these settings, whichever version of davsn has written them."""
    if isinstance(held, dict) and isinstance(held.get("run"), dict):
        held = {**held, "run": completed(held["run"]), "data": _completed_data(held.get("data"))}
    return bool(held == wanted)


def _completed_data(settings: Any) -> Any:
    """A data set's settings with the defaults of all that did not exist when they were written."""
    try:
        return choose(VideoDataset, settings, paths=False).model_dump(mode="json")
    except ValueError:  # for example of a plug-in file that is gone
        return settings


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {"format": FORMAT, "sets": {}}
    try:
        whole = json.loads(file.read_text(encoding="utf-8"))
        if whole["format"] == FORMAT and isinstance(whole["sets"], dict):
            return dict(whole)
        found = f"has format {whole['format']!r}, not {FORMAT}"
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
    """Summarise an entry for readers of the file; the scores themselves are stored with the checkpoints."""
    return {"step": entry.step, "miou": None if math.isnan(entry.scores.miou) else entry.scores.miou}


def _sortable(miou: float) -> float:
    return -math.inf if math.isnan(miou) else miou
