"""The folder of a run that is begun or resumed: one process at a time, and the settings that the run there has."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from davsn.core import ranks
from davsn.core.errors import ConfigError, DataError
from davsn.core.settings import read_yaml
from davsn.experiment.experiment import Experiment, completed
from davsn.experiment.trained import flat
from davsn.training import checkpoint
from davsn.training.folder import RunFolder


@contextmanager
def alone(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Lock a run folder, so that only this process trains in it. If the process dies, the lock is free at once.

    Rank 0 takes the lock for all processes that share the run.

    Args:
        folder: the run folder.
        wait: seconds to wait for another process to end; a negative number waits without limit.

    Raises:
        ConfigError: another process is training there.
        DataError: the folder cannot be written to.
    """
    if ranks.rank() > 0:
        yield
        return
    lock = FileLock(RunFolder(folder).lock, timeout=wait)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        found = "another process is training there. Wait for it, or choose another --out"
        raise ConfigError(str(folder), [found]) from None
    except OSError as error:
        cause = error.strerror or error
        raise DataError(f"cannot be written to ({cause})", str(folder), "Choose another --out") from error
    try:
        yield
    finally:
        lock.release()


_NO_MATTER = ("cached", "cache_folder", "cache_limit", "bad_files")
"""Settings of data that change no number of a step that succeeded; a run may be resumed with other values of them."""
_TRAINING = ("workers", "log_every", "save_every", "keep", "tensorboard", "recompute", "steps")
"""Settings of training that may have other values in a run that is resumed; ``steps`` makes it longer."""


def compare_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Check that a folder holds no run with other settings. A run that saved no checkpoint does not count.

    Settings that change no number do not count, nor does the number of steps, so that a run can be made longer.

    Args:
        folder: the folder in which a run is to begin or to be resumed.
        settings: the settings of that run, as :func:`davsn.experiment.experiment.dump` gives them.

    Raises:
        ConfigError: the folder holds a run with other settings, or with more steps; names each setting that differs.
    """
    run = RunFolder(folder)
    if run.settings.is_file() and run.newest is not None:
        held = dict(flat(completed(read_yaml(run.settings))))
        wanted = dict(flat(settings))
        changed = [
            f"{key}  is {held.get(key)!r} there and {wanted.get(key)!r} here"
            for key in sorted(held.keys() | wanted.keys())
            if held.get(key) != wanted.get(key) and not _may_differ(key)
        ]
        if changed:
            raise ConfigError(
                f"{folder} holds a run with other settings (choose another --out, or delete it): it", changed
            )
        done = checkpoint.steps_of(run.newest)
        if done > wanted["training.steps"]:
            found = f"training.steps  is {wanted['training.steps']}, but {done} are done. Set it to at least that"
            raise ConfigError(str(folder), [found])


def _may_differ(key: str) -> bool:
    part, _, name = key.rpartition(".")
    return name in (_TRAINING if part == "training" else _NO_MATTER)


def longer(experiment: Experiment, folder: RunFolder) -> str | None:
    """Say what it means that a run goes on to more steps than it was begun for; None if it does not."""
    if not folder.settings.is_file() or folder.newest is None or experiment.optimiser.horizon is not None:
        return None
    before = completed(read_yaml(folder.settings))["training"]["steps"]
    if before >= experiment.training.steps:
        return None
    return (
        f"The run goes on to step {experiment.training.steps}; it was begun for {before}. The learning rate now falls "
        "to 0 at the new last step, so the result differs from that of a run begun for this number of steps"
    )
