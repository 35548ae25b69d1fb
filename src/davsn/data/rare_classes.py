"""Rare-class sampling: frames are drawn by their classes, those with rare classes more often (DAFormer, CVPR 2022).

If all frames are equally likely, a class that covers a thousandth of the pixels is learned late and forgotten between
its frames. Here a class c is drawn first, with P(c) ∝ exp((1 − f_c) / T), where f_c is the share of the class among all
labelled pixels. Then a frame is drawn that has enough pixels of this class.
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
from davsn.data.labels.survey import count
from davsn.data.samples import Samples

ENOUGH = 0.0015
"""The share of a frame's pixels that a class needs: DAFormer's 3000 pixels of a GTA5 frame."""

Counts = NDArray[np.int64]
"""(samples, classes + 1) pixels of each class in each sample's label map; last, the pixels without a class."""


_LARGEST = 1 << 28
"""The largest file of counts that is read, in bytes: enough for a million frames."""


class RareClasses(Settings):
    """How source frames are drawn by their classes. The defaults are DAFormer's."""

    temperature: float = Field(0.01, gt=0)
    """The temperature T: the lower it is, the more often rare classes are drawn. At 1 all classes are nearly equally
    likely."""
    min_pixels: int | None = Field(None, ge=1)
    """How many pixels of a class a frame needs to be drawn for it, counted in the label map at its own size; null:
    0.15 % of all its pixels."""


class ClassDraw:
    """Draws samples by their classes.

    Args:
        counts: the pixels of each class in each sample, see :data:`Counts`.
        settings: the temperature and the pixels that a class needs, see :class:`RareClasses`.

    Raises:
        DataError: no sample has enough pixels of any class.

    Attributes:
        odds: (classes,) probability of each class; 0 if no sample has enough pixels of it.
    """

    def __init__(self, counts: Counts, settings: RareClasses) -> None:
        pixels = counts.sum(1, keepdims=True)
        held, least = counts[:, :-1], ENOUGH * pixels if settings.min_pixels is None else settings.min_pixels
        enough = (held >= least) & (held > 0)
        if not enough.any():
            raise DataError("no source label has enough pixels of any class. Lower training.rare_classes.min_pixels")
        self._samples = [np.flatnonzero(column) for column in enough.T]
        share = held.sum(0) / held.sum()
        weight = np.exp((share.min() - share) / settings.temperature) * enough.any(
            0
        )  # the rarest class has weight 1, so nothing overflows
        self.odds: NDArray[np.float64] = weight / weight.sum()

    def __call__(self, generator: np.random.Generator) -> int:
        """Draw the index of a sample."""
        return int(generator.choice(self._samples[generator.choice(len(self.odds), p=self.odds)]))


def class_draw(
    samples: Samples, settings: RareClasses | None, file: Path, report: Callable[[int], None] = lambda done: None
) -> ClassDraw | None:
    """Make what draws a run's source samples by their classes; None if the run's settings do not ask for it.

    Args:
        samples: the labelled samples of the source.
        settings: the run's settings of the draw, see :class:`RareClasses`, or None.
        file: where the counts are stored (.json), so that a resumed run does not count again.
        report: called with the number of label maps counted so far.

    Raises:
        DataError: a label map cannot be read, or none has enough pixels of any class.
    """
    return None if settings is None else ClassDraw(counted(samples, file, report), settings)


def class_shares(counts: Counts) -> NDArray[np.float64]:
    """(C,) each class's share of the labelled pixels, from the result of :func:`counted`."""
    held = counts[:, :-1].sum(0)
    return np.asarray(held / max(held.sum(), 1), np.float64)


def counted(samples: Samples, file: Path, report: Callable[[int], None] = lambda done: None) -> Counts:
    """Count the pixels of each class in every sample's label map, and store the counts in a file.

    Args:
        samples: labelled samples.
        file: where the counts are stored (.json). A file that is damaged, or has counts of other samples, is
            overwritten.
        report: called with the number of label maps counted so far.

    Raises:
        DataError: a label map cannot be read. If ``bad_files`` is 'skip', it counts as one without any class instead.
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
    except DataError as error:
        if samples.dataset.config.bad_files == "error":
            raise error.or_skip("the source") from None
        return np.zeros(classes + 1, np.int64)
    return count(label, classes)


def _remembered(file: Path, names: list[str], width: int) -> Counts | None:
    """The counts in a file; None if there is no file, or it is damaged or has counts of other samples."""
    try:
        content = json.loads(file.read_bytes()) if file.stat().st_size < _LARGEST else {}
        same = content["samples"] == names
        counts = np.array(content["counts"], np.int64)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return counts if same and counts.shape == (len(names), width) and (counts >= 0).all() else None
