"""Settings: a strict mapping becomes a frozen, typed object, or one error names all mistakes.

The error lists unknown keys, wrong types and values out of range together. For each unknown key it gives the nearest
valid name (docs/principles.md, "errors are part of the interface").
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from davsn.core.errors import ConfigError, DavsnError, did_you_mean

MADE = "made"
"""Marks the type of a path in settings (``Annotated[Path, MADE]``): the path need not exist, it is created when
needed."""


Changes = Mapping[str, Any] | Sequence[str]
"""Overrides of settings: a mapping from dotted keys to values, or texts ``key=value``."""


class Settings(BaseModel):
    """The base class of all settings: frozen and typed; an undeclared key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True)

    @field_validator("*")
    @classmethod
    def _exists(cls, value: Any, info: ValidationInfo) -> Any:
        """Check that every path exists, since settings name input files, unless it is marked; see :func:`validate`."""
        marks = cls.model_fields[str(info.field_name)].metadata
        if (info.context or {}).get("paths") and MADE not in marks:
            named = value if isinstance(value, tuple) else (value,)
            absent = ", ".join(f"'{path}'" for path in named if isinstance(path, Path) and not path.exists())
            if absent:
                meaning = " ".join((cls.model_fields[str(info.field_name)].description or "").split())
                raise ValueError(f"{absent} does not exist. Expected: {meaning[:1].lower()}{meaning[1:]}")
        return value


Kind = TypeVar("Kind", bound=Settings)


def validate(kind: type[Kind], values: Mapping[str, Any], where: str, paths: bool = True) -> Kind:
    """Settings of one kind from a mapping.

    Args:
        kind: the settings class.
        values: keys and values, nested as the class is.
        where: the source of the values, such as a file; the error names it.
        paths: whether every file and folder in the settings must exist, as it must for a run.

    Raises:
        ConfigError: with every mistake in ``values``.
    """
    try:
        return kind.model_validate(dict(values), context={"paths": paths})
    except ValidationError as error:
        raise ConfigError(where, list(_mistakes(kind, error))) from None


def read_yaml(path: Path, limit: int = 1 << 20) -> dict[str, Any]:
    """A YAML mapping from a file of bounded size, read as plain data.

    Args:
        path: the file.
        limit: the largest size, in bytes.

    Raises:
        ConfigError: no such file, too large, not YAML, or not a mapping.
    """
    if not path.is_file():
        raise ConfigError(str(path), ["no such file"])
    if path.stat().st_size > limit:
        raise ConfigError(str(path), [f"is larger than {limit >> 10} KiB, so it is no YAML file of davsn"])
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"is not valid YAML: {str(error).splitlines()[0]}"]) from None
    if not isinstance(content, dict):
        raise ConfigError(str(path), ["should hold 'key: value' lines"])
    return content


def override(values: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """A copy of ``values`` with overrides applied.

    Args:
        values: keys and values, nested.
        changes: dotted keys and their values; or ``a.b=value`` texts, whose values are read as YAML.

    Raises:
        ConfigError: an override without ``=`` or without a key, or a value that is not YAML.
    """
    result: dict[str, Any] = _copy(values)
    mistakes = []
    for change in changes.items() if isinstance(changes, Mapping) else map(_assignment, changes):
        if isinstance(change, str):
            mistakes.append(f"{change}  should read key=value, such as method.consistency_weight=0.01")
            continue
        key, value = change
        *parents, last = key.split(".")
        place = result
        for parent in parents:
            below = place[parent] = opened(place.get(parent))
            place = below
        place[last] = value
    if mistakes:
        raise ConfigError("the command line", mistakes)
    return result


def _assignment(text: str) -> tuple[str, Any] | str:
    """The key and value of ``key=value``; the text itself if it does not have this form."""
    key, equals, written = text.partition("=")
    try:
        value = yaml.safe_load(written)
    except yaml.YAMLError:
        return text
    return (key, value) if key and equals else text


def opened(choice: Any) -> dict[str, Any]:
    """The long form of a plug-in's choice: ``{name: da_vsn}`` for ``da_vsn``; a mapping is copied.

    Any other value, which cannot be a choice, becomes an empty mapping.
    """
    if isinstance(choice, str):
        return {"name": choice}
    return dict(choice) if isinstance(choice, Mapping) else {}


def _copy(value: Any) -> Any:
    return {key: _copy(item) for key, item in value.items()} if isinstance(value, dict) else value


def _mistakes(kind: type[BaseModel], error: ValidationError, prefix: str = "") -> Iterator[str]:
    """Our sentences for the mistakes that pydantic found."""
    for detail in error.errors():
        key = prefix + ".".join(str(part) for part in detail["loc"])
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, ConfigError):  # nested settings already listed their mistakes, with their own keys
            yield from (f"{key}.{mistake}" if _has_key(mistake) else f"{key}  {mistake}" for mistake in cause.mistakes)
        elif isinstance(cause, DavsnError | ValueError):
            yield f"{key}  {cause}"
        elif detail["type"] == "extra_forbidden":
            yield f"{key}  unknown key.{_nearest(kind, detail['loc'])}"
        elif detail["type"] == "missing":
            yield f"{key}  is missing"
        elif detail["type"] in ("model_type", "dict_type"):
            yield f"{key}  should hold 'key: value' lines, but got {detail['input']!r}"
        else:
            wanted = detail["msg"].partition(", unable")[0]
            yield f"{key}  {wanted[0].lower()}{wanted[1:]}, but got {detail['input']!r}"


def _has_key(mistake: str) -> bool:
    return mistake[:1].isalpha() and "  " in mistake


def _nearest(kind: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """The text after 'unknown key.': the nearest valid name and the list of all valid names."""
    for part in location[:-1]:
        field = kind.model_fields.get(str(part))
        below = _settings_in(field.annotation) if field else None
        if below is None:
            return ""
        kind = below
    names = list(kind.model_fields)
    return f"{did_you_mean(str(location[-1]), names)} (known: {', '.join(names)})"


def _settings_in(annotation: Any) -> type[BaseModel] | None:
    """The settings class inside an annotation such as ``X | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType):
        return next((found for found in map(_settings_in, get_args(annotation)) if found), None)
    return None
