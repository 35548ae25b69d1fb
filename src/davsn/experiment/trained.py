"""Trained networks: opened from a checkpoint, a run folder or a weights file, for prediction and scoring."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from davsn.core.clip import LABELLED_PAIR
from davsn.core.errors import CheckpointError, ConfigError, DataError, DavsnError
from davsn.core.plugins import Choice
from davsn.core.settings import opened, read_yaml, validate
from davsn.data.dataset import DatasetSettings
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.loading import Samples
from davsn.data.transforms import Size
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
from davsn.networks.windows import Window
from davsn.training import checkpoint
from davsn.training.folder import RunFolder


@dataclass(frozen=True)
class Trained:
    """A trained network and what is needed to use it.

    Attributes:
        segmenter: the segmentation network, on the CPU, in evaluation mode.
        taxonomy: its class table.
        experiment: the settings that it was trained with.
        step: the number of steps that it was trained; None for a weights file, which does not tell.
        criteria: its values of the label-free criteria, if they were computed.
    """

    segmenter: VideoSegmenter
    taxonomy: Taxonomy
    experiment: Experiment
    step: int | None
    criteria: Mapping[str, float] = field(default_factory=dict)

    @property
    def size(self) -> Size | None:
        """The size of the target frames that it was trained on, or else of the source frames; None: any size."""
        return trained_size(self.experiment)

    @property
    def device(self) -> torch.device:
        """The device that it was trained on, or the best available if this machine has no such device."""
        try:
            return device_of(self.experiment.training.device)
        except ConfigError:
            return device_of("auto")

    def windowed(self, window: Window | None) -> "Trained":
        """Let the network see each frame in windows from now on; None: whole frames. Return this object."""
        self.segmenter.window = window
        return self


def trained_size(experiment: Experiment) -> Size | None:
    """The size of the target frames of an experiment, or else of the source frames; None: any size."""
    part = experiment.target or experiment.source
    assert isinstance(part.settings, DatasetSettings)
    return part.settings.size


def open_trained(path: Path, own_code: bool = False, recipe: Experiment | None = None) -> Trained:
    """Open the network of a checkpoint, of the newest checkpoint in a run folder, or of a weights file.

    Args:
        path: the checkpoint, the folder, or the weights file (.pth or .safetensors).
        own_code: whether to run Python files that the checkpoint's settings name, as plug-ins of your own.
        recipe: only for a weights file: names its network, classes and video settings.

    Raises:
        CheckpointError: there is no checkpoint; it cannot be read; it names Python files without ``own_code``; or a
            weights file comes without a recipe.
        ConfigError: a recipe was given for a checkpoint, which holds its own settings.
        DataError: the data sets of a weights file's recipe do not tell the classes.
    """
    if holds_weights_alone(path):
        return _open_weights(path, recipe)
    if recipe is not None:
        raise ConfigError("--recipe", [f"{path} holds the settings that it was trained with. Leave --recipe out"])
    path = checkpoint_at(path)
    state = checkpoint.load(path)
    experiment = _without_data(state["settings"], path, own_code)
    taxonomy = Taxonomy.from_data(state["taxonomy"])
    segmenter = build_segmenter(experiment, len(taxonomy), state)
    return Trained(segmenter.eval(), taxonomy, experiment, state["step"], state.get("criteria", {}))


def settings_of(folder: Path, own_code: bool = False) -> Experiment:
    """Read the settings of the run in a folder, finished or not. The data need not exist.

    Raises:
        ConfigError: the folder holds no run.
        CheckpointError: the settings name Python files without ``own_code``; see :func:`open_trained`.
    """
    file = RunFolder(folder).settings
    if not file.is_file():
        raise ConfigError(
            str(folder), [f"holds no run ({file.name} is missing). Name the folder of a run that has begun"]
        )
    return _without_data(read_yaml(file), file, own_code)


def _without_data(settings: Mapping[str, Any], path: Path, own_code: bool) -> Experiment:
    """Load the experiment of a checkpoint or run folder, as far as its network needs it; the data may be missing."""
    settings = dict(settings)
    if str(opened(settings.get("method")).get("name")).endswith(".py"):
        settings["method"] = "source_only"  # prediction needs no method
    # Options may follow a name, as in 'flow: ./mine.py, cached'.
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
            f"{path} is a weights file, which does not name its network, classes and video settings. "
            "Name a recipe that does: --recipe RECIPE (docs/weights.md)"
        )
    taxonomy = _classes_of(recipe)
    return Trained(build_segmenter(recipe, len(taxonomy), path).eval(), taxonomy, recipe, step=None)


def _classes_of(experiment: Experiment) -> Taxonomy:
    """Find the class table of the first data set of an experiment that tells one, by its settings or its files."""
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
                reasons.append(f"{key}: has no labels")
    raise DataError(
        "the classes come from the recipe's data sets, but none of them tells its classes:\n  " + "\n  ".join(reasons)
    )


def scored_frames(trained: Trained, part: Choice, *, labelled_only: bool = False, neighbours: bool = False) -> Samples:
    """Return the samples of a labelled data set for scoring.

    Args:
        trained: the network to be scored.
        part: the data set; its classes must be those of the network.
        labelled_only: leave out frames without a label, which count only for metrics in time.
        neighbours: whether metrics in time are wanted. Then every frame of a clip is a sample, and a single-frame
            network gets the previous frame too. It does not look at that frame; metrics find the neighbour by it.

    Raises:
        DataError: the data set has no labels, or its classes differ from those of the network.
    """
    spec = asked(trained.experiment, LABELLED_PAIR)
    if neighbours:
        changes: dict[str, object] = {"every_frame": True} if "every_frame" in type(part.settings).model_fields else {}
        if -1 not in spec.frames:  # no frame may be left out that is scored without metrics in time
            spec, changes = replace(spec, frames=(0, -1)), {**changes, "missing": "repeat"}
        part = part.model_copy(update={"settings": part.settings.model_copy(update=changes)})
    dataset = build_labelled(part, trained.taxonomy)
    return Samples(dataset, spec, every_frame=not labelled_only)


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Flatten nested settings to dotted keys and values."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
