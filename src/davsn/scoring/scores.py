"""The result of an evaluation: scores, their file and their tables. docs/evaluation.md describes the file."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.data.labels.taxonomy import Taxonomy
from davsn.scoring.confusion import iou as iou
from davsn.scoring.confusion import mean_percent
from davsn.scoring.metric_scores import MetricScores, plain
from davsn.scoring.uncertainty import Interval

SCHEMA = 2
"""The version of the file. Files of version 1 do not state it, and have neither a protocol nor metrics."""
_AGAIN = "Write one with 'davsn eval'"
_INNERMOST = re.compile(r"\[\s+([^\[\]{}\"]*?)\s+\]")
"""A list of numbers that JSON has spread over lines."""


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
        protocol: the name of the protocol that was followed.
        metrics: the result of every metric that was counted, by the metric's name.
    """

    names: tuple[str, ...]
    unscored: frozenset[str]
    counts: tuple[tuple[int, ...], ...]
    frames: int
    seconds: float
    temporal_consistency: float | None = None
    protocol: str = "davsn"
    metrics: Mapping[str, MetricScores] = field(default_factory=dict)

    @property
    def taxonomy(self) -> Taxonomy:
        """The class table, with black in place of the colours, which no score depends on."""
        return Taxonomy(self.names, ((0, 0, 0),) * len(self.names), self.unscored)

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

    def metric_table(self, without: tuple[str, ...] = ()) -> Table:
        """A table of the values of the metrics, with their intervals over clips.

        Args:
            without: names of metrics to leave out.
        """
        table = Table("metric", "value", title=f"Metrics, protocol {self.protocol}")
        table.add_column("%", justify="right")
        table.add_column("95 % interval", justify="right")
        clips = 0
        for name, found in self.metrics.items():
            if name not in without:
                clips = max(clips, len(found.clips))
                for value, number in (found.values or {"–": math.nan}).items():
                    table.add_row(found.title, value, percent(number), interval_text(found.intervals.get(value)))
                table.add_section()
        table.caption = f"intervals: bootstrap over {clips} clips"
        return table

    def without_clips(self) -> "Scores":
        """The scores without the counts of single clips, for files that hold the scores of many checkpoints."""
        return replace(self, metrics={name: replace(found, clips={}) for name, found in self.metrics.items()})

    def as_data(self) -> dict[str, Any]:
        """Plain data: the counts, from which :meth:`from_data` restores everything, and the scores, for reading."""
        readable = {
            "schema": SCHEMA,
            "protocol": self.protocol,
            "miou": self.miou,
            "exact_miou": self.exact_miou,
            "iou": self.iou,
            "pixel_accuracy": self.pixel_accuracy,
        }
        kept = {key: value for key, value in vars(self).items() if key != "metrics"}
        metrics = {name: found.as_data() for name, found in self.metrics.items()}
        found: dict[str, Any] = plain(readable | kept | {"unscored": sorted(self.unscored), "metrics": metrics})
        return found

    @classmethod
    def from_data(cls, content: Any, where: str) -> "Scores":
        """Restore scores from the result of :meth:`as_data`, of this or an earlier version of davsn.

        Raises:
            DataError: the content has another form, or a later version of davsn wrote it; the error names ``where``.
        """
        try:
            schema = int(content.get("schema", 1))
            if schema > SCHEMA:
                found = f"has schema {schema}, and this davsn reads schemas up to {SCHEMA}"
                raise DataError(found, where, "Update davsn, or score the network again")
            consistency = content["temporal_consistency"]
            scores = cls(
                names=tuple(str(name) for name in content["names"]),
                unscored=frozenset(str(name) for name in content["unscored"]),
                counts=tuple(tuple(int(count) for count in row) for row in content["counts"]),
                frames=int(content["frames"]),
                seconds=float(content["seconds"]),
                temporal_consistency=None if consistency is None else float(consistency),
                protocol=str(content.get("protocol", "davsn")),
                metrics={
                    str(name): MetricScores.from_data(found) for name, found in content.get("metrics", {}).items()
                },
            )
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise DataError(f"is not a scores file ({error!r})", where, _AGAIN) from None
        if {len(scores.names)} != {len(scores.counts), *map(len, scores.counts)}:
            raise DataError(f"names {len(scores.names)} classes, but its counts have another shape", where, _AGAIN)
        return scores

    def save(self, path: Path) -> None:
        """Write :meth:`as_data` as JSON, each list of numbers on one line."""
        text = json.dumps(self.as_data(), indent=1, allow_nan=False)
        with replacing(path) as temporary:
            temporary.write_text(_INNERMOST.sub(_on_one_line, text) + "\n", encoding="utf-8")

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


def by_protocol(several: Sequence[Scores], name: str) -> Table:
    """A table of the IoUs of one network on one set by several protocols, side by side.

    Args:
        several: the scores by each protocol; their classes are the same.
        name: the name of the set.
    """
    table = Table("class", title=f"IoU % on {name}, by protocol")
    for scores in several:
        table.add_column(scores.protocol, justify="right")
    for label in several[0].names:
        table.add_row(label, *(percent(scores.iou[label] * 100) for scores in several))
    table.add_section()
    table.add_row("mIoU", *(percent(scores.miou) for scores in several), style="bold")
    table.add_row("counted pixels", *(f"{sum(map(sum, scores.counts)):,}" for scores in several))
    table.caption = "docs/evaluation.md explains how the protocols differ"
    return table


def percent(value: float | None) -> str:
    """A score × 100 with two digits, or a dash if there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"


def interval_text(interval: Interval) -> str:
    """An interval with two digits, or a dash if there is none."""
    return "–" if interval is None else f"{interval[0]:.2f} … {interval[1]:.2f}"


def _on_one_line(numbers: re.Match[str]) -> str:
    return f"[{' '.join(numbers[1].split())}]"
