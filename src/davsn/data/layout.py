"""The layout of data sets whose file names hold drive and frame number: where files are, and which form a clip."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from davsn.core.errors import DataError

Key = tuple[str, int]
"""The key of a frame in a data set: its drive and its number."""
ANYWHERE = "(?:.*/)?"
"""Start of the pattern of a file whose folder has no meaning."""


@dataclass(frozen=True)
class Layout:
    """Where the files of a data set are, and how they are named.

    Attributes:
        pictures: the folder that holds images, or folders of images.
        labels: the folder that holds label maps, or folders of label maps. It need not exist.
        picture: pattern of an image's path below ``pictures``. Its groups are the drive, in one or more parts, and the
            number.
        label: pattern of a label map's path below ``labels``, with the same groups.
        digits: number of digits of a frame's number in its name.
        wanted: a sentence for errors that says which files are expected.
        between: text between drive and number in a frame's name, and between the parts of a drive.
        pictures_in: shell pattern of the folders of images below ``pictures``.
        labels_in: shell pattern of the folders of label maps below ``labels``.
        step: difference of the numbers of two neighbours.
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
        """The key of the frame that a path names."""
        *drive, number = match.groups()
        return self.between.join(drive), int(number)

    def name(self, key: Key) -> str:
        """The name of a frame, with which the names of its image, label map and flow begin."""
        return f"{key[0]}{self.between}{key[1]:0{self.digits}d}"


def scan(layout: Layout, folder: Path, inside: str, pattern: re.Pattern[str]) -> dict[Key, str]:
    """Find the files whose paths match in a folder and in folders inside it: frame → path below the folder.

    Args:
        layout: how files are named.
        folder: the folder.
        inside: shell pattern of the folders inside it that are searched too.
        pattern: pattern of the paths below the folder.

    Raises:
        DataError: a folder cannot be listed, or one frame has two files.
    """
    found: dict[Key, str] = {}
    for name in _files(folder, inside, layout.wanted):
        match = pattern.fullmatch(name)
        if match is None:
            continue
        key = layout.key(match)
        if key in found:
            raise DataError(
                f"holds both {found[key]} and {name}: two files for one frame", str(folder), "Keep one of them"
            )
        found[key] = name
    return found


def _files(folder: Path, inside: str, wanted: str) -> Iterator[str]:
    """The paths, below a folder, of the files in it and in the folders that match ``inside``."""
    try:
        for place in [folder, *sorted(place for place in folder.glob(inside) if place.is_dir())]:
            with os.scandir(place) as entries:
                below = "" if place == folder else f"{place.relative_to(folder).as_posix()}/"
                yield from (f"{below}{entry.name}" for entry in entries if not entry.is_dir())
    except OSError as error:
        remedy = f"{wanted}, as the archives unpack (docs/data.md)"
        raise DataError(f"cannot be listed ({error.strerror})", str(folder), remedy) from None


def listed(path: Path, layout: Layout, example: str) -> set[Key]:
    """Read the frames that a list names, one image path a line.

    Args:
        path: the list.
        layout: how files are named.
        example: the path of an image below the folder of images, for the error.

    Raises:
        DataError: the list cannot be read or is empty, or a line names no frame.
    """
    wanted = f"Each line should be the path of an image below {layout.pictures}, such as {example}"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"is not a list of frames ({error})", str(path), wanted) from None
    found: set[Key] = set()
    for number, line in enumerate(map(str.strip, lines), 1):
        match = layout.picture.fullmatch(line)
        if match is not None:
            found.add(layout.key(match))
        elif line:
            raise DataError(f"line {number} names no frame: {line[:80]!r}", str(path), wanted)
    if not found:
        raise DataError("names no frame", str(path), wanted)
    return found


def runs(frames: Collection[Key], step: int = 1) -> Iterator[list[Key]]:
    """Split frames into runs, in the order of their first frames.

    A run belongs to one drive, and its numbers increase by ``step``.
    """
    for drive, number in sorted(frames):
        if (drive, number - step) not in frames:
            last = number
            while (drive, last + step) in frames:
                last += step
            yield [(drive, each) for each in range(number, last + 1, step)]
