"""The labelled sets that a network is scored on: a run's validation sets, or a labelled folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from davsn.core.console import say
from davsn.core.errors import ConfigError
from davsn.core.plugins import Choice, choose
from davsn.core.settings import Changes, override
from davsn.data.dataset import VideoDataset
from davsn.data.labels.class_lists import class_table_of
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.sets.folder import Folder
from davsn.experiment.experiment import Experiment, dump
from davsn.experiment.experiment import load as load_experiment
from davsn.experiment.trained import trained_size


def scored_sets(
    experiment: Experiment,
    data: Path | None,
    classes: Path | str | None,
    changes: Changes,
    trained_on: Callable[[], Taxonomy],
) -> Mapping[str, Choice]:
    """Choose the sets to score on, by name: the labelled folder, or the validation sets with overrides.

    Args:
        experiment: that of the network.
        data: the labelled folder; None: the validation sets of the experiment.
        classes: the folder's class table; None takes the one in the folder, else that of the network.
        changes: overrides of the folder's settings, or of those of the validation sets.
        trained_on: returns the class table of the network.

    Raises:
        ConfigError: there is no validation set, or an override is of something else.
    """
    if data is None:
        sets = _changed(experiment, changes).validation if changes else experiment.validation
        if not sets:
            raise ConfigError("davsn eval", ["this run has no validation set. Give labelled video with --data DIR"])
        return sets
    table: Path | str | dict[str, Any] | None = classes
    if classes is None and "classes" not in override({}, changes) and class_table_of(data) is None and data.is_dir():
        say(f"{data} has no class table; the label maps are read with that of the network")
        table = _table_of_source(experiment) or trained_on().as_table()
    settings = {
        "name": "folder",
        "root": str(data),
        "missing": "repeat",
        "size": trained_size(experiment),
        "classes": table,
    }
    return {data.name: choose(VideoDataset, override(settings, changes))}


def _table_of_source(experiment: Experiment) -> Path | dict[str, Any] | None:
    """The class table of the labelled folder that a network was trained on, which also says what values mean."""
    settings = experiment.source.settings
    if not isinstance(settings, Folder.Config):
        return None
    table = settings.classes or class_table_of(settings.root)
    return table if isinstance(table, dict) or (table is not None and table.is_file()) else None


def _changed(experiment: Experiment, changes: Changes) -> Experiment:
    other = [change for change in changes if not change.startswith(("validation.", "validation="))]
    if other:
        only = "a trained network takes only validation.NAME.key=value; with --data, settings of the labelled folder"
        raise ConfigError("the command line", [f"{change}  {only}" for change in other])
    return load_experiment(dump(experiment), changes, where="the command line", paths=False)
