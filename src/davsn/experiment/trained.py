"""A trained network: opened again from a checkpoint, a run's folder or weights alone, to predict and to be scored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from davsn.core.clip import LABELLED_PAIR
from davsn.core.errors import CheckpointError, ConfigError, DataError, DavsnError
from davsn.core.plugins import Choice
from davsn.core.settings import opened, read_yaml, validate
from davsn.data.dataset import DatasetSettings
from davsn.data.loading import Samples
from davsn.data.taxonomy import Taxonomy
from davsn.experiment.building import (
    build_dataset,
    build_labelled,
    build_segmenter,
    checkpoint_at,
    device_of,
    known_classes,
)
from davsn.experiment.experiment import Experiment, asked
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import holds_weights_alone
from davsn.training import checkpoint
from davsn.training.folder import RunFolder


@dataclass(frozen=True)
class Trained:
    """A trained network with what is needed to use it.

    Attributes:
        segmenter: on the CPU, in evaluation mode.
        taxonomy: its classes.
        experiment: the settings it was trained with.
        step: how many steps it was trained; None where a file of weights alone does not tell.
        criteria: what the label-free criteria said of it, if they were asked.
    """

    segmenter: VideoSegmenter
    taxonomy: Taxonomy
    experiment: Experiment
    step: int | None
    criteria: Mapping[str, float] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of the target frames it was trained on, or of the source's; None for any."""
        return trained_size(self.experiment)

    @property
    def device(self) -> torch.device:
        """The device it was trained on, or the best there is where this machine has none of the kind."""
        try:
            return device_of(self.experiment.training.device)
        except ConfigError:
            return device_of("auto")


def trained_size(experiment: Experiment) -> tuple[int, int] | None:
    """(width, height) of the target frames of an experiment, or of the source's; None for any."""
    part = experiment.target or experiment.source
    assert isinstance(part.settings, DatasetSettings)
    return part.settings.size


def open_trained(path: Path, own_code: bool = False, recipe: Experiment | None = None) -> Trained:
    """The network of a checkpoint, of the newest checkpoint in a run's folder, or of a file of weights alone.

    Args:
        path: the checkpoint, the folder, or the file (.pth or .safetensors).
        own_code: whether Python files that the checkpoint's settings name may be run, as parts of your own.
        recipe: says which network, classes and video settings weights alone belong to; only for them.

    Raises:
        CheckpointError: no checkpoint there, one that cannot be read, one that names code without leave, or weights
            alone without a recipe.
        ConfigError: a recipe for a checkpoint, which holds its own settings.
        DataError: weights alone with a recipe whose data sets do not tell the classes.
    """
    if holds_weights_alone(path):
        return _open_weights(path, recipe)
    if recipe is not None:
        raise ConfigError("--recipe", [f"{path} holds the settings it was trained with. Leave --recipe away"])
    path = checkpoint_at(path)
    state = checkpoint.load(path)
    experiment = _without_data(state["settings"], path, own_code)
    taxonomy = Taxonomy.from_data(state["taxonomy"])
    segmenter = build_segmenter(experiment, len(taxonomy), state)
    return Trained(segmenter.eval(), taxonomy, experiment, state["step"], state.get("criteria", {}))


def settings_of(folder: Path, own_code: bool = False) -> Experiment:
    """The settings of the run in a folder, be it under way or done; the data need not be there.

    Raises:
        ConfigError: no run there.
        CheckpointError: settings that name code without leave; see :func:`open_trained`.
    """
    file = RunFolder(folder).settings
    if not file.is_file():
        raise ConfigError(
            str(folder), [f"holds no run ({file.name} is not there). Give the folder of one that has begun"]
        )
    return _without_data(read_yaml(file), file, own_code)


def _without_data(settings: Mapping[str, Any], path: Path, own_code: bool) -> Experiment:
    """The experiment that a file of ours names, as far as using its network needs it; its data may be elsewhere."""
    settings = dict(settings)
    if str(opened(settings.get("method")).get("name")).endswith(".py"):
        settings["method"] = "source_only"  # predicting needs no method
    # Words may follow a name, as in 'flow: ./mine.py, cached'.
    code = [value for _, value in flat(settings) for word in str(value).split(",") if word.strip().endswith(".py")]
    if code and not own_code:
        raise CheckpointError(
            f"{path} needs code that is no part of davsn: {', '.join(code)}. If these files are yours, allow them with "
            "--own-code"
        )
    return validate(Experiment, settings, str(path), paths=False)


def _open_weights(path: Path, recipe: Experiment | None) -> Trained:
    if recipe is None:
        raise CheckpointError(
            f"{path} holds weights alone: which network, classes and video settings they belong to is not in it. "
            "Name a recipe that says so: --recipe RECIPE (docs/weights.md)"
        )
    taxonomy = _classes_of(recipe)
    return Trained(build_segmenter(recipe, len(taxonomy), path).eval(), taxonomy, recipe, step=None)


def _classes_of(experiment: Experiment) -> Taxonomy:
    """The class table of the first data set of an experiment whose settings tell it, or that is there and has one."""
    sets = {"source": experiment.source, "target": experiment.target}
    sets |= {f"validation.{name}": part for name, part in experiment.validation.items()}
    reasons = []
    for key, part in sets.items():
        if part is not None:
            try:
                taxonomy = known_classes(part) or build_dataset(part).taxonomy
            except DavsnError as error:
                reasons.append(f"{key}: {error}")
            else:
                if taxonomy is not None:
                    return taxonomy
                reasons.append(f"{key}: has no labels here")
    raise DataError(
        "the classes are those of one of the recipe's data sets, and none tells them:\n  " + "\n  ".join(reasons)
    )


def scored_frames(trained: Trained, part: Choice, *, labelled_only: bool = False) -> Samples:
    """The frames of a labelled data set, as an evaluation wants them.

    Args:
        trained: the network to be scored.
        part: the data set; its classes must be the network's.
        labelled_only: leave out frames without a label, which count in the temporal consistency alone.

    Raises:
        DataError: no labels there, or other classes than the network's.
    """
    dataset = build_labelled(part, trained.taxonomy)
    spec = asked(trained.experiment, LABELLED_PAIR)
    return Samples(dataset, spec, every_frame=not labelled_only)


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as dotted keys and values."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
