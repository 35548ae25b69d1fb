"""Checkpoints: everything that a run needs to resume as if it had never stopped.

A checkpoint is written under a temporary name, flushed to the disk and renamed. So a file under its final name is
always complete. Reading a checkpoint never runs code from it.
"""

import os
import pickle
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
from davsn.core.files.tensors import UNSAFE
from davsn.core.files.writing import replacing

FORMAT = 1
"""Increased whenever an older version would misread a newer file."""
BEST = "best.pt"
"""The copy of the checkpoint that the label-free criterion chose."""
_NAME = "step_{:07d}.pt"
_PATTERN = re.compile(r"step_(\d{7})\.pt")


def save(folder: Path, step: int, state: dict[str, Any], *, keep: int, best: bool = False) -> Path:
    """Save the state after ``step`` steps, and delete all but the last ``keep`` checkpoints.

    Args:
        folder: the run's ``checkpoints`` folder.
        step: how many steps are done.
        state: tensors, numbers, texts, and lists and dictionaries of them.
        keep: how many of the newest checkpoints to keep, at least 1.
        best: whether to copy it to :data:`BEST` too.

    Returns:
        the file written.

    Raises:
        CheckpointError: the disk is full, or the folder cannot be written to; older checkpoints are unchanged.
    """
    path = folder / _NAME.format(step)
    try:
        with replacing(path) as temporary:
            torch.save({"format": FORMAT, "step": step, **state}, temporary)
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())  # otherwise a power cut could leave an empty file under the new name
            if best:  # before the step gets its name: a run killed in between would never write the best again
                with replacing(folder / BEST) as second:
                    _same_content(temporary, second)
    except (DataError, RuntimeError) as error:  # PyTorch's writer raises RuntimeError when the disk is full
        raise CheckpointError(
            f"{path} could not be written: {error}. Earlier checkpoints are unchanged. Free some space or choose "
            "another folder, then run the same command again"
        ) from error
    for old in all_of(folder)[:-keep]:
        old.unlink()
    return path


def _same_content(path: Path, other: Path) -> None:
    """Give a file a second name; copy it if the file system does not support that."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)


def all_of(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first, without the copy of the best one."""
    return sorted(path for path in folder.glob("step_*.pt") if _PATTERN.fullmatch(path.name))


def latest(folder: Path) -> Path | None:
    """The newest checkpoint of a run; None if there is none."""
    found = all_of(folder)
    return found[-1] if found else None


def clean(folder: Path) -> None:
    """Delete the temporary files of killed processes.

    Only the run itself may call this: no other process can tell them from files that are being written now.
    """
    for remains in folder.glob(".*.pt"):
        remains.unlink(missing_ok=True)


@contextmanager
def held(path: Path) -> Iterator[Path | None]:
    """A second name for a checkpoint; its content stays available if the run deletes or replaces the checkpoint.

    It is None if the checkpoint no longer exists.
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
    """The number of steps that a run had done when it wrote this checkpoint, from the file's name; 0 for None."""
    found = _PATTERN.fullmatch(path.name) if path is not None else None
    return int(found.group(1)) if found else 0


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint of davsn, on the CPU.

    Raises:
        CheckpointError: no such file, not a checkpoint of davsn, from a newer version, or cut short.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist. Give a checkpoint, or a run's folder")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise CheckpointError(f"{path} cannot be read as a checkpoint. {UNSAFE}") from None
    except Exception as error:  # a damaged file can raise any error in its reader
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} cannot be read as a checkpoint: {reason}") from error
    if not isinstance(state, dict) or not isinstance(state.get("format"), int):
        raise CheckpointError(f"{path} is no davsn checkpoint. A weights file should end in .pth or .safetensors")
    if state["format"] > FORMAT:
        raise CheckpointError(f"{path} was written by a newer davsn (format {state['format']}). Update davsn first")
    return state


def is_complete(path: Path) -> bool:
    """Whether a run has done all that belongs to this checkpoint's step, without reading its tensors.

    A checkpoint is first saved before the network is finished and judged. False too if it has just been deleted.
    """
    try:
        return bool(torch.load(path, map_location="cpu", weights_only=True, mmap=True).get("complete", True))
    except FileNotFoundError:
        return False
    except Exception:  # whoever loads it says what is wrong
        return True


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
    """Restore the generators to the states that :func:`random_state` returned."""
    torch.set_rng_state(state["torch"])
    for device, each in enumerate(state["cuda"][: torch.cuda.device_count()]):  # fewer may be visible than were
        torch.cuda.set_rng_state(each, device)
    version, internal, gauss_next = state["python"]
    random.setstate((version, tuple(internal), gauss_next))
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), position, has_gauss, gauss))  # noqa: NPY002


def seed_everything(seed: int) -> None:
    """Seed every random generator that a run may use."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - user code may draw from it
    torch.manual_seed(seed)
