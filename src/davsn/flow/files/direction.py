"""Which way stored flow goes. Most files cannot tell, and no arithmetic turns one direction into the other.

The flow current→previous lives on the current frame's grid, the flow previous→current on the previous frame's. Where
things move differently, or hide one another, neither is the other one negated: the other has to be estimated.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import yaml

from davsn.core.errors import FlowError
from davsn.core.files.writing import replacing
from davsn.core.settings import Settings, read_yaml, validate

Direction = Literal["current-to-previous", "previous-to-current"]

RECORD = "flow_direction.yaml"
"""Beside converted files: says the direction of all flow in its folder and below."""

_FOLDERS: dict[str, Direction] = {"forwardFlow": "previous-to-current", "backwardFlow": "current-to-previous"}
"""Virtual KITTI's folders of flow."""


class Record(Settings):
    """What :data:`RECORD` says."""

    direction: Direction
    """Of all flow in the folder."""
    form: str
    """Of its files, one of :data:`davsn.flow.files.io.FORMS`."""


def told(path: Path, form: str | None = None) -> Direction | None:
    """The direction that a flow file or folder itself tells, or None.

    It is told by a record in the folder or above, by Virtual KITTI's names of folders, and by the form ``npy``, which
    by its users' agreement goes current→previous.

    Raises:
        ConfigError: a record that is none.
    """
    path = path.resolve()
    for folder in (path, *path.parents):
        if (folder / RECORD).is_file():
            return read_record(folder).direction
    named = next((_FOLDERS[part] for part in reversed(path.parts) if part in _FOLDERS), None)
    return named or ("current-to-previous" if form == "npy" or path.suffix == ".npy" else None)


def settled(path: Path, given: Direction | None, forms: Iterable[str] = ()) -> Direction:
    """The direction of a flow file or folder, from what it tells and what the user says.

    Args:
        path: the file or folder.
        given: what the user says.
        forms: of its files.

    Raises:
        FlowError: neither tells, or they contradict one another.
    """
    kinds = set(forms)
    known = told(path, "npy" if kinds == {"npy"} else None)
    if known is None and given is None:
        raise FlowError(
            "these files do not tell which way their flow goes",
            str(path),
            "Say --direction current-to-previous if it lies on the later frame's grid and leads to the frame before, "
            "--direction previous-to-current (as KITTI's and Sintel's own) if on the earlier one's and to the next",
        )
    if known is not None and given not in (None, known):
        raise FlowError(
            f"goes {known} by its record, folder or form, and --direction says {given}", str(path), "Leave it out"
        )
    direction = known or given
    assert direction is not None
    return direction


def read_record(folder: Path) -> Record:
    """The record in a folder.

    Raises:
        ConfigError: it is not there, or is none.
    """
    return validate(Record, read_yaml(folder / RECORD), str(folder / RECORD))


def write_record(folder: Path, record: Record) -> None:
    """Put the record into a folder, which is made if need be."""
    with replacing(folder / RECORD) as temporary:
        temporary.write_text(yaml.safe_dump(record.model_dump()), encoding="utf-8")
