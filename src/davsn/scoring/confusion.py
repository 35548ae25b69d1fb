"""Confusion matrices, and the intersection over union computed from them."""

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def confusion_matrix(labels: Tensor, prediction: Tensor, num_classes: int) -> Tensor:
    """Count pixels by label (row) and prediction (column). Labels that are no class id, such as 255, are ignored.

    Args:
        labels: integers of any shape.
        prediction: class ids in [0, C), the same shape.
        num_classes: ``C``.

    Returns:
        (C, C) int64, on the device of the prediction.

    Raises:
        ValueError: the shapes differ, or a predicted id is not in [0, C).
    """
    if labels.shape != prediction.shape:
        raise ValueError(
            f"the labels have the shape {tuple(labels.shape)}, but the prediction has {tuple(prediction.shape)}"
        )
    # One row and column more on each side counts what is no class id. That is far faster than leaving it out before.
    side = num_classes + 2
    rows, columns = ((ids.long().clamp(-1, num_classes) + 1).flatten() for ids in (labels, prediction))
    cells = torch.bincount(rows.mul_(side).add_(columns), minlength=side**2).view(side, side)[1:-1]
    if bool(cells[:, [0, -1]].any()):
        raise ValueError(f"the prediction holds ids outside the {num_classes} classes")
    return cells[:, 1:-1]


def iou(counts: NDArray[np.number]) -> NDArray[np.float64]:
    """Intersection over union in [0, 1] of every class; NaN if a class is neither labelled nor predicted.

    Args:
        counts: (C, C) confusion matrix; rows are labels.

    Returns:
        (C,) float64.
    """
    hits = np.diag(counts).astype(np.float64)
    return ratio(hits, counts.sum(1) + counts.sum(0) - np.diag(counts))


def ratio(part: NDArray[np.number], whole: NDArray[np.number]) -> NDArray[np.float64]:
    """Divide, with NaN where the whole is 0. Both arrays have the same shape."""
    found: NDArray[np.float64] = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=found, where=np.asarray(whole) > 0)
    return found


def mean_percent(values: Iterable[float]) -> float:
    """Mean × 100 of all values that are not NaN; NaN if there are none."""
    numbers = [value for value in values if not math.isnan(value)]
    return sum(numbers) / len(numbers) * 100 if numbers else math.nan
