"""Settings: a strict mapping becomes a frozen, typed object, or one error names all mistakes.

The error lists unknown keys, wrong types and values out of range together. For each unknown key it gives the nearest
valid name (docs/principles.md, "errors are part of the interface").
"""

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, Union, get_args, get_origin, runtime_checkable

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from davsn.core.errors import ConfigError, DavsnError, did_you_mean

_UNKNOWN = "  unknown key."

MADE = "made"
"""Marks the type of a path in settings (``Annotated[Path, MADE]``): the path need not exist, it is created when
needed."""


@dataclass(frozen=True)
class AlsoCalled:
    """Other words for a setting, in its type: ``Annotated[int, AlsoCalled("epochs")]``. A mistake is answered by them.

    Attributes:
        names: the words.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@runtime_checkable
class Choosing(Protocol):
    """A part of a setting's type that knows which settings a value chooses; see :mod:`davsn.core.plugins`."""

    def settings_of(self, value: Any) -> "type[Settings] | None":
        """The settings class that a value of the setting chooses; None if it chooses none."""


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
            absent = [path for path in named if isinstance(path, Path) and not path.exists()]
            if absent:
                meaning = " ".join((cls.model_fields[str(info.field_name)].description or "").split())
                found = ", ".join(f"'{path}'" for path in absent)
                near = _beside(absent[0])
                raise ValueError(f"{found} does not exist. Expected: {meaning[:1].lower()}{meaning[1:]}{near}")
        return value


def _beside(path: Path) -> str:
    """A sentence that names the file or folder beside a missing one whose name is nearest."""
    folder = path.parent
    return did_you_mean(path.name, (entry.name for entry in folder.iterdir())) if folder.is_dir() else ""


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
        raise ConfigError(where, list(_mistakes(kind, error, values))) from None


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


def _mistakes(kind: type[BaseModel], error: ValidationError, values: Mapping[str, Any]) -> Iterator[str]:
    """Our sentences for the mistakes that pydantic found."""
    for detail in error.errors():
        key = ".".join(str(part) for part in detail["loc"])
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, ConfigError):  # nested settings already listed their mistakes, with their own keys
            nested = (f"{key}.{mistake}" if _has_key(mistake) else f"{key}  {mistake}" for mistake in cause.mistakes)
            yield from (_with_full_keys(mistake, kind, values) for mistake in nested)
        elif isinstance(cause, DavsnError | ValueError):
            yield f"{key}  {cause}"
        elif detail["type"] == "extra_forbidden":
            yield _with_full_keys(f"{key}{_UNKNOWN}{_nearest(kind, detail['loc'])}", kind, values)
        elif detail["type"] == "missing":
            yield f"{key}  is missing"
        elif detail["type"] in ("model_type", "dict_type"):
            yield f"{key}  should hold 'key: value' lines, but got {detail['input']!r}"
        else:
            wanted = detail["msg"].partition(", unable")[0]
            yield f"{key}  {wanted[0].lower()}{wanted[1:]}, but got {detail['input']!r}"


def _has_key(mistake: str) -> bool:
    return mistake[:1].isalpha() and "  " in mistake


def _with_full_keys(mistake: str, kind: type[BaseModel], values: Mapping[str, Any]) -> str:
    """A mistake whose unknown key is answered with the full keys that end in it: ``size`` with ``source.size``."""
    key, unknown, answer = mistake.partition(_UNKNOWN)
    if not unknown:
        return mistake
    name = key.rpartition(".")[2]
    known = [(full, names) for full, names in _full_keys(kind, values) if full != key]
    fitting = [full for full, (own, *_) in known if own == name] or [full for full, names in known if name in names]
    if not fitting and "Did you mean" not in answer:
        near = difflib.get_close_matches(name, [own for _, (own, *_) in known], n=1, cutoff=0.75)
        fitting = [full for full, (own, *_) in known if own in near]
    if not fitting:
        return mistake
    *first, last = fitting
    return f"{key}{unknown} Did you mean {', '.join(first)}{' and ' * bool(first)}{last}?"


def _full_keys(kind: type[BaseModel], values: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """All keys that some settings can hold, dotted, and for each the setting's own name and the other words for it."""
    for name, field in kind.model_fields.items():
        words = (word for mark in field.metadata if isinstance(mark, AlsoCalled) for word in mark.names)
        yield name, (name, *words)
        value = values.get(name)
        below = [("", _settings_of(field.annotation, value, field.metadata), value)]
        if get_origin(field.annotation) is dict and isinstance(value, Mapping):
            inner = get_args(field.annotation)[1]
            below = [(f".{key}", _settings_of(inner, item), item) for key, item in value.items()]
        for part, settings, item in below:
            if settings is not None:
                held = item if isinstance(item, Mapping) else {}
                yield from ((f"{name}{part}.{full}", names) for full, names in _full_keys(settings, held))


def _settings_of(annotation: Any, value: Any, marks: Sequence[Any] = ()) -> type[BaseModel] | None:
    """The settings class that a value of this type has or chooses."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next((found for part in get_args(annotation) if (found := _settings_of(part, value))), None)
    marks = (*marks, *getattr(annotation, "__metadata__", ()))
    choosing = next((mark for mark in marks if isinstance(mark, Choosing)), None)
    return _settings_in(annotation) if choosing is None else choosing.settings_of(value)


def _nearest(kind: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """The text after 'unknown key.': the nearest valid name and the list of all valid names."""
    for part in location[:-1]:
        field = kind.model_fields.get(str(part))
        below = _settings_in(field.annotation) if field else None
        if below is None:
            return ""
        kind = below
    names = list(kind.model_fields)
    told = f"known: {', '.join(names)}" if names else "it has no settings"
    return f"{did_you_mean(str(location[-1]), names)} ({told})"


def _settings_in(annotation: Any) -> type[BaseModel] | None:
    """The settings class inside an annotation such as ``X | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType):
        return next((found for found in map(_settings_in, get_args(annotation)) if found), None)
    return None
