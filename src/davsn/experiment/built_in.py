"""The built-in recipes, as files. This module imports no PyTorch, so they are listed at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from davsn.core.errors import ConfigError, did_you_mean
from davsn.core.settings import read_yaml


def recipe_names() -> Sequence[str]:
    """List the names of the built-in recipes, in alphabetical order."""
    names = (file.name for file in files("davsn.recipes").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


@contextmanager
def recipe_file(name: str) -> Iterator[Path]:
    """Open the file of a built-in recipe.

    Raises:
        ConfigError: there is no recipe of that name.
    """
    names = recipe_names()
    if name not in names:
        known = f"(there are: {', '.join(names)}; or a .yaml)"
        raise ConfigError(f"'{name}'", [f"no recipe of that name.{did_you_mean(name, names)} {known}"])
    with as_file(files("davsn.recipes").joinpath(f"{name}.yaml")) as path:
        yield path


def recipe_values(name: str) -> dict[str, Any]:
    """Read the content of a built-in recipe; see :func:`recipe_file`."""
    with recipe_file(name) as path:
        return read_yaml(path)
