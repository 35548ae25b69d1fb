"""Rare-class sampling: frames are drawn by the classes they hold, rare classes more often (DAFormer, CVPR 2022).

Drawn at even odds, a class that covers a thousandth of the pixels is learned from late and forgotten between. Here a
class is drawn first, with P(c) ∝ exp((1 − f_c) / T), f_c being its share of all labelled pixels, and then a frame that
holds enough of it.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.core.settings import Settings
from davsn.data.samples import Samples

ENOUGH = 0.0015
"""The share of a frame that is enough of a class: DAFormer's 3000 pixels of a frame of GTA5."""

Counts = NDArray[np.int64]
"""(samples, classes + 1): the pixels of each class in each sample's label, and last those without a class."""


_LARGEST = 1 << 28
"""Bytes of a file of counts that is read: enough for a million frames."""


class RareClasses(Settings):
    """How source frames are drawn by their classes; the defaults are those of DAFormer."""

    temperature: float = Field(0.01, gt=0)
    """T: the lower, the more often rare classes are drawn; at 1 all classes are nearly alike."""
    min_pixels: int | None = Field(None, ge=1)
    """Pixels of a class, in the label at its own size, that make a frame one of the class's; null: 0.15 % of it."""


class ClassDraw:
    """Draws samples by their classes.

    Args:
        counts: see :data:`Counts`.
        settings: see :class:`RareClasses`.

    Raises:
        DataError: no sample holds enough pixels of any class.

    Attributes:
        odds: (classes,) how likely each class is drawn; 0 of one that no sample holds enough of.
    """

    def __init__(self, counts: Counts, settings: RareClasses) -> None:
        pixels = counts.sum(1, keepdims=True)
        held, least = counts[:, :-1], ENOUGH * pixels if settings.min_pixels is None else settings.min_pixels
        enough = (held >= least) & (held > 0)
        if not enough.any():
            raise DataError("no label of the source holds enough of any class. Lower training.rare_classes.min_pixels")
        self._samples = [np.flatnonzero(column) for column in enough.T]
        share = held.sum(0) / held.sum()
        weight = np.exp((share.min() - share) / settings.temperature) * enough.any(
            0
        )  # the rarest has 1, none overflows
        self.odds: NDArray[np.float64] = weight / weight.sum()

    def __call__(self, generator: np.random.Generator) -> int:
        """The index of a sample."""
        return int(generator.choice(self._samples[generator.choice(len(self.odds), p=self.odds)]))


def class_draw(
    samples: Samples, settings: RareClasses | None, file: Path, report: Callable[[int], None] = lambda done: None
) -> ClassDraw | None:
    """What draws a run's source samples by their classes; None where its settings do not ask for it.

    Args:
        samples: of the source, with labels.
        settings: see :class:`RareClasses`.
        file: where the counts are kept (.json), so that a run that is resumed does not count again.
        report: is told how many labels are counted.

    Raises:
        DataError: a label that cannot be read, or none that holds enough of any class.
    """
    return None if settings is None else ClassDraw(counted(samples, file, report), settings)


def counted(samples: Samples, file: Path, report: Callable[[int], None] = lambda done: None) -> Counts:
    """How many pixels of each class every sample's label holds, remembered in a file.

    Args:
        samples: with labels.
        file: where they are remembered (.json). One that is damaged, or of other samples, is made anew.
        report: is told how many labels are counted.

    Raises:
        DataError: a label that cannot be read, unless ``bad_files`` is 'skip': it then holds no class.
    """
    taxonomy, clips = samples.dataset.taxonomy, samples.dataset.clips
    assert taxonomy is not None, "samples without labels"
    names = [f"{clips[clip].name}/{clips[clip].frames[position]}" for clip, position in samples.places]
    found = _remembered(file, names, len(taxonomy) + 1)
    if found is None:
        found = np.zeros((len(names), len(taxonomy) + 1), np.int64)
        for index, place in enumerate(samples.places):
            found[index] = _of_label(samples, place, len(taxonomy))
            report(index + 1)
        with replacing(file) as temporary:
            temporary.write_text(json.dumps({"samples": names, "counts": found.tolist()}), encoding="utf-8")
    return found


def _of_label(samples: Samples, place: tuple[int, int], classes: int) -> NDArray[np.int64]:
    try:
        label = samples.dataset.read_label(*place)
    except DataError:
        if samples.dataset.config.bad_files == "error":
            raise
        return np.zeros(classes + 1, np.int64)
    return np.bincount(np.minimum(label, classes).ravel(), minlength=classes + 1)


def _remembered(file: Path, names: list[str], width: int) -> Counts | None:
    """What a file holds; None where there is none, or one that is damaged or of other samples."""
    try:
        content = json.loads(file.read_bytes()) if file.stat().st_size < _LARGEST else {}
        same = content["samples"] == names
        counts = np.array(content["counts"], np.int64)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return counts if same and counts.shape == (len(names), width) and (counts >= 0).all() else None
