"""Parts found by the name of their file: ``methods/da_vsn.py`` is the method ``da_vsn``.

There is no register to keep: listing a folder lists its parts, and a user's own file (``./mine.py``) is
found by its path. A part's file defines one class of the wanted kind.
"""

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from davsn.errors import ConfigError

Part = TypeVar("Part")


def available(package: str, kind: type[Part]) -> dict[str, type[Part]]:
    """All parts of one kind in a package, by the names their files have.

    Args:
        package: dotted name, such as ``"davsn.methods"``.
        kind: the abstract class the parts derive from.

    Returns:
        ``{file name: class}`` in alphabetical order. Files that define no such class are not parts.
    """
    folder = importlib.import_module(package)
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    found = {name: _defined(importlib.import_module(f"{package}.{name}"), kind) for name in names}
    return {name: part for name, part in found.items() if part is not None}


def find(package: str, name: str, kind: type[Part]) -> type[Part]:
    """The part called ``name``: a file of the package, or a path to a user's own ``.py`` file.

    Raises:
        ConfigError: no such part (the nearest names are given), no such file, or a file without one.
    """
    if name.endswith(".py"):
        return _from_file(Path(name), kind)
    if any(module.name == name for module in pkgutil.iter_modules(importlib.import_module(package).__path__)):
        part = _defined(importlib.import_module(f"{package}.{name}"), kind)  # the others may be slow to import
        if part is not None:
            return part
    parts = available(package, kind)
    near = difflib.get_close_matches(name, parts, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise ConfigError(
        f"'{name}'",
        [f"there is no {kind.__name__} '{name}'.{hint} (there are: {', '.join(parts)}; or a path to your own .py)"],
    )


def name_of(part: type[object]) -> str:
    """The name a recipe gives a part: its module's last name."""
    return part.__module__.rpartition(".")[2]


def _from_file(path: Path, kind: type[Part]) -> type[Part]:
    if not path.is_file():
        raise ConfigError(
            str(path), [f"there is no file {path}. Give the path of a .py that defines a {kind.__name__}"]
        )
    part = _defined(_imported(path.resolve()), kind)
    if part is None:
        raise ConfigError(
            str(path), [f"{path} defines no {kind.__name__}. Derive one class from davsn's {kind.__name__}"]
        )
    return part


def _imported(path: Path) -> ModuleType:
    """The module of a file, imported by its name as any other, so that loader processes can import it as well."""
    if path.parent.as_posix() not in sys.path:
        sys.path.append(path.parent.as_posix())  # last, so that it hides nothing
    try:
        module = importlib.import_module(path.stem)
    except Exception as error:  # the user's own code can fail in any way
        line = next(
            (frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)), None
        )
        place = "" if line is None else f" in line {line}"
        raise ConfigError(str(path), [f"{path} cannot be imported: {type(error).__name__}{place}: {error}"]) from error
    if module.__file__ != str(path):
        raise ConfigError(str(path), [f"{path} has the name of another module ({module.__file__}). Rename it"])
    return module


def _defined(module: ModuleType, kind: type[Part]) -> type[Part] | None:
    """The public class of this kind that the module itself defines; a module with several has the last."""
    chosen: type[Part] | None = None
    for name, value in vars(module).items():
        own = inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_")
        if own and issubclass(value, kind) and not inspect.isabstract(value):
            chosen = value
    return chosen
