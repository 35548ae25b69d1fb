"""Class tables of other tools, as the plain data of our own ``classes.yaml``.

``labelmap.txt`` of CVAT and VOC, ``label_colors.txt`` of CamVid, a list of names, and the ``names`` of ultralytics.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from davsn.core.errors import ConfigError
from davsn.core.settings import read_yaml

TABLE_NAMES = ("classes.yaml", "classes.yml", "labelmap.txt", "label_colors.txt", "classes.txt", "data.yaml")
"""File names of a class table in the folder of a data set, the first that exists is taken."""

_LIMIT = 1 << 20
_LABELMAP = re.compile(r"(?P<name>.+?)\s*:\s*(?P<colour>\d+\s*,\s*\d+\s*,\s*\d+)?\s*(?::.*)?")
_COLOUR_FIRST = re.compile(r"(?P<colour>\d+\s+\d+\s+\d+)\s+(?P<name>\S.*)")
_NO_CLASS = frozenset({"void", "ignore", "ignored", "unlabeled", "unlabelled"})
"""Names of a ``labelmap.txt`` that mean no class. ``background`` is a class, as in VOC."""


def class_table_of(folder: Path) -> Path | None:
    """The class table in the folder of a data set, by its name (:data:`TABLE_NAMES`); None if there is none."""
    return next((folder / name for name in TABLE_NAMES if (folder / name).is_file()), None)


def table_data(path: Path) -> dict[str, Any]:
    """Read a class table of any known form as the plain data of ``classes.yaml``.

    Args:
        path: a ``.txt`` file: ``name:r,g,b:parts:actions``, ``r g b name`` or ``name`` in each line; else YAML, ours or
            with ultralytics' ``names``.

    Raises:
        ConfigError: no such file, too large, or in no known form.
    """
    if path.suffix.lower() == ".txt":
        return _of_lines(path)
    content = read_yaml(path)
    return _of_names(content["names"], path) if "names" in content and "classes" not in content else content


def _of_lines(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(str(path), ["no such file"])
    if path.stat().st_size > _LIMIT:
        raise ConfigError(str(path), [f"is larger than {_LIMIT >> 10} KiB, so it is no class table"])
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"is not a text file ({error})"]) from None
    rows = [_row(line) for line in lines if line and not line.startswith("#")]
    classes: list[dict[str, Any]] = []
    ignore: list[Any] = [255]
    for value, (name, colour) in enumerate(rows):
        if name.lower() in _NO_CLASS:
            ignore += [value] if colour is None else [value, colour]
        else:
            moved = {} if value == len(classes) else {"value": value}
            classes.append({"name": name} | moved | ({} if colour is None else {"color": colour}))
    return {"classes": classes, "ignore": ignore}


def _row(line: str) -> tuple[str, list[int] | None]:
    """The name and colour in a line of a text file."""
    match = _COLOUR_FIRST.fullmatch(line) or _LABELMAP.fullmatch(line)
    if match is None:
        return line, None
    colour = match["colour"]
    return match["name"].strip(), None if colour is None else [int(part) for part in re.findall(r"\d+", colour)]


def _of_names(names: Any, path: Path) -> dict[str, Any]:
    """The classes in ultralytics' ``names``: a list, or a mapping from ids to names."""
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, Mapping) or not all(isinstance(value, int) for value in names):
        raise ConfigError(str(path), ["names  should be a list of names, or a mapping from ids to names"])
    rows = enumerate(sorted(names.items()))
    return {
        "classes": [{"name": str(name)} | ({} if value == index else {"value": value}) for index, (value, name) in rows]
    }
