"""Plug-ins: classes that are found by the name of their file. ``methods/da_vsn.py`` is the method ``da_vsn``.

There is no registry. The files of a folder are its plug-ins. A user's own file (``./mine.py``) is found by its path.
Every kind of plug-in has a base class, which names the folder; see :class:`Plugin`.
"""

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from pydantic import GetCoreSchemaHandler, SerializeAsAny, ValidationInfo, model_serializer
from pydantic_core.core_schema import CoreSchema, with_info_before_validator_function

from davsn.core.errors import ConfigError, did_you_mean
from davsn.core.settings import Settings, opened, validate


class Plugin:
    """The base class of every kind of plug-in.

    A kind names the package of its plug-ins: ``class Method(Plugin, package="davsn.methods")``. Each file of that
    package defines one class of the kind. A recipe calls it by the file's name.
    """

    Config: ClassVar[type[Settings]]
    """The settings class of the plug-in."""
    package: ClassVar[str]
    """The package that holds the plug-ins of this kind."""

    def __init_subclass__(cls, package: str | None = None, **others: Any) -> None:
        super().__init_subclass__(**others)
        if package is not None:
            cls.package = package


Kind = TypeVar("Kind", bound=Plugin)


def available(kind: type[Kind]) -> dict[str, type[Kind]]:
    """All plug-ins of one kind, by the names of their files.

    Args:
        kind: the base class of the kind, such as ``Method``.

    Returns:
        ``{file name: class}`` in alphabetical order.
    """
    found = {name: _defined(importlib.import_module(f"{kind.package}.{name}"), kind) for name in _names(kind)}
    return {name: plugin for name, plugin in found.items() if plugin is not None}


@dataclass(frozen=True)
class Description:
    """What a plug-in says of itself in its file.

    Attributes:
        about: the first line of its docstring.
        texts: the attributes of its class that are plain texts, such as a method's ``paper``.
    """

    about: str
    texts: Mapping[str, str]


def described(package: str) -> dict[str, Description]:
    """Describe all plug-ins of a package by the text of their files. Nothing is imported, so this takes no time.

    Args:
        package: such as ``"davsn.methods"``. The last public class of a file is its plug-in.

    Returns:
        ``{file name: description}`` in alphabetical order.
    """
    found = {}
    for name in _names_in(package):
        spec = importlib.util.find_spec(f"{package}.{name}")
        assert spec is not None
        assert spec.origin is not None
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        public = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        if public:
            found[name] = _description(public[-1])
    return found


def _description(plugin: ast.ClassDef) -> Description:
    texts = {
        target.id: line.value.value
        for line in plugin.body
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)
        for target in line.targets
        if isinstance(target, ast.Name)
    }
    return Description((ast.get_docstring(plugin) or "\n").splitlines()[0], texts)


def find(kind: type[Kind], name: str) -> type[Kind]:
    """The plug-in called ``name``: a file of the kind's package, or the path of a user's own ``.py`` file.

    Raises:
        ConfigError: no such plug-in (the message gives the nearest names), no such file, or a file without a plug-in.
    """
    if name.endswith(".py"):
        return _from_file(Path(name), kind)
    if name in _names(kind):
        plugin = _defined(importlib.import_module(f"{kind.package}.{name}"), kind)  # other files may import slowly
        if plugin is not None:
            return plugin
    known = available(kind)
    raise ConfigError(
        f"'{name}'",
        [
            f"there is no {kind.__name__} '{name}'.{did_you_mean(name, known)} "
            f"(there are: {', '.join(known)}; or the path of your own .py file)"
        ],
    )


def name_of(plugin: type[object]) -> str:
    """The name of a plug-in in a recipe: the last part of its module's name."""
    return plugin.__module__.rpartition(".")[2]


class Choice(Settings):
    """A plug-in chosen in a recipe: its name and its own settings, as in ``method: {name: tps, interval: 2}``."""

    name: str
    settings: SerializeAsAny[Settings]

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"name": self.name, **self.settings.model_dump(mode="json")}


def choose(kind: type[Plugin], value: Any, paths: bool = True) -> Choice:
    """The chosen plug-in with its settings, from ``{name: …, its own keys}`` or from the name alone.

    Args:
        kind: the base class of the kind.
        value: the value in the recipe.
        paths: see :func:`davsn.core.settings.validate`.

    Raises:
        ConfigError: no such plug-in, or every mistake in its settings.
        ValueError: neither a name, nor settings with a name.
    """
    if isinstance(value, Choice):
        return value
    if not isinstance(value, str | Mapping):
        raise ValueError(f"should be the name of a {kind.__name__}, or a name with settings, but got {value!r}")
    values = opened(value)
    name = values.pop("name", None)
    if not isinstance(name, str):
        raise ValueError(f"needs a 'name' that says which {kind.__name__} to use")
    return Choice(name=name, settings=validate(find(kind, name).Config, values, name, paths))


@dataclass(frozen=True)
class choice_of:
    """A validator for a settings field of type :class:`Choice`, so that the field holds a plug-in of one kind.

    Attributes:
        kind: the base class of the kind.
    """

    kind: type[Plugin]

    def settings_of(self, value: Any) -> type[Settings] | None:
        """The settings class of the plug-in that a value in a recipe names; None if there is no such plug-in."""
        try:
            return find(self.kind, str(value.name if isinstance(value, Choice) else opened(value).get("name"))).Config
        except ConfigError:
            return None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return with_info_before_validator_function(self._chosen, handler(source))

    def _chosen(self, value: Any, info: ValidationInfo) -> Choice:
        return choose(self.kind, value, paths=bool((info.context or {}).get("paths")))


def _names(kind: type[Plugin]) -> list[str]:
    return _names_in(kind.package)


def _names_in(package: str) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__))


def _from_file(path: Path, kind: type[Kind]) -> type[Kind]:
    if not path.is_file():
        raise ConfigError(
            str(path), [f"there is no file {path}. Give the path of a .py file that defines a {kind.__name__}"]
        )
    plugin = _defined(_imported(path.resolve()), kind)
    if plugin is None:
        raise ConfigError(
            str(path), [f"{path} defines no {kind.__name__}. Define one class that inherits davsn's {kind.__name__}"]
        )
    return plugin


def _imported(path: Path) -> ModuleType:
    """The module of a file, imported by its name like any other module, so that loader processes can import it too."""
    if path.parent.as_posix() not in sys.path:
        sys.path.append(path.parent.as_posix())  # at the end, so that it hides no other module
    try:
        module = importlib.import_module(path.stem)
    except Exception as error:  # the user's own code can fail in any way
        line = next(
            (frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)), None
        )
        place = "" if line is None else f" in line {line}"
        raise ConfigError(str(path), [f"{path} cannot be imported: {type(error).__name__}{place}: {error}"]) from error
    if module.__file__ != str(path):
        raise ConfigError(str(path), [f"{path} has the name of another module ({module.__file__}). Rename your file"])
    return module


def _defined(module: ModuleType, kind: type[Kind]) -> type[Kind] | None:
    """The public class of this kind that the module itself defines; the last one if there are several."""
    chosen: type[Kind] | None = None
    for name, value in vars(module).items():
        own = inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_")
        if own and issubclass(value, kind) and not inspect.isabstract(value):
            chosen = value
    return chosen
