"""The shapes of an experiment's frames: one size for a batch, and a drawn world in the shape of the target."""

from collections import Counter
from typing import Any

from davsn.core.console import say
from davsn.core.errors import FileError
from davsn.core.plugins import Choice
from davsn.data.dataset import DatasetSettings
from davsn.data.transforms import fitted
from davsn.experiment.building import build_dataset
from davsn.experiment.experiment import Experiment


def fitting_sizes(experiment: Experiment) -> dict[str, Any]:
    """Sizes that an experiment needs in place of its own, as overrides; see :func:`davsn.core.settings.override`.

    Frames of one batch have one size. Where a height alone would give the clips of a data set several shapes, the most
    frequent one is taken for all. A drawn source without a size is drawn at the size of the target.

    Raises:
        DataError: a data set cannot be used.
    """
    changes: dict[str, Any] = {}
    for key, part in (("source", experiment.source), ("target", experiment.target)):
        if part is None or (part.name == "streets" and key == "source"):
            continue
        sizes = _sizes(part)
        if len(sizes) > 1:
            size = _usual(sizes)
            shapes = ", ".join(f"{width}x{height}" for width, height in sizes)
            say(f"The {key}'s clips have several shapes ({shapes}); all are resized to {size[0]}x{size[1]}")
            changes[f"{key}.size"] = list(size)
        if key == "target" and _is_drawn_at_will(experiment.source) and sizes:
            changes["source.size"] = list(_usual(sizes))
    return changes


def _is_drawn_at_will(source: Choice) -> bool:
    assert isinstance(source.settings, DatasetSettings)
    return source.name == "streets" and source.settings.size is None


def _usual(sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    """The size that most clips have; the largest one of several."""
    return max(sizes, key=lambda size: (sizes[size], size))


def _sizes(part: Choice) -> Counter[tuple[int, int]]:
    """How many clips of a data set have each (width, height) after resizing, by their first frames."""
    dataset, found = build_dataset(part), Counter[tuple[int, int]]()
    size = dataset.config.size
    if isinstance(size, tuple):
        return Counter({size: len(dataset.clips)})
    for clip in range(len(dataset.clips)):
        try:
            height, width = dataset.read_frame(clip, 0).shape[:2]
        except FileError:  # training reports it, or skips it
            continue
        found[fitted((width, height), size)] += 1
    return found
