"""How sure a score is: bootstrap intervals over clips, alone and paired, and the deviation over seeds.

Frames of one clip resemble each other, so clips are drawn, not frames (cluster bootstrap; Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapters 8 and 13). Everything is deterministic.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from davsn.scoring.metric import Counts, Metric

RESAMPLES = 1000
FEWEST_CLIPS = 4
"""Fewer clips give no interval. Below about 20 clips an interval is still too narrow."""
_SEED = 0
_TAILS = (2.5, 97.5)
"""Percentiles of a 95 % interval."""

Interval = tuple[float, float] | None
"""The 95 % interval [low, high] of a value, in percent; None if there are too few clips, or no value."""


def total(clips: Mapping[str, Counts]) -> Counts:
    """Add the counts of clips; empty without clips."""
    names = next(iter(clips.values()), {})
    return {name: np.sum([counts[name] for counts in clips.values()], axis=0) for name in names}


def intervals(metric: Metric, clips: Mapping[str, Counts]) -> dict[str, Interval]:
    """The bootstrap interval of every value of a metric: percentiles over resamples of the clips.

    Args:
        metric: the metric.
        clips: its counts by clip.
    """
    return {name: _interval(drawn) for name, drawn in _resampled(metric, clips).items()}


@dataclass(frozen=True)
class Difference:
    """The difference of one value between two networks that are scored on the same clips.

    Attributes:
        metric: the name of the metric.
        value: the name of the value.
        one: its value for the first network, in percent.
        other: its value for the second network, in percent.
        interval: the 95 % interval of ``other - one``; the same clips are drawn for both networks.
    """

    metric: str
    value: str
    one: float
    other: float
    interval: Interval

    @property
    def difference(self) -> float:
        """Second minus first, in percentage points."""
        return self.other - self.one


def differences(name: str, metric: Metric, one: Mapping[str, Counts], other: Mapping[str, Counts]) -> list[Difference]:
    """The difference of every value between two networks, with a paired bootstrap interval.

    Args:
        name: the name of the metric.
        metric: the metric.
        one: the first network's counts by clip.
        other: the second network's counts of the same clips.
    """
    first, second = metric.values(total(one)), metric.values(total(other))
    drawn, drawn_too = _resampled(metric, one), _resampled(metric, other)
    return [
        Difference(name, key, value, second[key], _interval(drawn_too[key] - drawn[key]))
        for key, value in first.items()
    ]


def spread(values: Sequence[float | None]) -> tuple[float, float | None]:
    """The mean and the sample standard deviation of the values that are numbers, such as one for each seed.

    Returns:
        the mean, NaN without a number; the deviation, None for fewer than two numbers.
    """
    numbers = [value for value in values if value is not None and not math.isnan(value)]
    if not numbers:
        return math.nan, None
    return statistics.fmean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else None


def _resampled(metric: Metric, clips: Mapping[str, Counts]) -> dict[str, NDArray[np.float64]]:
    """Every value for every resample of the clips: name → (resamples,), NaN with too few clips."""
    summed = total(clips)
    if len(clips) < FEWEST_CLIPS:
        return {name: np.full(1, math.nan) for name in metric.values(summed)} if clips else {}
    names = sorted(clips)  # the order of two networks' clips may differ
    draws = np.random.default_rng(_SEED).multinomial(len(names), [1 / len(names)] * len(names), RESAMPLES)
    sums = {}
    for key, whole in summed.items():
        rows = np.stack([np.ravel(clips[name][key]) for name in names]).astype(np.float64)
        sums[key] = (draws @ rows).reshape(RESAMPLES, *np.shape(whole))
    each = [metric.values({key: rows[draw] for key, rows in sums.items()}) for draw in range(RESAMPLES)]
    return {name: np.array([values[name] for values in each]) for name in each[0]}


def _interval(drawn: NDArray[np.float64]) -> Interval:
    numbers = drawn[~np.isnan(drawn)]
    if not numbers.size:
        return None
    low, high = np.percentile(numbers, _TAILS)
    return float(low), float(high)
