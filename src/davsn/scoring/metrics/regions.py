"""The metric ``regions``: the mean IoU in each part of the frame."""

import itertools
from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from davsn.core.settings import Settings
from davsn.scoring.confusion import confusion_matrix, iou
from davsn.scoring.metric import Counts, Metric, Seen

_THIRDS = ("top", "middle", "bottom")


class Regions(Metric):
    """The mean IoU in each cell of a grid over the frame; by default in its upper, middle and lower third.

    Row r of n rows holds the pixel rows y with floor(y · n / H) = r; columns are divided likewise. Every cell has a
    confusion matrix of its own, and its mean is over the scored classes that occur in it.
    """

    class Config(Settings):
        """Settings of ``regions``."""

        rows: int = Field(3, ge=1, le=16)
        """Number of rows of the grid."""
        columns: int = Field(1, ge=1, le=16)
        """Number of columns of the grid."""

    config: Config
    title = "mIoU by region"
    needs = frozenset({"labels"})

    @property
    def names(self) -> list[str]:
        """The names of the cells, row by row."""
        rows, columns = self.config.rows, self.config.columns
        own = _THIRDS if rows == len(_THIRDS) else [f"row {row}" for row in range(1, rows + 1)]
        return [name if columns == 1 else f"{name}, column {column + 1}" for name in own for column in range(columns)]

    def count(self, seen: Seen) -> Mapping[str, Tensor] | None:
        """The confusion matrix (C, C) of every cell of a labelled frame: ``matrices`` (cells, C, C)."""
        if seen.labels is None:
            return None
        bands = zip(_bands(seen.labels, self.config.rows, 0), _bands(seen.prediction, self.config.rows, 0), strict=True)
        cells = [
            cell
            for labels, prediction in bands
            for cell in zip(
                _bands(labels, self.config.columns, 1), _bands(prediction, self.config.columns, 1), strict=True
            )
        ]
        return {"matrices": torch.stack([confusion_matrix(*cell, len(self.taxonomy)) for cell in cells])}

    def values(self, counts: Counts) -> dict[str, float]:
        """The mean IoU of every cell."""
        return {name: self.mean(iou(matrix)) for name, matrix in zip(self.names, counts["matrices"], strict=True)}

    def classes(self, counts: Counts) -> dict[str, dict[str, float]]:
        """The IoU of every class in every cell."""
        return {name: self.by_class(iou(matrix)) for name, matrix in zip(self.names, counts["matrices"], strict=True)}


def _bands(maps: Tensor, number: int, dimension: int) -> list[Tensor]:
    """Cut a map (H, W) into bands along a dimension: pixel i belongs to band floor(i · number / length)."""
    length = maps.shape[dimension]
    edges = [-(-band * length // number) for band in range(number + 1)]  # rounded up
    return [maps.narrow(dimension, begin, end - begin) for begin, end in itertools.pairwise(edges)]
