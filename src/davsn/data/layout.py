"""The files of a data set whose names tell drive and frame number: where they are, and which make a clip."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from davsn.core.errors import DataError

Key = tuple[str, int]
"""A frame of a data set: its drive and its number."""
ANYWHERE = "(?:.*/)?"
"""Begins the pattern of a file whose folder means nothing."""


@dataclass(frozen=True)
class Layout:
    """Where the files of a data set are and what they are called.

    Attributes:
        pictures: holds pictures, or folders of them.
        labels: holds labels, or folders of them; need not exist.
        picture: matches a picture's path below its folder; its groups are the drive, in one part or several, and the
            number.
        label: the same for labels.
        digits: of the number.
        wanted: a sentence that says so, for errors.
        between: what stands between drive and number in a frame's name, and between the parts of a drive.
        pictures_in: matches the folders of pictures below ``pictures``, as a shell would.
        labels_in: the same for labels.
        step: how many the numbers of neighbours are apart.
    """

    pictures: Path
    labels: Path
    picture: re.Pattern[str]
    label: re.Pattern[str]
    digits: int
    wanted: str
    between: str = ""
    pictures_in: str = "*"
    labels_in: str = "*"
    step: int = 1

    def key(self, match: re.Match[str]) -> Key:
        """The frame that a path names."""
        *drive, number = match.groups()
        return self.between.join(drive), int(number)

    def name(self, key: Key) -> str:
        """The name of a frame: what the names of its picture, label and flow begin with."""
        return f"{key[0]}{self.between}{key[1]:0{self.digits}d}"


def scan(layout: Layout, folder: Path, inside: str, pattern: re.Pattern[str]) -> dict[Key, str]:
    """The files in a folder, and in those inside, whose paths match: frame → path below the folder.

    Raises:
        DataError: a folder that cannot be listed, or two files of one frame.
    """
    found: dict[Key, str] = {}
    for name in _files(folder, inside):
        match = pattern.fullmatch(name)
        if match is None:
            continue
        key = layout.key(match)
        if key in found:
            raise DataError(f"holds both {found[key]} and {name}: two files of one frame", str(folder), "Keep one")
        found[key] = name
    return found


def _files(folder: Path, inside: str) -> Iterator[str]:
    """The paths of the files in a folder and in the folders inside, below it."""
    try:
        for place in [folder, *sorted(place for place in folder.glob(inside) if place.is_dir())]:
            with os.scandir(place) as entries:
                below = "" if place == folder else f"{place.relative_to(folder).as_posix()}/"
                yield from (f"{below}{entry.name}" for entry in entries if not entry.is_dir())
    except OSError as error:
        remedy = "Give the folder as it was downloaded; see docs/data.md"
        raise DataError(f"cannot be listed ({error.strerror})", str(folder), remedy) from None


def listed(path: Path, layout: Layout) -> set[Key]:
    """The frames that a list names, one a line, by the paths of their pictures.

    Raises:
        DataError: an unreadable list, a line that names no frame, or no line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"is not a list of frames ({error})", str(path), layout.wanted) from None
    found: set[Key] = set()
    for number, line in enumerate(map(str.strip, lines), 1):
        match = layout.picture.fullmatch(line)
        if match is not None:
            found.add(layout.key(match))
        elif line:
            raise DataError(f"line {number} names no frame: {line[:80]!r}", str(path), layout.wanted)
    if not found:
        raise DataError("names no frame", str(path), layout.wanted)
    return found


def runs(frames: Collection[Key], step: int = 1) -> Iterator[list[Key]]:
    """Frames as runs of one drive, whose numbers go up by the step, in the order of their first frames."""
    for drive, number in sorted(frames):
        if (drive, number - step) not in frames:
            last = number
            while (drive, last + step) in frames:
                last += step
            yield [(drive, each) for each in range(number, last + 1, step)]
