"""``davsn.evaluate``: scores trained networks on labelled video."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from davsn.api.model import Model, opened_model
from davsn.api.scored_sets import scored_sets
from davsn.core import ranks
from davsn.core.console import if_interrupted, silent
from davsn.core.errors import ConfigError, DataError
from davsn.core.settings import Changes
from davsn.experiment.building import within
from davsn.experiment.checkpoint_scores import CheckpointScores as CheckpointScores
from davsn.experiment.experiment import Experiment
from davsn.experiment.joining import USUAL, joined
from davsn.experiment.joining import AtTestTime as AtTestTime
from davsn.experiment.recipes import Recipe, read_recipe
from davsn.experiment.scoring import score
from davsn.experiment.scoring_checkpoints import score_checkpoints
from davsn.experiment.trained import Trained, open_trained, settings_of
from davsn.networks.weights import holds_weights_alone
from davsn.networks.windows import window_of
from davsn.scoring.comparing import compared
from davsn.scoring.measures import Measures, chosen_metrics
from davsn.scoring.protocols import Protocol, protocol_of
from davsn.scoring.scores import Scores as Scores
from davsn.scoring.scores import by_protocol as by_protocol
from davsn.scoring.uncertainty import Difference
from davsn.training.folder import RunFolder


@dataclass(frozen=True)
class Together:
    """How further networks join the first one in an ensemble: the logits of all are averaged.

    Attributes:
        others: the networks after the first.
        weights: the weight of each network in the mean, beginning with the first network; empty: equal weights.
        first_only: run the first network in place of each of the others, as the public code does by mistake.
    """

    others: Sequence[Path] = ()
    weights: Sequence[float] = ()
    first_only: bool = False


@dataclass(frozen=True)
class Evaluation:
    """The scores of one network, or of one ensemble, on one set.

    Attributes:
        name: the name of the set.
        network: the path and step of what was scored, for a title.
        scores: the scores.
        file: where the scores were written as JSON.
        frames: where the scores of every frame were written as CSV.
        pictures: the folder of the predictions; None if they were not requested.
        differences: the differences to other scores; empty if none were named.
    """

    name: str
    network: str
    scores: Scores
    file: Path
    frames: Path
    pictures: Path | None
    differences: Sequence[Difference] = ()


def evaluate(  # noqa: PLR0913 - the options of a command
    model: Model | Path | str,
    data: Path | str,
    *,
    classes: Path | str | None = None,
    changes: Changes = (),
    labelled_only: bool = False,
    metrics: Sequence[str | Mapping[str, Any]] = (),
    full: bool = False,
    protocol: str = "davsn",
    frames: Path | str | None = None,
    quiet: bool = False,
) -> Scores:
    """Score a trained network on a labelled folder; docs/evaluation.md describes the scores. Only ``frames`` is a file.

    Processes that torchrun starts share the clips, here and below; the scores are those of one.

    Args:
        model: see :func:`davsn.load`.
        data: a labelled folder: ``frames/CLIP/NAME.jpg``, ``labels/CLIP/NAME.png``.
        classes: its class table, of davsn or another tool (``labelmap.txt``); None takes the one in the folder, else
            that of the network.
        changes: settings of the folder, such as ``{"frames": "stills"}``; see docs/data.md.
        labelled_only: predict only frames that have labels, and measure no temporal consistency.
        metrics: metrics beside mIoU and temporal consistency: their names, paths of your own ``.py`` files, or
            mappings with a name and settings.
        full: count every metric of davsn that the network and the data allow.
        protocol: the protocol, 'davsn' or 'unified'.
        frames: a file for the scores of every frame, as CSV.
        quiet: print no progress.

    Raises:
        DataError: the folder has no labels, or its classes differ from those of the network.
        ConfigError: mistakes in the settings, the metrics or the protocol.
    """
    measures = Measures(chosen_metrics(metrics), full, protocol_of(protocol))
    opened = opened_model(model)
    trained = opened.trained
    with ranks.joined(), silent(quiet):
        (name, part), *_ = scored_sets(
            trained.experiment, Path(data), classes, changes, lambda: trained.taxonomy
        ).items()
        table = None if frames is None else Path(frames)
        network, precision = opened.network, opened.precision
        return score(trained, part, name, labelled_only, network, precision, measures=measures, frames=table)


def evaluate_sets(  # noqa: PLR0913 - the options of a command
    path: Path,
    *,
    data: Path | None = None,
    classes: Path | None = None,
    changes: Changes = (),
    labelled_only: bool = False,
    recipe: Recipe | None = None,
    together: Together = Together(),
    at_test_time: AtTestTime = USUAL,
    metrics: Sequence[str | Mapping[str, Any]] = (),
    full: bool = False,
    protocols: Sequence[str] = ("davsn",),
    against: Path | None = None,
    pictures: Path | None = None,
    own_code: bool = False,
    out: Path | None = None,
    window: tuple[int, int] | None = None,
    overlap: float | None = None,
) -> Iterator[Evaluation]:
    """Score networks on every validation set of a run, or on a labelled folder, and write the scores to files.

    With several protocols, every set is scored by each of them.

    Args:
        path: a run folder, a checkpoint, or a weights file.
        data: a labelled folder; None: the validation sets of the run's recipe.
        classes: its class table; see :func:`evaluate`.
        changes: overrides of the labelled folder's settings; without ``data``, of the recipe; without a recipe, of the
            run's validation sets.
        labelled_only: see :func:`evaluate`.
        recipe: for a weights file; see :func:`davsn.load`.
        together: further networks of an ensemble.
        at_test_time: flip, scales and bf16.
        metrics: see :func:`evaluate`.
        full: see :func:`evaluate`.
        protocols: names of protocols.
        against: the scores of another network on the same clips, to compare with: a file; or a run folder, for the file
            that has the same name in it.
        pictures: a folder for the predictions of the labelled frames.
        own_code: see :func:`davsn.load`.
        out: the file of the scores; None: a file in the run folder.
        window: see :func:`davsn.load`.
        overlap: see :func:`davsn.load`.

    Raises:
        ConfigError: options that cannot be combined; all of them are named at once.
        CheckpointError, DataError: a network or a set that cannot be used.
    """
    windows = window_of(window, overlap)
    measured = _measured(metrics, full, protocols)
    paths = [path, *together.others]
    named = None if recipe is None else read_recipe(recipe, () if data else changes, paths=False)
    members = [trained.windowed(windows) for trained in _open(paths, named, own_code)]
    network = joined(members, paths, "davsn eval", together.weights, together.first_only, at_test_time)
    own = () if named and not data else changes
    sets = scored_sets(members[0].experiment, data, classes, own, lambda: members[0].taxonomy)
    jobs = {each.protocol.key(name): (name, each) for name, each in itertools.product(sets, measured)}
    others = {key: _others(against, key, each.protocol) for key, (_, each) in jobs.items()}  # before anything is scored
    if out is not None and len(jobs) > 1:
        raise ConfigError("--out", [f"names one file, but there are {len(jobs)} files to write. Leave it out"])
    with ranks.joined():
        for key, (name, measures) in jobs.items():
            part, folder = sets[name], pictures / key if pictures and len(jobs) > 1 else pictures
            with within(f"validation.{name}", part if data is None else None):
                precision = at_test_time.precision(members[0])
                file = out or _scores_file(paths, key, at_test_time)
                frames = RunFolder.frames_of(file)
                scores = score(members[0], part, name, labelled_only, network, precision, folder, measures, frames)
            if ranks.rank() == 0:
                scores.save(file)
            other = others[key]
            found = () if other is None else compared(other, scores, _own(measures))
            yield Evaluation(name, _said(members, paths), scores, file, frames, folder, found)


def _measured(metrics: Sequence[Any], full: bool, protocols: Sequence[str]) -> list[Measures]:
    """What is measured, for each protocol."""
    chosen = chosen_metrics(metrics)
    return [Measures(chosen, full, protocol_of(name)) for name in dict.fromkeys(protocols)]


def _own(measures: Measures) -> list[str]:
    """The paths of the user's own metrics."""
    return [one.name for one in measures.metrics if one.name.endswith(".py")]


def _others(against: Path | None, key: str, protocol: Protocol) -> Scores | None:
    """Read the scores to compare with."""
    if against is None:
        return None
    file = RunFolder(against).scores(key) if against.is_dir() else against
    found = Scores.load(file)
    if found.protocol != protocol.name:
        remedy = f"Compare with scores by the protocol {protocol.name}, or score with --protocol {found.protocol}"
        raise DataError(f"holds scores by the protocol {found.protocol}", str(file), remedy)
    return found


def evaluate_checkpoints(  # noqa: PLR0913 - the options of a command
    folder: Path,
    *,
    data: Path | None = None,
    classes: Path | None = None,
    changes: Changes = (),
    labelled_only: bool = False,
    watch: bool = False,
    metrics: Sequence[str | Mapping[str, Any]] = (),
    full: bool = False,
    protocols: Sequence[str] = ("davsn",),
    own_code: bool = False,
    out: Path | None = None,
    window: tuple[int, int] | None = None,
    overlap: float | None = None,
) -> dict[str, CheckpointScores]:
    """Score every checkpoint of a run that has no scores yet, and store the scores of all checkpoints.

    Args:
        folder: the run folder.
        data: see :func:`evaluate_sets`.
        classes: see :func:`evaluate_sets`.
        changes: see :func:`evaluate_sets`.
        labelled_only: see :func:`evaluate_sets`.
        watch: wait for new checkpoints until the checkpoint of the last step is scored.
        metrics: see :func:`evaluate`. Checkpoints that were scored without one of them are scored again.
        full: see :func:`evaluate`.
        protocols: names of protocols; see :meth:`davsn.scoring.protocols.Protocol.key`.
        own_code: see :func:`davsn.load`.
        out: the file of the scores; None: the file in the run folder.
        window: see :func:`davsn.load`.
        overlap: see :func:`davsn.load`.

    Returns:
        the scores of all checkpoints, by set and protocol.

    Raises:
        CheckpointError: the run has saved no checkpoint.
        ConfigError, DataError: the folder holds no run, or a set cannot be used.
    """
    windows = window_of(window, overlap)
    experiment = settings_of(folder, own_code)
    sets = scored_sets(experiment, data, classes, changes, lambda: open_trained(folder, own_code).taxonomy)
    file = out or RunFolder(folder).snapshots
    measures = _measured(metrics, full, protocols)
    options = {"labelled_only": labelled_only, "watch": watch, "own_code": own_code}
    with ranks.joined(), if_interrupted(lambda: _left_in(file)):
        return score_checkpoints(folder, experiment, sets, file, **options, measures=measures, window=windows)


def _left_in(file: Path) -> str:
    if not file.is_file():
        return "Stopped before a checkpoint was scored."
    return f"Stopped; what is scored so far is in {file}. The same command scores the rest."


def _open(paths: Sequence[Path], recipe: Experiment | None, own_code: bool) -> list[Trained]:
    """Open the networks. The recipe is used for weights files; if there are none, it is an error."""
    alone = [holds_weights_alone(path) for path in paths]
    return [
        open_trained(path, own_code, recipe if needs or not any(alone) else None)
        for path, needs in zip(paths, alone, strict=True)
    ]


def _scores_file(paths: Sequence[Path], name: str, at_test_time: AtTestTime) -> Path:
    """Choose the file of the scores. Its name tells weights files, ensembles and choices at test time."""
    folder = RunFolder.of(paths[0])
    if len(paths) > 1 or holds_weights_alone(paths[0]):
        name = f"{name}_{'+'.join(path.stem for path in paths)}"
    return folder.scores(name + at_test_time.label)


def _said(members: Sequence[Trained], paths: Sequence[Path]) -> str:
    steps = ["" if member.step is None else f" at step {member.step}" for member in members]
    return " + ".join(f"{path}{step}" for path, step in zip(paths, steps, strict=True))
