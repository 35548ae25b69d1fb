"""Checkpoints: everything a run needs to go on as if it had never stopped.

A checkpoint is written to a temporary name, flushed to the disk and renamed, so that a file under its final
name is always whole. Reading one never runs code from it.
"""

import os
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from davsn.core.errors import CheckpointError, DataError
from davsn.core.files.writing import replacing

FORMAT = 1
"""Raised whenever a reader of an older version would misread a newer file."""
BEST = "best.pt"
"""The copy of the checkpoint that the label-free criterion chose."""
_NAME = "step_{:07d}.pt"
_PATTERN = re.compile(r"step_(\d{7})\.pt")


def save(folder: Path, step: int, state: dict[str, Any], *, keep: int, best: bool = False) -> Path:
    """Save the state after ``step`` steps and delete all but the last ``keep`` checkpoints.

    Args:
        folder: the run's ``checkpoints`` folder.
        step: how many steps have been done.
        state: tensors, numbers, texts, and lists and dictionaries of them.
        keep: how many of the newest to keep, at least 1.
        best: copy it to :data:`BEST` too.

    Returns:
        the file written.

    Raises:
        CheckpointError: the disk is full or not writable; older checkpoints are untouched.
    """
    path = folder / _NAME.format(step)
    try:
        with replacing(path) as temporary:
            torch.save({"format": FORMAT, "step": step, **state}, temporary)
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())  # or a power cut could leave the new name on an empty file
            if best:  # before the step has its name: a run killed between the two would never write it again
                with replacing(folder / BEST) as second:
                    _same_content(temporary, second)
    except (DataError, RuntimeError) as error:  # PyTorch's writer says RuntimeError when the disk is full
        raise CheckpointError(
            f"{path} could not be written: {error}. What was saved before is untouched; free some space or choose "
            "another folder, then run the same command again"
        ) from error
    for old in all_of(folder)[:-keep]:
        old.unlink()
    return path


def _same_content(path: Path, other: Path) -> None:
    """A second name for a file, or a copy where the file system has no such thing."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)


def all_of(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first, without the copy of the best."""
    return sorted(path for path in folder.glob("step_*.pt") if _PATTERN.fullmatch(path.name))


def latest(folder: Path) -> Path | None:
    """The newest checkpoint of a run, or None."""
    found = all_of(folder)
    return found[-1] if found else None


def clean(folder: Path) -> None:
    """Remove remains of killed processes: a run's own business, as nobody else can tell them from saves under way."""
    for remains in folder.glob(".*.pt"):
        remains.unlink(missing_ok=True)


@contextmanager
def held(path: Path) -> Iterator[Path | None]:
    """A second name for a checkpoint, under which it stays what it is if the run deletes or replaces it meanwhile.

    Gives None if it is gone already.
    """
    second = path.with_name(f".{path.stem}.{os.getpid()}.held.pt")
    try:
        _same_content(path, second)
    except FileNotFoundError:
        yield None
        return
    try:
        yield second
    finally:
        second.unlink(missing_ok=True)


def steps_of(path: Path | None) -> int:
    """How many steps a run had done when it wrote this checkpoint, by its name; 0 without one."""
    found = _PATTERN.fullmatch(path.name) if path is not None else None
    return int(found.group(1)) if found else 0


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint of ours, on the CPU.

    Raises:
        CheckpointError: no such file, not a checkpoint of ours, of a newer version, or cut short.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist. Give a checkpoint, or the folder of a run")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail its reader in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} cannot be read as a checkpoint: {reason}") from error
    if not isinstance(state, dict) or not isinstance(state.get("format"), int):
        raise CheckpointError(f"{path} holds no davsn checkpoint. A file of weights alone ends in .pth or .safetensors")
    if state["format"] > FORMAT:
        raise CheckpointError(f"{path} was written by a newer davsn (format {state['format']}); update to read it")
    return state


def random_state() -> dict[str, Any]:
    """The states of all random generators that a training step may use, as plain data."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 - saved, not drawn from
    version, internal, gauss_next = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "python": [version, list(internal), gauss_next],
        "numpy": [kind, [int(key) for key in keys], int(position), int(has_gauss), float(gauss)],
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put the generators back to where :func:`random_state` found them."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    version, internal, gauss_next = state["python"]
    random.setstate((version, tuple(internal), gauss_next))
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), position, has_gauss, gauss))  # noqa: NPY002


def seed_everything(seed: int) -> None:
    """Seed every random generator that a run may use."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - user code may draw from it
    torch.manual_seed(seed)
