"""Class tables: the names and colours of classes, and which of them are scored."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, field_validator

from davsn.core.clip import IGNORE
from davsn.core.errors import ConfigError
from davsn.core.settings import Settings, validate
from davsn.data.labels.class_lists import table_data
from davsn.data.labels.coding import VALUES, Channel, Colour, LabelCoding, palette_colours


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

    def as_table(self) -> dict[str, Any]:
        """The class table as plain data in the form of ``classes.yaml``."""
        return {
            "classes": [
                {"name": name, "color": list(colour), "scored": name not in self.unscored}
                for name, colour in zip(self.names, self.colours, strict=True)
            ]
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


_PLAIN = re.compile(r"[A-Za-z][\w-]*(?: [\w-]+)*", re.ASCII)
Level = Annotated[int, Field(ge=0, le=255)]
Value = Annotated[int, Field(ge=0, lt=VALUES)]


def _listed(value: object) -> object:
    """A single value as a list of one."""
    return value if isinstance(value, list | tuple) else [value]


class _Class(Settings):
    name: str
    color: tuple[Level, Level, Level] | None = None
    colors: list[tuple[Level, Level, Level]] = Field(default_factory=list)
    value: Annotated[list[Value], BeforeValidator(_listed)] | None = None
    scored: bool = True
    of: list[str] | None = Field(None, min_length=1)  # see davsn.data.labels.merged_classes


class _Classes(Settings):
    classes: list[Annotated[_Class, BeforeValidator(lambda one: {"name": one} if isinstance(one, str) else one)]]
    ignore: Annotated[tuple[Value | tuple[Level, Level, Level], ...], BeforeValidator(_listed)] = (IGNORE,)
    channel: Channel | None = None
    reduce_zero_label: bool = False

    @field_validator("classes")
    @classmethod
    def _enough(cls, classes: list[_Class]) -> list[_Class]:
        if not 2 <= len(classes) <= IGNORE:
            raise ValueError(
                f"should be at least 2 and at most {IGNORE} classes, but got {len(classes)}. If there is one class "
                "and the rest, name the rest too: {name: background}"
            )
        return classes


@dataclass(frozen=True)
class ClassTable:
    """A class table as a file holds it.

    Attributes:
        taxonomy: the classes.
        coding: which values and colours of label files stand for them.
    """

    taxonomy: Taxonomy
    coding: LabelCoding


def read_classes(path: Path) -> Taxonomy:
    """Read the classes of a class table in any form; see :func:`read_class_table`."""
    return read_class_table(path).taxonomy


def read_class_table(source: Path | Mapping[str, Any]) -> ClassTable:
    """Read a class table: ``classes.yaml``, or one of another tool (:mod:`davsn.data.labels.class_lists`).

    Our own form is ``classes: [{name: road, color: [128, 64, 128]}, …]``; docs/data.md has its keys. A class without a
    colour gets one.

    Args:
        source: the file, or the content of our own form.

    Raises:
        ConfigError: the table has mistakes; the error lists all of them.
    """
    data, path = (table_data(source), source) if isinstance(source, Path) else (dict(source), "classes")
    table = validate(_Classes, data, str(path))
    names = tuple(entry.name for entry in table.classes)
    mistakes = [f"classes  '{name}' occurs more than once" for name in sorted(set(names)) if names.count(name) > 1]
    values, clashes = _values(table, told="ignore" in data)
    if mistakes or clashes:
        raise ConfigError(str(path), [*mistakes, *clashes])
    given = [entry.color for entry in table.classes]
    free = palette_colours({colour for colour in given if colour is not None})
    colours = tuple(next(free) if colour is None else colour for colour in given)
    taxonomy = Taxonomy(names, colours, frozenset(entry.name for entry in table.classes if not entry.scored))
    told = table.reduce_zero_label or any(entry.value is not None for entry in table.classes)
    return ClassTable(taxonomy, LabelCoding(names, values, _colours(table), table.channel, told))


def _values(table: _Classes, told: bool) -> tuple[dict[int, int], list[str]]:
    """The train id of each value, and the mistakes: values with two meanings.

    Args:
        table: the class table.
        told: whether the table states the ignored values itself. Otherwise 255 may be the value of a class.
    """
    first, mistakes = int(table.reduce_zero_label), []
    found: dict[int, int] = {}
    for index, entry in enumerate(table.classes):
        for value in [index + first] if entry.value is None else entry.value:
            if value in found:
                both = f"'{table.classes[found[value]].name}' and '{entry.name}'"
                mistakes.append(f"classes.{index}.value  {value} stands for both {both}")
            found[value] = index
    ignored = {part for part in table.ignore if isinstance(part, int)} | ({0} if table.reduce_zero_label else set())
    for value in sorted(ignored):
        if told and value in found:
            name = table.classes[found[value]].name
            mistakes.append(
                f"ignore  {value} is also the value of the class '{name}'. Remove one of them; 255 is usual"
            )
        found.setdefault(value, IGNORE)
    return found, mistakes


def _colours(table: _Classes) -> dict[Colour, int]:
    """The train id of each colour that belongs to one class, or is ignored."""
    found: dict[Colour, int] = {}
    shared: set[Colour] = set()
    for index, entry in enumerate(table.classes):
        for colour in {*entry.colors, *([] if entry.color is None else [entry.color])}:
            shared |= {colour} if colour in found else set()
            found[colour] = index
    found = {colour: index for colour, index in found.items() if colour not in shared}
    return found | {part: IGNORE for part in table.ignore if isinstance(part, tuple)}


def _quoted(name: str) -> str:
    """A name as YAML: plain if it is a plain word, else in quotes, as a name of somebody else's file may need."""
    return name if _PLAIN.fullmatch(name) and yaml.safe_load(name) == name else json.dumps(name)


def write_classes(taxonomy: Taxonomy, path: Path) -> None:
    """Write a class table in the form that :func:`read_classes` reads."""
    lines = ["# index in this list = value in the label PNGs", f"ignore: {IGNORE}", "classes:"]
    for name, colour in zip(taxonomy.names, taxonomy.colours, strict=True):
        note = "" if name not in taxonomy.unscored else ", scored: false"
        lines.append(f"  - {{name: {_quoted(name)}, color: {list(colour)}{note}}}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
