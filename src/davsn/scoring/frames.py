"""The scores of single frames: a CSV table that grows on disk, so that memory does not grow with the frames."""

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from davsn.core import ranks
from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.scoring.metric import Counts, Metric

Row = Mapping[str, float]
"""The scores of one frame in percent, by column; NaN where the frame lacks what a metric needs."""
ACCURACY = "pixel_accuracy"
"""The column of the share of labelled pixels that are predicted correctly. The others have the names of metrics."""


def row(counted: Mapping[str, tuple[Metric, Counts | None]]) -> dict[str, float]:
    """The scores of one frame: the pixel accuracy, then the first value of every metric.

    Args:
        counted: every metric with its counts of the frame, or None; ``miou`` is one of them.
    """
    labelled = counted["miou"][1]
    matrix = np.zeros((1, 1)) if labelled is None else labelled["matrix"]
    accuracy = float(np.trace(matrix) / matrix.sum() * 100) if matrix.any() else math.nan
    values = {
        name: math.nan if counts is None else next(iter(metric.values(counts).values()))
        for name, (metric, counts) in counted.items()
    }
    return {ACCURACY: accuracy, **values}


@contextmanager
def frame_table(path: Path) -> Iterator[Callable[[str, Row], None]]:
    """Write a table with a row for every frame. The file appears when the block ends without an error.

    Where several ranks share the frames, rank 0 writes the rows of all, in the order of the ranks.

    Args:
        path: the CSV file.

    Yields:
        a function that writes the row of a frame; it takes the name ``clip/frame`` and the scores, whose columns are
        the same for all frames.

    Raises:
        DataError: the file cannot be written.
    """
    rows: list[tuple[str, Row]] = []
    if ranks.rank() > 0:
        yield lambda frame, scores: rows.append((frame, scores))
        ranks.gathered(rows)
        return
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names: list[str] = []

        def write(frame: str, scores: Row) -> None:
            if not names:
                names.extend(scores)
                writer.writerow(["frame", *names])
            values = [scores[name] for name in names]
            writer.writerow([frame, *("" if math.isnan(value) else f"{value:.4f}" for value in values)])

        yield write
        for part in ranks.gathered(rows):
            for frame, scores in part:
                write(frame, scores)


def read_frames(path: Path) -> dict[str, dict[str, float]]:
    """Read a table of :func:`frame_table`: the scores of every frame, NaN where there is none.

    Raises:
        DataError: the file has another form.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {
                each.pop("frame"): {name: float(value or "nan") for name, value in each.items()}
                for each in csv.DictReader(file, strict=True)
            }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise DataError(
            f"is not a table of the scores of frames ({error!r})", str(path), "Write one with 'davsn eval'"
        ) from None
