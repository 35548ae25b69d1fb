"""The result of an evaluation: the confusion matrix, the scores computed from it, and their file and table."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.table import Table
from torch import Tensor

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing

_AGAIN = "Write one with 'davsn eval'"


class ConfusionMatrix:
    """A confusion matrix: counts of pixels by label (row) and prediction (column).

    Args:
        num_classes: ``C``.
        device: the device of the counts; give the device of the predictions.
    """

    def __init__(self, num_classes: int, device: torch.device | str = "cpu") -> None:
        self.counts = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=device)
        """The counts (C, C) int64."""

    def update(self, labels: Tensor, prediction: Tensor) -> None:
        """Count every pixel whose label is a class id. All other labels, such as 255, are ignored.

        Args:
            labels: integers of any shape.
            prediction: class ids in [0, C), the same shape.

        Raises:
            ValueError: the shapes differ, or a predicted id is not in [0, C).
        """
        classes = len(self.counts)
        if labels.shape != prediction.shape:
            raise ValueError(
                f"the labels have the shape {tuple(labels.shape)}, but the prediction has {tuple(prediction.shape)}"
            )
        counted = (labels >= 0) & (labels < classes)
        rows, columns = labels[counted].long(), prediction[counted].long()
        if columns.numel() and not 0 <= int(columns.min()) <= int(columns.max()) < classes:
            raise ValueError(f"the prediction holds ids outside the {classes} classes")
        self.counts += torch.bincount(rows * classes + columns, minlength=classes**2).view(classes, classes)


def iou(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union in [0, 1] of every class; NaN if a class is neither labelled nor predicted.

    Args:
        counts: (C, C) confusion matrix; rows are labels.

    Returns:
        (C,) float64.
    """
    hits = np.diag(counts).astype(np.float64)
    union = counts.sum(1) + counts.sum(0) - np.diag(counts)
    ratios: NDArray[np.float64] = np.divide(hits, union, out=np.full(len(hits), np.nan), where=union > 0)
    return ratios


@dataclass(frozen=True)
class Scores:
    """The result of an evaluation.

    Attributes:
        names: the class names.
        unscored: names of classes that are left out of the mean *after* the IoUs are computed. So predicting them
            still counts as an error of the other classes (fence, in the SYNTHIA protocol).
        counts: (C, C) pixels by label (row) and prediction (column).
        frames: the number of predicted frames, with and without labels.
        seconds: the wall time of loading, predicting and counting them.
        temporal_consistency: mIoU × 100 between predictions and previous predictions that are warped by the flow; None
            if there were no two consecutive frames.
    """

    names: tuple[str, ...]
    unscored: frozenset[str]
    counts: tuple[tuple[int, ...], ...]
    frames: int
    seconds: float
    temporal_consistency: float | None = None

    @property
    def iou(self) -> dict[str, float]:
        """IoU in [0, 1] by class name; NaN if a class is neither labelled nor predicted."""
        return dict(zip(self.names, iou(np.array(self.counts, np.int64)).tolist(), strict=True))

    @property
    def exact_miou(self) -> float:
        """Mean IoU × 100 over the scored classes that have an IoU; NaN if none has."""
        return mean_percent([value for name, value in self.iou.items() if name not in self.unscored])

    @property
    def miou(self) -> float:
        """Mean IoU × 100 as the protocol reports it, rounded to two digits."""
        return round(self.exact_miou, 2)

    @property
    def pixel_accuracy(self) -> float:
        """Percentage of labelled pixels that are predicted correctly, over all classes; NaN without labels."""
        counts = np.array(self.counts, np.int64)
        return float(np.trace(counts) / counts.sum() * 100) if counts.any() else math.nan

    def table(self, title: str = "Scores") -> Table:
        """A table for the terminal: one row for each class, then the means."""
        table = Table("class", title=title)
        table.add_column("IoU %", justify="right")
        for name, value in self.iou.items():
            note = " (not in the mean)" if name in self.unscored else ""
            table.add_row(name + note, percent(value * 100), style="dim" if note else None)
        table.add_section()
        table.add_row("mIoU", percent(self.miou), style="bold")
        table.add_row("pixel accuracy", percent(self.pixel_accuracy))
        table.add_row("temporal consistency", percent(self.temporal_consistency))
        table.caption = f"{self.frames} frames in {self.seconds:.1f} s"
        return table

    def as_data(self) -> dict[str, Any]:
        """Plain data: the counts, from which :meth:`from_data` restores everything, and the scores, for reading."""
        readable = {
            "miou": _number(self.miou),
            "exact_miou": _number(self.exact_miou),
            "iou": {name: _number(value) for name, value in self.iou.items()},
            "pixel_accuracy": _number(self.pixel_accuracy),
        }
        return readable | asdict(self) | {"unscored": sorted(self.unscored)}

    @classmethod
    def from_data(cls, content: Any, where: str) -> "Scores":
        """Restore scores from the result of :meth:`as_data`.

        Raises:
            DataError: the content has another form; the error names ``where``.
        """
        try:
            consistency = content["temporal_consistency"]
            scores = cls(
                names=tuple(str(name) for name in content["names"]),
                unscored=frozenset(str(name) for name in content["unscored"]),
                counts=tuple(tuple(int(count) for count in row) for row in content["counts"]),
                frames=int(content["frames"]),
                seconds=float(content["seconds"]),
                temporal_consistency=None if consistency is None else float(consistency),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"is not a scores file ({error!r})", where, _AGAIN) from None
        if {len(scores.names)} != {len(scores.counts), *map(len, scores.counts)}:
            raise DataError(f"names {len(scores.names)} classes, but its counts have another shape", where, _AGAIN)
        return scores

    def save(self, path: Path) -> None:
        """Write :meth:`as_data` as JSON."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(self.as_data(), indent=1, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Scores":
        """Read scores from a file that :meth:`save` wrote.

        Raises:
            DataError: the file does not exist, or has another form.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})", str(path), _AGAIN) from None
        except ValueError as error:
            raise DataError(f"is not a scores file ({error!r})", str(path), _AGAIN) from None
        return cls.from_data(content, str(path))


def percent(value: float | None) -> str:
    """A score × 100 with two digits, or a dash if there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"


def mean_percent(values: Iterable[float]) -> float:
    """Mean × 100 of all values that are not NaN; NaN if there are none."""
    numbers = [value for value in values if not math.isnan(value)]
    return sum(numbers) / len(numbers) * 100 if numbers else math.nan


def _number(value: float) -> float | None:
    """The value, with NaN replaced by None, because JSON has no NaN."""
    return None if math.isnan(value) else value
