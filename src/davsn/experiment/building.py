"""Builds the parts of an experiment from its settings: data sets, network, method and device."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch

from davsn.core import ranks
from davsn.core.errors import CheckpointError, ConfigError, DataError, FileError
from davsn.core.plugins import Choice, find
from davsn.data.dataset import DatasetSettings, VideoDataset
from davsn.data.frame_pool import FramePool
from davsn.data.labels.taxonomy import Taxonomy
from davsn.experiment.experiment import Experiment
from davsn.learning.method import Method, build_method
from davsn.networks.image_network import ImageNetwork, without_weights
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import holds_weights_alone, load_weights
from davsn.training import checkpoint
from davsn.training.folder import RunFolder
from davsn.training.loop import segmenter_of

Value = TypeVar("Value")


@contextmanager
def within(key: str, part: Choice | None) -> Iterator[None]:
    """Give the errors of a block full keys, such as ``target.size``, where they name settings of a part.

    Args:
        key: the part's key in the recipe.
        part: the data set; None changes nothing.
    """
    try:
        yield
    except FileError as error:
        raise (error if part is None else error.within(key, type(part.settings).model_fields)) from error.__cause__


def each_within(key: str, part: Choice | None, values: Iterator[Value]) -> Iterator[Value]:
    """Iterate as before, with the errors of :func:`within`."""
    with within(key, part):
        yield from values


def build_dataset(part: Choice) -> VideoDataset:
    """Build the data set that a part of an experiment names.

    Raises:
        DataError: the settings lead to no usable data.
    """
    return find(VideoDataset, part.name)(part.settings)  # type: ignore[arg-type]  # choice_of made them of its Config


def build_source(part: Choice) -> VideoDataset:
    """Build the data set to learn from.

    Raises:
        DataError: the data set cannot be used, or has no labels.
    """
    with within("source", part):
        dataset = build_dataset(part)
    if dataset.taxonomy is None:
        raise DataError(
            f"the source {part.name} has no labels to learn from",
            str(getattr(part.settings, "root", "")),
            "Label maps are expected in labels/CLIP/NAME.png, with a class table (docs/data.md). Without labels of "
            "your own, learn from the drawn world: davsn adapt without --source",
        )
    return dataset


def build_style_frames(experiment: Experiment) -> FramePool | None:
    """Build the pool of target frames whose style the source takes; None if it takes none.

    Raises:
        DataError: the target's settings lead to no usable data.
    """
    source, target = experiment.source.settings, experiment.target
    assert isinstance(source, DatasetSettings)
    return None if source.style is None or target is None else FramePool(build_dataset(target))


def known_classes(part: Choice) -> Taxonomy | None:
    """Find the class table of a data set from its settings, without its files; None if they do not tell it."""
    return find(VideoDataset, part.name).classes_of(part.settings)  # type: ignore[arg-type]  # as above


def build_labelled(part: Choice, taxonomy: Taxonomy) -> VideoDataset:
    """Build a data set to score a network on.

    Raises:
        DataError: the data set has no labels, or its classes differ from those of the network.
    """
    dataset = build_dataset(part)
    if dataset.taxonomy is None:
        raise DataError(f"{part.name} has no labels, so nothing can be scored; see docs/data.md")
    if dataset.taxonomy.names != taxonomy.names:
        raise DataError(
            f"{part.name} has the classes {', '.join(dataset.taxonomy.names)}, but the network is trained on "
            f"{', '.join(taxonomy.names)}. Name the class table that it is trained with"
        )
    return dataset


def build_segmenter(
    experiment: Experiment, num_classes: int, start: Path | Mapping[str, Any] | None = None
) -> VideoSegmenter:
    """Build the segmentation network of an experiment.

    Args:
        experiment: names the network.
        num_classes: ``C``.
        start: a file to load the weights from, or the content of a checkpoint; None: ``experiment.start``, or without
            that the initial weights.

    Raises:
        CheckpointError: the file cannot be read, or it belongs to another network or number of classes.
    """
    start = experiment.start if start is None else start
    # The start would replace initial weights at once.
    network = experiment.network if start is None else without_weights(experiment.network)
    segmenter = VideoSegmenter(
        find(ImageNetwork, network.name)(network.settings, num_classes),
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
    """Build the method of an experiment around its segmentation network; see :func:`build_segmenter`."""
    return build_method(experiment.method, build_segmenter(experiment, num_classes))


def checkpoint_at(path: Path) -> Path:
    """Find the checkpoint that a path names: the newest one in a run folder, or the file itself.

    Raises:
        CheckpointError: the folder holds no checkpoint.
    """
    if not path.is_dir():
        return path
    newest = RunFolder(path).newest
    if newest is None:
        raise CheckpointError(f"{path} holds no checkpoint yet. Give a checkpoint file, or a run that has saved one")
    return newest


def device_of(name: str) -> torch.device:
    """Find the device that a setting names; 'auto' takes CUDA, then Apple's GPU, then the CPU.

    Where several ranks share a machine, each takes a CUDA device of its own; without CUDA, they share the CPU.

    Raises:
        ConfigError: this machine has no such device.
    """
    if ranks.several() and name in ("auto", "cuda"):
        name = f"cuda:{ranks.place()}" if torch.cuda.is_available() else name.replace("auto", "cpu")
    if name != "auto":
        try:
            device = torch.device(name)
            torch.ones(1, device=device).tolist()
        except (RuntimeError, AssertionError):  # PyTorch raises either of them for a device that is not there
            raise ConfigError(
                "this machine", [f"training.device  it has no '{name}'. Use cpu, or auto for the best available"]
            ) from None
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
