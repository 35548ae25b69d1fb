"""Translates the YAML files of the public code (DA-VSN, TPS, CMOM, ADVENT) to recipes, by a table of their keys.

Such a file names only what differs from the defaults of the public code, which are in the table too. Paths are relative
to the folder in which the command is run, as in the public code, where that folder is its ``scripts``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from davsn.core.errors import ConfigError, did_you_mean
from davsn.core.plugins import find
from davsn.core.settings import override
from davsn.learning.method import Method
from davsn.reference.keys import METHODS, OWN_DEFAULTS, TABLE, VIDEO, Row, Stated

_STORED = [f"{part}.flow=stored" for part in ("source", "target", "validation.cityscapes")]


def is_reference(values: Mapping[str, Any]) -> bool:
    """Whether a YAML mapping is a file of the public code, whose keys are in capitals."""
    return any(isinstance(key, str) and key.isupper() for key in values)


def translate(values: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """Translate a file of the public code to a recipe.

    Args:
        values: the content of the file.
        where: the file, named in the error.

    Returns:
        the recipe, in ``mode: faithful``, and a line for each key that says how it was translated.

    Raises:
        ConfigError: names every unknown key, with the nearest known one, and every value that is not supported.
    """
    given = dict(_flat(values))
    stated = {row.theirs: row.default for row in TABLE if row.default is not None}
    theirs = str(given.get("TRAIN.DA_METHOD", stated["TRAIN.DA_METHOD"]))
    stated |= {**OWN_DEFAULTS.get(theirs, {}), **given}
    known = list(dict.fromkeys(row.theirs for row in TABLE))
    mistakes = [f"{key}  {_unknown(key, known)}" for key in given if key not in known]
    method = METHODS.get(theirs, "source_only")  # the method's row reports an unknown method
    recipe, lines = override({}, ["mode=faithful", *(_STORED if theirs in VIDEO else ())]), list[str]()
    for row in TABLE:
        if row.theirs not in stated:
            continue
        try:
            value = _value(row, stated)
        except ValueError as error:
            mistakes.append(f"{row.theirs}  {error}")
            continue
        ours = [key for key in row.ours.split() if _takes(method, key) and theirs in (row.of or (theirs,))]
        for key in ours if value is not None else ():
            _put(recipe, key, value)
        told = any(line.startswith(f"{row.theirs} ") for line in lines)
        lines += [line for line in _line(row, ours, value, method, row.theirs in given) if ours or not told]
    if mistakes:
        raise ConfigError(where, mistakes)
    recipe.setdefault("name", f"{method}_{recipe['source']['name']}")
    return recipe, lines


def _value(row: Row, stated: Stated) -> Any:
    if stated[row.theirs] is None:
        raise ValueError("has no value")
    return row.read(stated[row.theirs], stated)


def _line(row: Row, ours: list[str], value: Any, method: str, given: bool) -> Iterator[str]:
    """Say how a key was translated; nothing for a default that is not needed."""
    if ours and value is not None:
        yield f"{row.theirs} → {', '.join(ours)} = {value}{'' if given else '  (the public default)'}"
    elif given and row.because:
        yield f"{row.theirs}  not needed: {row.because}"
    elif given and not ours:
        yield f"{row.theirs}  not needed: {method} has no such setting"


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if key in ("TRAIN", "TEST") and isinstance(value, Mapping):
            yield from ((f"{key}.{below}", item) for below, item in value.items())
        elif key not in ("TRAIN", "TEST") or value is not None:  # an empty section has no keys
            yield str(key), value


def _unknown(key: str, known: list[str]) -> str:
    if key in ("TRAIN", "TEST"):
        return "should hold 'key: value' lines"
    return f"unknown key.{did_you_mean(key, known)}"


def _takes(method: str, ours: str) -> bool:
    """Whether a key of a recipe is a setting of this method, or not a method's setting at all."""
    part, _, key = ours.partition(".")
    return part != "method" or key == "name" or key in find(Method, method).Config.model_fields


def _put(recipe: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        recipe = recipe.setdefault(parent, {})
    recipe[last] = value
