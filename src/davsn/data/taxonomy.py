"""Class tables: names, colours, and which classes a benchmark scores."""

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
    """A table of classes; a class's place in it is its train id.

    Attributes:
        names: one a class.
        colours: RGB, one a class.
        unscored: names of classes that are left out of the reported mean: trained all the same (fence, in the
            SYNTHIA protocol), or of which the data set can show none.
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
        """(256, 3) RGB by train id; black where there is no class, as for 255."""
        palette = np.zeros((256, 3), np.uint8)
        palette[: len(self)] = self.colours
        return palette

    def scored_on(self, other: "Taxonomy | None") -> "Taxonomy":
        """The table scored on those classes that both score: a network's, on a data set of the same names."""
        return self if other is None else replace(self, unscored=self.unscored | other.unscored)

    def as_data(self) -> dict[str, Any]:
        """The table as plain data, as a checkpoint keeps it."""
        return {
            "names": list(self.names),
            "colours": [list(colour) for colour in self.colours],
            "unscored": sorted(self.unscored),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Taxonomy":
        """The table that :meth:`as_data` gave."""
        colours = tuple((int(red), int(green), int(blue)) for red, green, blue in data["colours"])
        return cls(tuple(data["names"]), colours, frozenset(data["unscored"]))

    def mapping(self, raw_to_name: Sequence[tuple[int, str]]) -> NDArray[np.uint8]:
        """(256,) lookup from a data set's raw ids to train ids; raw ids not named map to 255.

        Raises:
            ValueError: a name outside the table.
        """
        lookup = np.full(256, IGNORE, np.uint8)
        for raw, name in raw_to_name:
            lookup[raw] = self.names.index(name)
        return lookup


class _Class(Settings):
    name: str
    color: tuple[int, int, int]
    scored: bool = True


class _Classes(Settings):
    classes: list[_Class] = Field(min_length=2, max_length=255)
    ignore: int = Field(IGNORE, ge=IGNORE, le=IGNORE)


def read_classes(path: Path) -> Taxonomy:
    """A class table from ``classes.yaml``: ``classes: [{name: road, color: [128, 64, 128]}, …]``.

    Raises:
        ConfigError: every mistake in the file.
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
    """Write a table in the form that :func:`read_classes` reads."""
    lines = ["# index in this list = value in the label PNGs", f"ignore: {IGNORE}", "classes:"]
    for name, colour in zip(taxonomy.names, taxonomy.colours, strict=True):
        note = "" if name not in taxonomy.unscored else ", scored: false"
        lines.append(f"  - {{name: {name}, color: {list(colour)}{note}}}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
