"""A folder that a labelling tool wrote: its images, its classes, and the mistakes that are found in it."""

import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from davsn.core.clip import IGNORE
from davsn.core.errors import did_you_mean
from davsn.data.folder_layout import FRAME_FOLDERS
from davsn.data.images import PICTURE_SUFFIXES
from davsn.data.labels.coding import Colour, palette_colours
from davsn.data.labels.taxonomy import ClassTable, Taxonomy

JSON_LIMIT = 256 << 20
"""The largest JSON file in bytes. The annotations of all of COCO panoptic fit."""
_BACKGROUND = frozenset({"background", "_background_"})
Model = TypeVar("Model", bound=BaseModel)


class Untrusted(BaseModel):
    """The base of everything that is read from JSON. Unknown keys are ignored, and types are not guessed."""

    model_config = ConfigDict(extra="ignore", strict=True)


@dataclass(frozen=True)
class Item:
    """A labelled image.

    Attributes:
        frame: its file.
        paint: draws its label map: (height, width) → (H, W) train ids. It raises a DataError.
    """

    frame: Path
    paint: Callable[[int, int], NDArray[np.uint8]]


@dataclass
class Source:
    """A folder to import.

    No path of an annotation is opened. Only its last part is looked up among the images that are in the folder.

    Attributes:
        root: the folder.
        table: the user's class table; None takes the tool's own classes.
        mistakes: what is wrong, one line each.
        left_out: how many regions of each kind have no area, and were left out.
    """

    root: Path
    table: ClassTable | None = None
    mistakes: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    @cached_property
    def files(self) -> Sequence[Path]:
        """All files below the folder, in order, without hidden ones."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        return sorted(path for path in found if not any(part.startswith(".") for part in self._parts(path)))

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[Path]]:
        found: dict[str, list[Path]] = {}
        for path in self.files:
            if path.suffix.lower() in PICTURE_SUFFIXES:
                found.setdefault(path.name, []).append(path)
        return found

    def wrong(self, path: Path, what: str) -> None:
        """Note a mistake in a file of the folder."""
        self.mistakes.append(f"{'/'.join(self._parts(path)) or path}: {what}")

    def json(self, path: Path, kind: type[Model]) -> Model | None:
        """Read a JSON file. None if it has mistakes, which are noted."""
        if path.stat().st_size > JSON_LIMIT:
            self.wrong(path, f"is larger than {JSON_LIMIT >> 20} MiB. Split the export")
            return None
        try:
            return kind.model_validate_json(path.read_bytes().removeprefix(codecs.BOM_UTF8))  # Windows writes it
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(map(str, first["loc"]))
            self.wrong(path, f"is not as this tool writes it: {f'{place}: ' if place else ''}{first['msg']}")
            return None

    def image(
        self, named: str, told_in: Path, prefer: Callable[[Path], bool] = lambda path: True, what: str = "image"
    ) -> Path | None:
        """The image that an annotation names, by the last part of its path. None if there is none, which is noted.

        Args:
            named: the name or path in the annotation.
            told_in: the annotation.
            prefer: which one is meant if several have this name.
            what: what it is, for the message.
        """
        name = PurePosixPath(named.replace("\\", "/")).name
        found = self._by_name.get(name, [])
        found = [path for path in found if prefer(path)] or found
        if len(found) > 1:
            found = [path for path in found if path.parent == told_in.parent] or found
        if len(found) == 1:
            return found[0]
        problem = f"is in {len(found)} folders" if found else "is not in the folder"
        self.wrong(told_in, f"the {what} '{name[:80]}' {problem}. Export the labels with their images")
        return None

    def classes(self, names: Sequence[str], colours: Sequence[Colour | None] | None = None) -> Taxonomy:
        """The class table: the user's, else the classes of the tool. A name that occurs twice is a mistake."""
        if self.table is not None:
            return self.table.taxonomy
        twice = sorted({name for name in names if list(names).count(name) > 1})
        self.mistakes += [f"the class '{name}' occurs more than once" for name in twice]
        given = list(colours or [None] * len(names))
        free = palette_colours({colour for colour in given if colour is not None})
        if not 2 <= len(names) < IGNORE:
            self.mistakes.append(
                f"has {len(names)} class{'es' * (len(names) != 1)}, where 2 to {IGNORE - 1} are needed. Give a class "
                "table: --classes classes.yaml. If pixels without a label are a class, name it background there"
            )
            return Taxonomy((), ())
        return Taxonomy(tuple(names), tuple(next(free) if colour is None else colour for colour in given))

    def index(self, label: str, taxonomy: Taxonomy, told_in: Path) -> int | None:
        """The train id of a label. None if no class has this name, which is noted."""
        name = "background" if label in _BACKGROUND and "background" in taxonomy.names else label
        if name in taxonomy.names:
            return taxonomy.names.index(name)
        self.wrong(
            told_in, f"the label '{label[:80]}' is not in the class table.{did_you_mean(label[:80], taxonomy.names)}"
        )
        return None

    def leave_out(self, kind: str) -> None:
        """Note a region that has no area, or that cannot be drawn."""
        self.left_out[kind[:40]] = self.left_out.get(kind[:40], 0) + 1

    def clip(self, frame: Path) -> str:
        """The name of an image's clip: its folders, without those that only say that they hold images."""
        parts = [part for part in self._parts(frame)[:-1] if part.lower() not in FRAME_FOLDERS]
        return "/".join(parts) or self.root.resolve().name

    def _parts(self, path: Path) -> tuple[str, ...]:
        return path.relative_to(self.root).parts if path.is_relative_to(self.root) else path.parts


def unlabelled(taxonomy: Taxonomy) -> int:
    """What pixels without a region become: the class 'background', if there is one, else ignored."""
    return next((index for index, name in enumerate(taxonomy.names) if name.lower() in _BACKGROUND), IGNORE)
