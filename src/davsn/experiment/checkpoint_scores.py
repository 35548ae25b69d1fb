"""Scores every checkpoint of a run, also while the run is training. Scores are stored by checkpoint content."""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from rich.table import Table

from davsn.core import ranks
from davsn.core.console import say
from davsn.core.errors import CheckpointError, DataError
from davsn.core.files.writing import replacing
from davsn.core.plugins import Choice, choose
from davsn.data.dataset import VideoDataset
from davsn.experiment.experiment import Experiment, completed, dump
from davsn.experiment.scoring import score
from davsn.experiment.trained import open_trained
from davsn.networks.windows import Window
from davsn.scoring.measures import DEFAULT, Measures
from davsn.scoring.protocols import DAVSN, Protocol
from davsn.scoring.scores import Scores, percent
from davsn.training import checkpoint
from davsn.training.checkpoint import held
from davsn.training.folder import RunFolder
from davsn.training.selection import CRITERIA

FORMAT = 1
POLL = 5.0
"""Seconds between two searches for new checkpoints."""


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
            content: see :func:`content_of`.
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
            content: see :func:`content_of`.
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


def score_checkpoints(  # noqa: PLR0913 - the options of a command
    folder: Path,
    experiment: Experiment,
    sets: Mapping[str, Choice],
    file: Path,
    *,
    labelled_only: bool = False,
    watch: bool = False,
    own_code: bool = False,
    window: Window | None = None,
    measures: Sequence[Measures] = (DEFAULT,),
) -> "dict[str, CheckpointScores]":
    """Score every checkpoint of a run that has no scores yet, or none of a wanted metric.

    Args:
        folder: the run folder.
        experiment: the experiment of the run.
        sets: the labelled sets, by name.
        file: the file of the scores.
        labelled_only: leave out frames without a label.
        watch: wait for new checkpoints until the checkpoint of the last step is scored.
        own_code: see :func:`davsn.experiment.trained.open_trained`.
        window: the windows in which the network sees each frame; None: whole frames, or those of the protocol.
        measures: the metrics, for each protocol.

    Returns:
        the scores of all checkpoints, by set and protocol; see :meth:`davsn.scoring.protocols.Protocol.key`.

    Raises:
        CheckpointError: the run has saved no checkpoint.
    """
    jobs = {
        each.protocol.key(name): (
            CheckpointScores.of_run(file, name, part, experiment, labelled_only, window, each.protocol),
            part,
            each,
        )
        for (name, part), each in product(sets.items(), measures)
    }
    for kept, content in _shared(_contents(folder, experiment.training.steps, watch)):
        wanted = {key: job for key, job in jobs.items() if not job[0].has(content, job[2])}
        if not wanted:
            continue
        trained = open_trained(kept, own_code).windowed(window)
        for key, (known, part, each) in wanted.items():
            scores = score(trained, part, key, labelled_only, measures=each).without_clips()
            known.add(content, Entry(trained.step or 0, scores, trained.criteria))
            say(f"step {trained.step} on {key}: mIoU {percent(scores.miou)}")
    found = {key: known for key, (known, _, _) in jobs.items()}
    if not all(known.entries for known in found.values()):
        raise CheckpointError(
            f"{folder} holds no checkpoint yet. Name a run that has saved one, or wait for it with --watch"
        )
    return found


def _contents(folder: Path, steps: int, watch: bool) -> Iterator[tuple[Path, str]]:
    """Yield a second name of each checkpoint, under which it stays while it is scored, and its content's hash."""
    for path in follow(folder, steps, watch):
        with held(path) as kept:
            if kept is None:
                say(f"{path} was deleted before it could be scored. Raise training.keep to keep more checkpoints")
            else:
                yield kept, content_of(kept)


def _shared(found: Iterator[tuple[Path, str]]) -> Iterator[tuple[Path, str]]:
    """Yield on every rank what rank 0 finds, since ranks may look at a folder at different moments."""
    while True:
        each = ranks.from_first(next(found, None) if ranks.rank() == 0 else None)
        if each is None:
            return
        yield each


def follow(folder: Path, steps: int, watch: bool) -> Iterator[Path]:
    """Iterate over the checkpoints of a run, oldest first, then the copy of the best one. A replaced file comes again.

    Args:
        folder: the run folder.
        steps: the number of steps of the run.
        watch: wait for new checkpoints until the checkpoint of the last step has come. Those that the run has saved,
            but not yet finished and judged, are waited for too.
    """
    seen = set()
    while True:
        run = RunFolder(folder)
        saved = checkpoint.all_of(run.checkpoints)
        for path in [*saved, run.best]:
            mark = _mark(path)
            if mark is not None and mark not in seen and (not watch or checkpoint.is_complete(path)):
                seen.add(mark)
                yield path
        if not watch or (saved and checkpoint.steps_of(saved[-1]) >= steps and _mark(saved[-1]) in seen):
            return
        time.sleep(POLL)


def content_of(path: Path) -> str:
    """Return the SHA-256 of a file, which identifies its content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


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


def _mark(path: Path) -> tuple[str, int, int] | None:
    """Return a value that changes when the file is replaced; None if there is no file."""
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
