"""The result of one metric on one set, in memory and as plain data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from davsn.scoring.metric import Counts, Metric
from davsn.scoring.uncertainty import Interval, intervals, total

_DECIMALS = 3
"""Decimals that are kept of counts that are no whole numbers, such as sums of probabilities over pixels."""


@dataclass(frozen=True)
class MetricScores:
    """The result of a metric on one set. Its numbers are percentages; NaN where nothing could be counted.

    Attributes:
        title: what it measures, in a few words.
        better: which values are better.
        settings: the metric's settings, as plain data.
        values: the values by readable name, the most important first. Empty if no frame had what the metric needs.
        intervals: the 95 % bootstrap interval over clips of every value.
        classes: column → class name → value.
        details: further results as plain data.
        clips: the counts of every clip, as nested lists by name.
    """

    title: str
    better: Literal["higher", "lower"]
    settings: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    classes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    clips: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def headline(self) -> float:
        """The most important value; NaN if there is none."""
        return next(iter(self.values.values()), math.nan)

    @classmethod
    def of(cls, metric: Metric, clips: Mapping[str, Counts]) -> "MetricScores":
        """Report of a metric.

        Args:
            metric: the metric.
            clips: its counts by clip.
        """
        settings = metric.config.model_dump(mode="json")
        if not clips:
            return cls(metric.title, metric.better, settings)
        counts = total(clips)
        return cls(
            metric.title,
            metric.better,
            settings,
            metric.values(counts),
            intervals(metric, clips),
            metric.classes(counts),
            plain(metric.details(counts)),
            {clip: {key: _listed(rows) for key, rows in own.items()} for clip, own in clips.items()},
        )

    def counts(self) -> dict[str, Counts]:
        """The counts of every clip, as arrays."""
        return {clip: {key: np.asarray(rows) for key, rows in own.items()} for clip, own in self.clips.items()}

    def as_data(self) -> dict[str, Any]:
        """Plain data, from which :meth:`from_data` restores the result."""
        return {key: plain(value) for key, value in vars(self).items()}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "MetricScores":
        """Restore a result from :meth:`as_data`.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: the data have another form.
        """
        return cls(
            title=str(data["title"]),
            better="lower" if data["better"] == "lower" else "higher",
            settings=dict(data["settings"]),
            values=_numbers(data["values"]),
            intervals={
                str(name): None if found is None else (float(found[0]), float(found[1]))
                for name, found in data["intervals"].items()
            },
            classes={str(column): _numbers(own) for column, own in data["classes"].items()},
            details=dict(data["details"]),
            clips={str(clip): dict(own) for clip, own in data.get("clips", {}).items()},
        )


def plain(value: Any) -> Any:
    """A value as JSON can hold it: mappings and sequences all the way down, and None for NaN."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _listed(counts: Any) -> Any:
    rows = np.asarray(counts)
    return (rows if rows.dtype.kind in "iu" else rows.round(_DECIMALS)).tolist()


def _numbers(data: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): math.nan if value is None else float(value) for name, value in data.items()}
