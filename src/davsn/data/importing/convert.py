"""Writing an import as a labelled folder: all of it, or nothing."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from davsn.core.errors import ConfigError, DataError
from davsn.data.images import picture_size
from davsn.data.importing import Form, coco_panoptic, cvat, labelme, supervisely
from davsn.data.importing.source import Item, Source
from davsn.data.labels.taxonomy import Taxonomy, read_class_table, write_classes

_READERS: Mapping[Form, Callable[[Source], tuple[Taxonomy, Sequence[Item]]]] = {
    "cvat": cvat.read,
    "supervisely": supervisely.read,
    "labelme": labelme.read,
    "coco-panoptic": coco_panoptic.read,
}
_TOLD = 20
"""The largest number of mistakes that an error lists."""


@dataclass(frozen=True)
class Imported:
    """What an import wrote.

    Attributes:
        frames: the number of labelled frames.
        clips: the number of clips.
        classes: the names of the classes.
        left_out: how many regions of each kind have no area and were left out.
    """

    frames: int
    clips: int
    classes: Sequence[str]
    left_out: Mapping[str, int]


def convert(
    form: Form,
    root: Path,
    out: Path,
    classes: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """Write what a labelling tool wrote as a labelled folder: frames/, labels/, classes.yaml.

    The folder appears when it is complete. After a mistake there is none.

    Args:
        form: what wrote the input.
        root: the folder of the input. Its files are data: no path in them is opened.
        out: a new or empty folder.
        classes: a class table to use; None takes the classes of the tool.
        progress: called after every frame with the number of frames written and the number of all.

    Raises:
        ConfigError: the input has mistakes, all of which are listed; or the class table has.
        DataError: a folder is missing or not empty, or cannot be written to.
    """
    if not root.is_dir():
        raise DataError("no such folder", str(root), "Give the folder that the labelling tool wrote")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError("is not an empty folder", str(out), "Name a new folder, or empty this one")
    source = Source(root, None if classes is None else read_class_table(classes))
    taxonomy, items = _READERS[form](source)
    targets = _targets(source, items)
    _raise(source)
    temporary = out.absolute().with_name(f".{out.absolute().name}.{os.getpid()}.writing")
    try:
        temporary.mkdir(parents=True)
        for done, (item, name) in enumerate(zip(items, targets, strict=True), 1):
            _write(source, item, temporary, name, taxonomy)
            progress(done, len(items))
        _raise(source)
        write_classes(taxonomy, temporary / "classes.yaml")
        read_class_table(temporary / "classes.yaml")
        with suppress(FileNotFoundError):
            out.rmdir()
        temporary.rename(out)
    except OSError as error:
        cause = error.strerror or error
        raise DataError(
            f"could not be written ({cause})", str(out), "Free some space or choose another folder"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    clips = {source.clip(item.frame) for item in items}
    return Imported(len(items), len(clips), taxonomy.names, source.left_out)


def _targets(source: Source, items: Sequence[Item]) -> list[str]:
    """``clip/name`` of each image. Two images of one name in a clip are a mistake."""
    names = [f"{source.clip(item.frame)}/{item.frame.stem}" for item in items]
    first: dict[str, Path] = {}
    for item, name in zip(items, names, strict=True):
        if name in first:
            same = first[name] == item.frame
            other = f"has the name of another image of its clip, {first[name].name}. Rename one"
            source.wrong(item.frame, "is annotated more than once. Keep one annotation" if same else other)
        first.setdefault(name, item.frame)
    return names


def _raise(source: Source) -> None:
    """Raise an error with the mistakes that were found, if there are any."""
    mistakes = list(dict.fromkeys(source.mistakes))
    if mistakes:
        more = [f"and {len(mistakes) - _TOLD} more"] if len(mistakes) > _TOLD else []
        raise ConfigError(str(source.root), [*mistakes[:_TOLD], *more])


def _write(source: Source, item: Item, folder: Path, name: str, taxonomy: Taxonomy) -> None:
    """Write an image and its label map. A file that cannot be used is noted as a mistake."""
    try:
        width, height = picture_size(item.frame)
        label = Image.fromarray(item.paint(height, width))
    except DataError as error:
        source.mistakes.append(str(error))
        return
    if source.mistakes:  # nothing is kept any more; only further mistakes are looked for
        return
    label.putpalette(taxonomy.palette.tobytes())
    frame, target = folder / "frames" / name, folder / "labels" / name
    for path in (frame, target):
        path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(item.frame, frame.with_name(frame.name + item.frame.suffix.lower()))
    label.save(target.with_name(f"{target.name}.png"))
