"""Parts as settings: a part's name and its own settings side by side, as in ``method: {name: tps, interval: 2}``."""

from collections.abc import Mapping
from typing import Any

from pydantic import BeforeValidator, SerializeAsAny, ValidationInfo, model_serializer

from davsn.components import find
from davsn.settings import Settings, validate


class Part(Settings):
    """A part of an experiment: the name of its file and its own settings, side by side in a recipe."""

    name: str
    settings: SerializeAsAny[Settings]

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"name": self.name, **self.settings.model_dump(mode="json")}


def choose(package: str, kind: type[Any], value: Any, paths: bool = True) -> Part:
    """A part from ``{name: …, its own keys}``, or from the name alone.

    Args:
        package: where parts of this kind are, such as ``"davsn.data"``.
        kind: the abstract class of the kind.
        value: from a recipe.
        paths: see :func:`davsn.settings.validate`.

    Raises:
        ConfigError: no such part, or every mistake in its settings.
        ValueError: neither a name nor settings with one.
    """
    if isinstance(value, Part):
        return value
    if not isinstance(value, str | Mapping):
        raise ValueError(f"should be the name of a {kind.__name__}, or its name and settings, but got {value!r}")
    values = {"name": value} if isinstance(value, str) else dict(value)
    name = values.pop("name", None)
    if not isinstance(name, str):
        raise ValueError(f"needs a 'name': which {kind.__name__} it is")
    return Part(name=name, settings=validate(find(package, name, kind).Config, values, name, paths))


def part_of(package: str, kind: type[Any]) -> BeforeValidator:
    """Lets a field of settings, annotated with it and :class:`Part`, hold a part of one kind; see :func:`choose`."""

    def chosen(value: Any, info: ValidationInfo) -> Part:
        return choose(package, kind, value, paths=bool((info.context or {}).get("paths")))

    return BeforeValidator(chosen)
