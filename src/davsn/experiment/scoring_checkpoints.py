"""Scores every checkpoint of a run, also while the run is training."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

from davsn.core import ranks
from davsn.core.console import say
from davsn.core.errors import CheckpointError
from davsn.core.plugins import Choice
from davsn.experiment.checkpoint_scores import CheckpointScores, Entry
from davsn.experiment.experiment import Experiment
from davsn.experiment.scoring import score
from davsn.experiment.trained import open_trained
from davsn.networks.windows import Window
from davsn.scoring.measures import DEFAULT, Measures
from davsn.scoring.scores import percent
from davsn.training import checkpoint
from davsn.training.checkpoint import held
from davsn.training.folder import RunFolder

POLL = 5.0
"""Seconds between two searches for new checkpoints."""


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
) -> dict[str, CheckpointScores]:
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


def _mark(path: Path) -> tuple[str, int, int] | None:
    """Return a value that changes when the file is replaced; None if there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return path.name, found.st_ino, found.st_mtime_ns
