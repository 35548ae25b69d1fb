"""Reads what a report shows of a run from its folder: settings, scores, curves and where it was trained."""

import heapq
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product, zip_longest
from pathlib import Path
from typing import Any

from davsn.core.errors import ConfigError, DavsnError
from davsn.core.plugins import Choice
from davsn.experiment.checkpoint_scores import CheckpointScores
from davsn.experiment.environment import read_environment
from davsn.experiment.experiment import Experiment, dump
from davsn.experiment.trained import flat, settings_of
from davsn.report.content import Measured, Network, Records
from davsn.scoring.frames import ACCURACY, read_frames
from davsn.scoring.protocols import PROTOCOLS, Protocol
from davsn.scoring.scores import Scores
from davsn.training.checkpoint import steps_of
from davsn.training.folder import RunFolder

_RANKED = 20
"""Number of bad frames of a network that are looked at. Many of them may be in one clip."""


@dataclass(frozen=True)
class Subject:
    """A network that a report is to show: a run, or runs that differ only in the seed.

    Attributes:
        folders: the run folders; the network of the first one is shown. A weights file stands alone.
        name: its name on the page.
        note: a few words about it.
        uses_target_labels: whether it was trained on labels of the target domain.
        seconds: the time of training; None if it is unknown.
        model: the checkpoint or weights file to open; None: the newest checkpoint of the first folder.
        runs: the settings of each run.
    """

    folders: Sequence[Path]
    name: str
    note: str = ""
    uses_target_labels: bool = False
    seconds: float | None = None
    model: Path | None = None
    runs: Sequence[Experiment] = field(default_factory=tuple)


def subjects_of(folders: Sequence[Path], own_code: bool = False) -> list[Subject]:
    """Find the networks in run folders. Runs that differ in nothing but the seed become one.

    Args:
        folders: run folders, or folders that hold run folders, such as that of a sweep.
        own_code: see :func:`davsn.load`.

    Raises:
        ConfigError: names every folder that holds no run.
    """
    found: dict[Path, Experiment] = {}
    mistakes: list[str] = []
    for folder in (each for given in folders for each in _runs_in(given)):
        try:
            found[folder] = settings_of(folder, own_code)
        except ConfigError as error:
            mistakes += [f"{folder}  {mistake}" for mistake in error.mistakes]
    if mistakes:
        raise ConfigError("davsn report", mistakes)
    groups: dict[str, list[Path]] = {}
    for folder, experiment in found.items():
        groups.setdefault(_but_the_seed(experiment), []).append(folder)
    several = [group for group in groups.values() if len({found[folder].seed for folder in group}) == len(group)]
    alone = [[folder] for group in groups.values() if group not in several for folder in group]
    ordered = sorted([*several, *alone], key=lambda group: list(found).index(group[0]))
    return [Subject(group, _name_of(group), runs=tuple(found[folder] for folder in group)) for group in ordered]


def network_of(subject: Subject) -> Network:
    """Read everything about a network that is in files: settings, scores, curves and facts."""
    if not subject.runs:
        return Network(subject.name, subject.note, facts={"weights": str(subject.model)})
    first, experiment = RunFolder(subject.folders[0]), subject.runs[0]
    scores: dict[str, list[Measured]] = {}
    history: dict[str, Sequence[tuple[int, float]]] = {}
    criteria: Mapping[str, float] = {}
    for folder, settings in zip(map(RunFolder, subject.folders), subject.runs, strict=True):
        for (set_name, part), protocol in product(settings.validation.items(), PROTOCOLS.values()):
            name = protocol.key(set_name)
            stored = _stored(folder, set_name, part, settings, protocol)
            measured = _measured(folder, name, stored)
            scores.setdefault(name, []).extend([] if measured is None else [measured])
            if stored is not None and stored.entries and name not in history:
                history[name] = [(entry.step, entry.scores.miou) for entry in stored.entries.values()]
                criteria = criteria or stored.last.criteria
    return Network(
        subject.name,
        subject.note,
        subject.uses_target_labels or _learns_target_labels(experiment),
        facts=_facts(subject, experiment),
        settings={key: _text(value) for key, value in flat(dump(experiment))},
        scores=scores,
        history=history,
        criteria=criteria,
        records=records_of(first),
        seconds=subject.seconds,
    )


def bad_frames(subjects: Sequence[Subject], name: str) -> list[str]:
    """The frames with the worst scores on a set, by the tables that ``davsn eval`` wrote beside the scores.

    Returns:
        names ``clip/frame``: the most wrong frame of every network, the last network first; then the most flickering
        frame of every network; then the second ones, and so on.
    """
    rankings: list[list[str]] = []
    for column, sign in ((ACCURACY, 1), ("flicker", -1)):
        for subject in reversed(subjects):
            scores = _frames(subject, name)
            known = {frame: sign * each[column] for frame, each in scores.items() if not math.isnan(each[column])}
            rankings.append(heapq.nsmallest(_RANKED, known, key=lambda frame: known[frame]))
    return [frame for rank in zip_longest(*rankings) for frame in rank if frame is not None]


def _frames(subject: Subject, name: str) -> dict[str, dict[str, float]]:
    """The scores of frames of a network's first seed, with NaN for a column that was not measured."""
    file = RunFolder.frames_of(RunFolder(subject.folders[0]).scores(name)) if subject.folders else None
    try:
        found = read_frames(file) if file is not None and file.is_file() else {}
    except DavsnError:  # a file of another form; the report shows the rest
        return {}
    return {frame: {ACCURACY: math.nan, "flicker": math.nan, **each} for frame, each in found.items()}


def records_of(folder: RunFolder) -> Records:
    """Read the complete lines of a run's log, which may be growing; empty if there is none."""
    if not folder.log.is_file():
        return []
    with folder.log.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def _runs_in(folder: Path) -> list[Path]:
    """A run folder itself, or the run folders inside a folder; the folder if it holds none."""
    if RunFolder(folder).settings.is_file() or not folder.is_dir():
        return [folder]
    return sorted(path for path in folder.iterdir() if RunFolder(path).settings.is_file()) or [folder]


def _but_the_seed(experiment: Experiment) -> str:
    """The settings without those that differ from seed to seed."""
    settings = dump(experiment)
    return json.dumps({key: value for key, value in settings.items() if key not in ("seed", "start")}, sort_keys=True)


def _name_of(group: Sequence[Path]) -> str:
    """The folder's name; of several, without the number of the seed."""
    name = group[0].resolve().name
    return name if len(group) == 1 else name.rstrip("0123456789").rstrip("-_ ") or name


def _stored(
    folder: RunFolder, name: str, part: Choice, experiment: Experiment, protocol: Protocol
) -> CheckpointScores | None:
    try:
        return CheckpointScores.of_run(folder.snapshots, name, part, experiment, protocol=protocol)
    except DavsnError:  # a file of another form; the report shows the rest
        return None


def _measured(folder: RunFolder, name: str, stored: CheckpointScores | None) -> Measured | None:
    """Read the scores of the newest checkpoint: from their own file, else from those of all checkpoints."""
    file = folder.scores(name)
    if file.is_file():
        try:
            scores = Scores.load(file)
            return Measured(scores, json.loads(file.read_text(encoding="utf-8")))
        except DavsnError:
            return None
    if stored is None or not stored.entries:
        return None
    return Measured(stored.last.scores, stored.last.scores.as_data(), stored.last.step)


def _facts(subject: Subject, experiment: Experiment) -> dict[str, str]:
    first = RunFolder(subject.folders[0])
    seeds = ", ".join(str(run.seed) for run in subject.runs)
    facts = {
        "folder": ", ".join(map(str, subject.folders)),
        "method": experiment.method.name,
        "seeds" if len(subject.runs) > 1 else "seed": seeds,
        "steps": f"{steps_of(first.newest)} of {experiment.training.steps}",
        "network": experiment.network.name,
        "source": _data(experiment.source),
        "target": "none" if experiment.target is None else _data(experiment.target),
        **{f"validation: {name}": _data(part) for name, part in experiment.validation.items()},
        "start": "initial weights" if experiment.start is None else str(experiment.start),
    }
    trained = read_environment(first.environment)
    return facts | (
        {f"trained with: {key}": value for key, value in trained.items()} or {"trained with": "not recorded"}
    )


def _learns_target_labels(experiment: Experiment) -> bool:
    """Whether the labelled data that a run learns from is its target."""
    target = experiment.target
    return target is not None and _data(experiment.source) == _data(target) != target.name


def _data(part: Choice) -> str:
    """Name a data set with the place of its files."""
    settings = part.settings.model_dump(mode="json")
    places = settings.get("root") or settings.get("paths") or ""
    return f"{part.name} {', '.join(map(str, places)) if isinstance(places, list) else places}".strip()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
