"""Class tables: the names and colours of classes, and which of them are scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.core.clip import IGNORE
from davsn.core.errors import ConfigError
from davsn.core.settings import Settings, read_yaml, validate

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Taxonomy:
    """A class table. The position of a class in it is its train id.

    Attributes:
        names: the name of each class.
        colours: the RGB colour of each class.
        unscored: names of the classes that are left out of the reported mean. They are trained but not scored (fence,
            in the SYNTHIA protocol), or the data set cannot show them.
    """

    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    unscored: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def scored(self) -> tuple[int, ...]:
        """Train ids of the classes in the reported mean."""
        return tuple(index for index, name in enumerate(self.names) if name not in self.unscored)

    @property
    def palette(self) -> NDArray[np.uint8]:
        """(256, 3) RGB colours by train id; black for ids without a class, such as 255."""
        palette = np.zeros((256, 3), np.uint8)
        palette[: len(self)] = self.colours
        return palette

    def scored_on(self, other: "Taxonomy | None") -> "Taxonomy":
        """Return the class table with only those classes scored that both tables score.

        A network is scored with it on a data set that has the same class names.
        """
        return self if other is None else replace(self, unscored=self.unscored | other.unscored)

    def as_data(self) -> dict[str, Any]:
        """The class table as plain data, as a checkpoint stores it."""
        return {
            "names": list(self.names),
            "colours": [list(colour) for colour in self.colours],
            "unscored": sorted(self.unscored),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Taxonomy":
        """The class table from the plain data of :meth:`as_data`."""
        colours = tuple((int(red), int(green), int(blue)) for red, green, blue in data["colours"])
        return cls(tuple(data["names"]), colours, frozenset(data["unscored"]))

    def mapping(self, raw_to_name: Sequence[tuple[int, str]]) -> NDArray[np.uint8]:
        """(256,) lookup from a data set's raw ids to train ids; raw ids that are not given map to 255.

        Raises:
            ValueError: a name is not in the table.
        """
        lookup = np.full(256, IGNORE, np.uint8)
        for raw, name in raw_to_name:
            lookup[raw] = self.names.index(name)
        return lookup


class _Class(Settings):
    name: str
    color: tuple[int, int, int]
    scored: bool = True
    of: list[str] | None = Field(None, min_length=1)  # see davsn.data.merged_classes


class _Classes(Settings):
    classes: list[_Class] = Field(min_length=2, max_length=255)
    ignore: int = Field(IGNORE, ge=IGNORE, le=IGNORE)


def read_classes(path: Path) -> Taxonomy:
    """Read a class table from ``classes.yaml``: ``classes: [{name: road, color: [128, 64, 128]}, …]``.

    Raises:
        ConfigError: the file has mistakes; the error lists all of them.
    """
    table = validate(_Classes, read_yaml(path), str(path))
    names = tuple(entry.name for entry in table.classes)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(str(path), [f"classes  '{name}' occurs more than once" for name in repeated])
    return Taxonomy(
        names,
        tuple(entry.color for entry in table.classes),
        frozenset(c.name for c in table.classes if not c.scored),
    )


def write_classes(taxonomy: Taxonomy, path: Path) -> None:
    """Write a class table in the form that :func:`read_classes` reads."""
    lines = ["# index in this list = value in the label PNGs", f"ignore: {IGNORE}", "classes:"]
    for name, colour in zip(taxonomy.names, taxonomy.colours, strict=True):
        note = "" if name not in taxonomy.unscored else ", scored: false"
        lines.append(f"  - {{name: {name}, color: {list(colour)}{note}}}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
