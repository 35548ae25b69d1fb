"""The recordings in a folder: its videos, and its folders of frames."""

from collections.abc import Iterator
from pathlib import Path

from davsn.data.images import natural, picture_files
from davsn.data.video.containers import is_video

_DEPTH = 4
"""Number of folder levels that are searched."""


def recordings(path: Path, without: Path | None = None) -> dict[str, Path]:
    """Find the recordings below a folder, each with a name that is unique there.

    Args:
        path: a folder of videos, of folders of frames, or of both; a labelled folder counts by its ``frames`` alone.
        without: a folder below ``path`` that is left out, such as the one that results are written to.

    Returns:
        the recordings by name, in natural order. Empty if the path is one recording: a file, a folder of frames, or a
        folder without either.
    """
    if not path.is_dir() or picture_files(path):
        return {}
    root = path / "frames" if (path / "frames").is_dir() and (path / "labels").is_dir() else path
    found = [each for each in _below(root, _DEPTH) if without is None or not _inside(each, without, root)]
    plain = [
        str(each.relative_to(root).with_suffix("") if each.is_file() else each.relative_to(root)) for each in found
    ]
    names = plain if len(set(plain)) == len(plain) else [str(each.relative_to(root)) for each in found]
    return dict(zip(names, found, strict=True))


def _inside(path: Path, folder: Path, root: Path) -> bool:
    """Whether a path is a folder, or is below it, and the folder itself is below the root."""
    path, folder = path.resolve(), folder.resolve()
    return root.resolve() in folder.parents and (path == folder or folder in path.parents)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    entries = sorted((each for each in folder.iterdir() if each.name[0] != "."), key=lambda each: natural(each.name))
    yield from (each for each in entries if each.is_file() and is_video(each))
    for each in entries:
        if each.is_dir() and picture_files(each):
            yield each
        elif each.is_dir() and depth > 1:
            yield from _below(each, depth - 1)
