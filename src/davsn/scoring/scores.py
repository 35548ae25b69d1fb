"""What an evaluation found: counts, the scores that follow from them, and their file and table."""

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
    """Counts of pixels by label (row) and prediction (column).

    Args:
        num_classes: ``C``.
        device: where the counts are kept; give that of the predictions.
    """

    def __init__(self, num_classes: int, device: torch.device | str = "cpu") -> None:
        self.counts = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=device)
        """(C, C) int64."""

    def update(self, labels: Tensor, prediction: Tensor) -> None:
        """Count every pixel whose label is a class; all others (255 among them) count nowhere.

        Args:
            labels: integers of any shape.
            prediction: class ids in [0, C), the same shape.

        Raises:
            ValueError: shapes that differ, or a predicted id that is no class.
        """
        classes = len(self.counts)
        if labels.shape != prediction.shape:
            raise ValueError(f"labels are {tuple(labels.shape)}, the prediction is {tuple(prediction.shape)}")
        counted = (labels >= 0) & (labels < classes)
        rows, columns = labels[counted].long(), prediction[counted].long()
        if columns.numel() and not 0 <= int(columns.min()) <= int(columns.max()) < classes:
            raise ValueError(f"the prediction holds ids outside the {classes} classes")
        self.counts += torch.bincount(rows * classes + columns, minlength=classes**2).view(classes, classes)


def iou(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union in [0, 1] of every class; NaN where a class is neither labelled nor predicted.

    Args:
        counts: (C, C), rows are labels.

    Returns:
        (C,) float64.
    """
    hits = np.diag(counts).astype(np.float64)
    union = counts.sum(1) + counts.sum(0) - np.diag(counts)
    ratios: NDArray[np.float64] = np.divide(hits, union, out=np.full(len(hits), np.nan), where=union > 0)
    return ratios


@dataclass(frozen=True)
class Scores:
    """What an evaluation found.

    Attributes:
        names: one a class.
        unscored: names left out of the mean *after* the IoUs are computed, so that predicting them still
            counts as an error of the other classes (fence, in the SYNTHIA protocol).
        counts: (C, C) pixels by label (row) and prediction (column).
        frames: how many frames were predicted, with and without labels.
        seconds: wall time of loading, predicting and counting them.
        temporal_consistency: mIoU × 100 between predictions and flow-warped previous predictions; None where
            no two consecutive frames were seen.
    """

    names: tuple[str, ...]
    unscored: frozenset[str]
    counts: tuple[tuple[int, ...], ...]
    frames: int
    seconds: float
    temporal_consistency: float | None = None

    @property
    def iou(self) -> dict[str, float]:
        """IoU in [0, 1] by class name; NaN where a class is neither labelled nor predicted."""
        return dict(zip(self.names, iou(np.array(self.counts, np.int64)).tolist(), strict=True))

    @property
    def exact_miou(self) -> float:
        """Mean IoU × 100 over the scored classes that have one; NaN if none has."""
        return mean_percent([value for name, value in self.iou.items() if name not in self.unscored])

    @property
    def miou(self) -> float:
        """Mean IoU × 100 as the protocol reports it, rounded to two digits."""
        return round(self.exact_miou, 2)

    @property
    def pixel_accuracy(self) -> float:
        """Share × 100 of the labelled pixels whose class is right, over all classes; NaN without labels."""
        counts = np.array(self.counts, np.int64)
        return float(np.trace(counts) / counts.sum() * 100) if counts.any() else math.nan

    def table(self, title: str = "Scores") -> Table:
        """A table for the terminal: one row a class, then the means."""
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
        """Plain data: the counts from which :meth:`from_data` restores all, and the scores for reading."""
        readable = {
            "miou": _number(self.miou),
            "exact_miou": _number(self.exact_miou),
            "iou": {name: _number(value) for name, value in self.iou.items()},
            "pixel_accuracy": _number(self.pixel_accuracy),
        }
        return readable | asdict(self) | {"unscored": sorted(self.unscored)}

    @classmethod
    def from_data(cls, content: Any, where: str) -> "Scores":
        """Scores from what :meth:`as_data` gave.

        Raises:
            DataError: not of that form; ``where`` is named in it.
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
            raise DataError(f"is no scores file ({error!r})", where, _AGAIN) from None
        if {len(scores.names)} != {len(scores.counts), *map(len, scores.counts)}:
            raise DataError(f"names {len(scores.names)} classes, but its counts have another shape", where, _AGAIN)
        return scores

    def save(self, path: Path) -> None:
        """Write :meth:`as_data` as JSON."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(self.as_data(), indent=1, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Scores":
        """Scores from a file that :meth:`save` wrote.

        Raises:
            DataError: no such file, or not of that form.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})", str(path), _AGAIN) from None
        except ValueError as error:
            raise DataError(f"is no scores file ({error!r})", str(path), _AGAIN) from None
        return cls.from_data(content, str(path))


def percent(value: float | None) -> str:
    """A score × 100 with two digits, or a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"


def mean_percent(values: Iterable[float]) -> float:
    """Mean × 100 of the numbers among the values; NaN if there are none."""
    numbers = [value for value in values if not math.isnan(value)]
    return sum(numbers) / len(numbers) * 100 if numbers else math.nan


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
