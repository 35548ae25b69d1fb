"""The direction of stored flow. Most files do not state it, and no arithmetic turns one direction into the other.

The flow current→previous is defined on the current frame's grid, the flow previous→current on the previous frame's.
Where neighbouring pixels move differently, or objects occlude each other, neither is the other one negated. So the
other direction must be estimated.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import yaml

from davsn.core.errors import FlowError
from davsn.core.files.writing import replacing
from davsn.core.settings import Settings, read_yaml, validate

Direction = Literal["current-to-previous", "previous-to-current"]

RECORD = "flow_direction.yaml"
"""The name of a file beside converted files. It states the direction of all flow in its folder and below."""

_NAMES: dict[str, Direction] = {
    "forwardFlow": "previous-to-current",
    "backwardFlow": "current-to-previous",
    "into_future": "previous-to-current",
    "into_past": "current-to-previous",
    "OpticalFlowIntoFuture": "previous-to-current",
    "OpticalFlowIntoPast": "current-to-previous",
}
"""The directions by the names of folders and files of Virtual KITTI and SceneFlow, up to a number in a file's name."""


class Record(Settings):
    """The content of a :data:`RECORD` file."""

    direction: Direction
    """The direction of all flow in the folder."""
    form: str
    """The form of the files, one of :data:`davsn.flow.files.io.FORMS`."""


def told(path: Path, form: str | None = None) -> Direction | None:
    """The direction that a flow file or folder itself states, or None.

    Three things state it: a record in the folder or above, the names of Virtual KITTI's and SceneFlow's folders and
    files, and the form ``npy`` (integers in tenths of a pixel), which by convention is current→previous.

    Raises:
        ConfigError: the record is not valid.
    """
    path = path.resolve()
    for folder in (path, *path.parents):
        if (folder / RECORD).is_file():
            return read_record(folder).direction
    names = (re.sub(r"_\d+.*", "", part) for part in reversed(path.parts))
    named = next((_NAMES[name] for name in names if name in _NAMES), None)
    return named or ("current-to-previous" if form == "npy" else None)


def settled(path: Path, given: Direction | None, forms: Iterable[str] = ()) -> Direction:
    """The direction of a flow file or folder, from what it states and what the user gives.

    Args:
        path: the file or folder.
        given: the direction that the user gives, if any.
        forms: the forms of the files.

    Raises:
        FlowError: neither states the direction, or the two contradict each other.
    """
    kinds = set(forms)
    known = told(path, "npy" if kinds == {"npy"} else None)
    if known is None and given is None:
        raise FlowError(
            "these files do not state the direction of their flow",
            str(path),
            "Set --direction current-to-previous if the flow is on the later frame's grid and points to the frame "
            "before. Set --direction previous-to-current if it is on the earlier frame's grid and points to the next "
            "frame, as in KITTI's and Sintel's own files",
        )
    if known is not None and given not in (None, known):
        raise FlowError(
            f"has the direction {known} by its record, folder or form, but --direction is {given}",
            str(path),
            "Leave --direction out",
        )
    direction = known or given
    assert direction is not None
    return direction


def read_record(folder: Path) -> Record:
    """Read the record in a folder.

    Raises:
        ConfigError: the record is missing or not valid.
    """
    return validate(Record, read_yaml(folder / RECORD), str(folder / RECORD))


def write_record(folder: Path, record: Record) -> None:
    """Write the record into a folder, which is created if needed."""
    with replacing(folder / RECORD) as temporary:
        temporary.write_text(yaml.safe_dump(record.model_dump()), encoding="utf-8")
