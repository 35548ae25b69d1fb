"""The parts of an experiment, built from its settings: data sets, the network, the method, the device."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from davsn.core.errors import CheckpointError, ConfigError, DataError
from davsn.core.plugins import Choice, find
from davsn.data.dataset import VideoDataset
from davsn.data.taxonomy import Taxonomy
from davsn.experiment.experiment import Experiment
from davsn.learning.method import Method, build_method
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import holds_weights_alone, load_weights
from davsn.training import checkpoint
from davsn.training.folder import RunFolder
from davsn.training.loop import segmenter_of


def build_dataset(part: Choice) -> VideoDataset:
    """The data set that this part of an experiment names.

    Raises:
        DataError: nothing usable where its settings point.
    """
    return find(VideoDataset, part.name)(part.settings)  # type: ignore[arg-type]  # choice_of made them of its Config


def known_classes(part: Choice) -> Taxonomy | None:
    """The class table that a data set's settings tell without its files; None where they do not."""
    return find(VideoDataset, part.name).classes_of(part.settings)  # type: ignore[arg-type]  # as above


def build_labelled(part: Choice, taxonomy: Taxonomy) -> VideoDataset:
    """A data set to score a network on.

    Raises:
        DataError: no labels there, or other classes than the network's.
    """
    dataset = build_dataset(part)
    if dataset.taxonomy is None:
        raise DataError(f"{part.name} has no labels here, so nothing can be scored; see docs/data.md")
    if dataset.taxonomy.names != taxonomy.names:
        raise DataError(
            f"{part.name} has the classes {', '.join(dataset.taxonomy.names)}, but the network is trained on "
            f"{', '.join(taxonomy.names)}. Give the class table that it is trained with"
        )
    return dataset


def build_segmenter(
    experiment: Experiment, num_classes: int, start: Path | Mapping[str, Any] | None = None
) -> VideoSegmenter:
    """The video network.

    Args:
        experiment: says which.
        num_classes: ``C``.
        start: a file that it takes its weights from, or a checkpoint's content; None takes ``experiment.start``, or
            where there is none the initial weights.

    Raises:
        CheckpointError: a file that cannot be read, or that is of another network or number of classes.
    """
    start = experiment.start if start is None else start
    part, settings = find(ImageNetwork, experiment.network.name), experiment.network.settings
    if start is not None and "weights" in type(settings).model_fields:
        settings = settings.model_copy(update={"weights": None})  # they would be replaced at once
    segmenter = VideoSegmenter(
        part(settings, num_classes),
        experiment.video.propagation,
        experiment.video.flow_scale,
        experiment.training.statistics,
    )
    if isinstance(start, Path) and holds_weights_alone(start):
        load_weights(segmenter, start)
    elif isinstance(start, Path):
        segmenter_of(checkpoint.load(checkpoint_at(start)), segmenter, str(start))
    elif start is not None:
        segmenter_of(start, segmenter)
    return segmenter


def build_adaptation(experiment: Experiment, num_classes: int) -> Method:
    """The experiment's method around its video network; see :func:`build_segmenter`."""
    return build_method(experiment.method, build_segmenter(experiment, num_classes))


def checkpoint_at(path: Path) -> Path:
    """The checkpoint that a path means: the newest of a run's folder, or the file itself.

    Raises:
        CheckpointError: a folder without a checkpoint.
    """
    if not path.is_dir():
        return path
    newest = RunFolder(path).newest
    if newest is None:
        raise CheckpointError(f"{path} holds no checkpoint yet. Give a checkpoint file, or a run that has saved one")
    return newest


def device_of(name: str) -> torch.device:
    """The device that a setting means; 'auto' takes CUDA, then Apple's, then the CPU.

    Raises:
        ConfigError: no such device on this machine.
    """
    if name != "auto":
        try:
            device = torch.device(name)
            torch.ones(1, device=device).tolist()
        except (RuntimeError, AssertionError):  # PyTorch's ways to say that it has no such device
            raise ConfigError(
                "this machine", [f"training.device  it has no '{name}'. Take cpu, or auto for the best there is"]
            ) from None
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
