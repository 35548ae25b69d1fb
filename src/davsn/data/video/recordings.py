"""The recordings in a folder: its videos, and its folders of frames."""

from collections.abc import Iterator
from pathlib import Path

from davsn.data.folder_layout import search
from davsn.data.images import has_pictures
from davsn.data.video.containers import videos_in


def recordings(path: Path, without: Path | None = None) -> dict[str, Path]:
    """Find the recordings below a folder, each with a name that is unique there.

    Folders of label maps and the like beside frames are none, as in :mod:`davsn.data.folder_layout`. Images beside
    videos are none either, as they are thumbnails.

    Args:
        path: a folder of videos, of folders of frames, or of both; a labelled folder counts by its ``frames`` alone.
        without: a folder below ``path`` that is left out, such as the one that results are written to.

    Returns:
        the recordings by name. Empty if the path is one recording: a file, a folder of frames, or a folder without
        either.
    """
    if not path.is_dir() or (has_pictures(path) and not videos_in(path)):
        return {}
    root = path / "frames" if (path / "frames").is_dir() and (path / "labels").is_dir() else path
    found = [each for each in _below(root) if without is None or not _inside(each, without, root)]
    plain = [
        str(each.relative_to(root).with_suffix("") if each.is_file() else each.relative_to(root)) for each in found
    ]
    names = plain if len(set(plain)) == len(plain) else [str(each.relative_to(root)) for each in found]
    return dict(zip(names, found, strict=True))


def _inside(path: Path, folder: Path, root: Path) -> bool:
    """Whether a path is a folder, or is below it, and the folder itself is below the root."""
    path, folder = path.resolve(), folder.resolve()
    return root.resolve() in folder.parents and (path == folder or folder in path.parents)


def _below(root: Path) -> Iterator[Path]:
    """Yield the videos of each folder, or else the folder itself if it holds frames. A link in a circle is left out."""
    for folder in search(root, set(), lambda each: has_pictures(each) or bool(videos_in(each))).folders:
        yield from videos_in(folder) or [folder]
