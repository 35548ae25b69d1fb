"""Recipes: built-in ones by name, and YAML files, of davsn or of the public code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from davsn.core.console import say
from davsn.core.settings import Changes, read_yaml
from davsn.experiment.built_in import recipe_values as recipe_values
from davsn.experiment.experiment import Experiment, load
from davsn.reference.configs import is_reference, translate
from davsn.training.folder import RunFolder

Recipe = str | Path | Mapping[str, Any]
"""The name of a built-in recipe, a YAML file, the content of one, or a run folder."""


def read_recipe(recipe: Recipe, changes: Changes = (), paths: bool = True) -> Experiment:
    """Load an experiment from a recipe. A YAML file of the public code is translated, and each key's result is printed.

    Args:
        recipe: see :data:`Recipe`.
        changes: see :func:`davsn.core.settings.override`.
        paths: see :func:`davsn.core.settings.validate`.

    Raises:
        ConfigError: there is no such recipe, or it has mistakes.
    """
    if isinstance(recipe, Mapping):
        return load(recipe, changes, paths=paths)
    name = str(recipe if (run := _run_at(recipe)) is None else run.settings)
    if name.endswith((".yaml", ".yml")):
        values = read_yaml(Path(name))
        if is_reference(values):
            values, lines = translate(values, name)
            say("\n".join([f"{name} is a file of the public code:", *lines]))
        return load(values, changes, where=name, paths=paths)
    return load(recipe_values(name), changes, where=f"recipe {name}", paths=paths)


def folder_for(recipe: Recipe, experiment: Experiment, out: Path | str | None = None) -> Path:
    """Say in which folder a recipe is trained: ``out``, else the run folder that was given, else one by its name."""
    run = _run_at(recipe)
    return Path(out or (run.path if run is not None else Path("runs") / experiment.name))


def _run_at(recipe: Recipe) -> RunFolder | None:
    """Find the run folder that a recipe is; None for any other recipe."""
    run = None if isinstance(recipe, Mapping) else RunFolder(Path(recipe))
    return run if run is not None and run.settings.is_file() else None
