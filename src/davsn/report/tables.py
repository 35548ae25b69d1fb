"""The tables of a report: every number as text, with its bar, its interval and the difference from another network."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davsn.report.content import BINS, Behaviour, Look, Measured, Network, RunReport, Still
from davsn.scoring.scores import percent

FLICKER = "flicker, %"
_SURE = 0.9
"""Probability from which a prediction counts as confident."""
_LISTED = ("miou", "consistency")
"""Metrics that have a column of their own."""


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        text: the number.
        note: what stands below it in small letters, such as an interval or a difference.
        best: whether it is marked as the best of the compared ones.
        bar: length of its bar in percent; None for none.
    """

    text: str
    note: str = ""
    best: bool = False
    bar: float | None = None


@dataclass(frozen=True)
class Column:
    """One score of every network.

    Attributes:
        title: the heading.
        cells: one for each network.
        better: "higher" or "lower"; empty where neither is better.
    """

    title: str
    cells: Sequence[Cell]
    better: str = ""


@dataclass(frozen=True)
class ClassRow:
    """One class in every network.

    Attributes:
        name: the class.
        colour: its colour, ``#rrggbb``.
        scored: whether it counts in the mean.
        cells: one for each network.
    """

    name: str
    colour: str
    scored: bool
    cells: Sequence[Cell]


def headline(networks: Sequence[Network], name: str) -> list[Column]:
    """Make the columns of the scores on one set: mIoU, consistency, then whatever else the scores files hold."""
    columns = [
        _column(networks, name, "mIoU, %", _Value(lambda one: one.scores.miou, "miou", "mIoU")),
        _column(
            networks,
            name,
            "temporal consistency, %",
            _Value(lambda one: one.scores.temporal_consistency, "consistency", ""),
        ),
    ]
    for metric, value, title, better in _further(networks, name):
        columns.append(_column(networks, name, f"{title}, %", _Value(_reader(metric, value), metric, value), better))
    known = [column for column in columns if any(cell.text != "–" for cell in column.cells)]
    if any(network.seconds is not None for network in networks):
        texts = ["–" if network.seconds is None else f"{network.seconds:.0f}" for network in networks]
        known.append(Column("training, s", [Cell(text) for text in texts]))
    return known


def class_rows(report: RunReport, name: str) -> list[ClassRow]:
    """Make the rows of the IoU of every class on one set, with bars, and differences from the first network."""
    rows, unscored = [], unscored_of(report, name)
    for label, colour in zip(report.taxonomy.names, report.taxonomy.colours, strict=True):
        means = [
            _mean([100 * one.scores.iou[label] for one in network.scores.get(name, ())]) for network in report.networks
        ]
        cells = [
            Cell(percent(mean), _difference(mean, means[0]) if place else "", bar=mean)
            for place, mean in enumerate(means)
        ]
        marked = _marked(report.networks, means, cells, "higher")
        rows.append(ClassRow(label, _paint(colour), label not in unscored, marked))
    return rows


def unscored_of(report: RunReport, name: str) -> frozenset[str]:
    """Return the classes that are left out of the mean on a set, by the first scores on it."""
    found = (one.scores.unscored for network in report.networks for one in network.scores.get(name, ()))
    return next(found, report.taxonomy.unscored)


def share_rows(report: RunReport, behaviour: Mapping[int, Behaviour]) -> tuple[list[ClassRow], Sequence[int | None]]:
    """Make the rows of the share of every class.

    Returns:
        the rows, and the network of each of their cells: its position on the page; None for the labels.
    """
    sums: dict[int | None, NDArray[np.int64]] = {number: one.predicted for number, one in behaviour.items()}
    labelled = next((one.labelled for one in behaviour.values() if one.labelled.any()), None)
    if labelled is not None:
        sums = {None: labelled, **sums}
    shares = [100 * counts / max(int(counts.sum()), 1) for counts in sums.values()]
    largest = max((float(each.max()) for each in shares), default=0.0) or 1.0
    rows = [
        ClassRow(
            label,
            _paint(colour),
            True,
            [Cell(f"{each[place]:.1f}", bar=100 * float(each[place]) / largest) for each in shares],
        )
        for place, (label, colour) in enumerate(zip(report.taxonomy.names, report.taxonomy.colours, strict=True))
    ]
    return rows, list(sums)


def behaviour_columns(report: RunReport, look: Look) -> list[Column]:
    """Make the columns of what can be seen without labels, one cell for each network that is shown."""
    shown = list(look.behaviour)
    seen = {number: [still.seen[number] for still in _stills(look) if number in still.seen] for number in shown}
    values: dict[str, list[float | None]] = {
        "mean confidence, %": [_mean([one.confidence for one in seen[number]]) for number in shown],
        f"confident pixels (at least {100 * _SURE:.0f} %), %": [_sure(sums) for sums in look.behaviour.values()],
        FLICKER: [_mean([one.flicker for one in seen[number]]) for number in shown],
    }
    for criterion in dict.fromkeys(key for number in shown for key in report.networks[number].criteria):
        found = [report.networks[number].criteria.get(criterion) for number in shown]
        values[f"{criterion}, × 100"] = [None if value is None else 100 * value for value in found]
    errors = [sums.flow_error or (None, None) for sums in look.behaviour.values()]
    values["frame difference at rest, levels"] = [rest for _, rest in errors]
    values["frame difference along the flow, levels"] = [moved for moved, _ in errors]
    networks = [report.networks[number] for number in shown]
    columns = []
    for title, each in values.items():
        better, cells = "lower" if title == FLICKER else "", [Cell(percent(value)) for value in each]
        if any(value is not None for value in each):
            columns.append(Column(title, _marked(networks, each, cells, better), better))
    return columns


def _stills(look: Look) -> Iterator[Still]:
    """The frames of the typical footage."""
    for clip in look.footage:
        yield from clip.stills if clip.typical else ()


def _sure(sums: Behaviour) -> float:
    """The percentage of pixels with a high confidence."""
    return 100 * float(sums.confidence[round(_SURE * BINS) :].sum()) / max(int(sums.confidence.sum()), 1)


def confusion(network: Network, name: str) -> list[list[float | None]]:
    """Return the share of each label's pixels (row) that get each class (column), in percent, over all seeds."""
    counts = np.sum([np.array(one.scores.counts, np.int64) for one in network.scores[name]], 0)
    return [[100 * int(count) / int(row.sum()) if row.sum() else None for count in row] for row in counts]


@dataclass(frozen=True)
class _Value:
    """How a value is read from scores, and where its interval is."""

    read: Callable[[Measured], float | None]
    metric: str
    name: str


def _column(networks: Sequence[Network], name: str, title: str, value: _Value, better: str = "higher") -> Column:
    means, cells = [], []
    for network in networks:
        found = network.scores.get(name, ())
        values = [value.read(one) for one in found]
        means.append(_mean(values))
        numbers = [number for number in values if number is not None and not math.isnan(number)]
        note = f"± {percent(statistics.stdev(numbers))} over {len(numbers)} seeds" if len(numbers) > 1 else ""
        if len(found) == 1:
            note = _interval(found[0], value)
        cells.append(Cell(percent(means[-1]), note))
    return Column(title, _marked(networks, means, cells, better), better)


def _interval(one: Measured, value: _Value) -> str:
    """The interval of a value as text; empty where the scores file has none."""
    intervals = _metrics(one).get(value.metric, {}).get("intervals") or {}
    found = intervals.get(value.name or next(iter(intervals), ""))
    return f"{percent(found[0])} to {percent(found[1])}" if found and None not in found else ""


def _further(networks: Sequence[Network], name: str) -> Iterator[tuple[str, str, str, str]]:
    """Iterate over all other values in the scores files: metric, value, title and which direction is better."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for network in networks:
        for one in network.scores.get(name, ()):
            for metric, result in _metrics(one).items():
                title, several = str(result.get("title", metric)), len(result.get("values", {})) > 1
                for value in result.get("values", {}) if metric not in _LISTED else ():
                    shown = f"{title}: {value}" if several else title
                    found[metric, str(value)] = shown, str(result.get("better", ""))
    for (metric, value), (title, better) in found.items():
        yield metric, value, title, better


def _reader(metric: str, value: str) -> Callable[[Measured], float | None]:
    return lambda one: _metrics(one).get(metric, {}).get("values", {}).get(value)


def _metrics(one: Measured) -> Mapping[str, Any]:
    found = one.data.get("metrics")
    return found if isinstance(found, Mapping) else {}


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None and not math.isnan(value)]
    return statistics.fmean(numbers) if numbers else None


def _difference(value: float | None, first: float | None) -> str:
    return "" if value is None or first is None else f"{value - first:+.2f}".replace("-", "−")


def _marked(
    networks: Sequence[Network], values: Sequence[float | None], cells: Sequence[Cell], better: str
) -> list[Cell]:
    """Mark the best cell. Networks that were trained on target labels are not compared."""
    compared = [
        (value, cell.text)
        for network, value, cell in zip(networks, values, cells, strict=True)
        if value is not None and not network.uses_target_labels
    ]
    if len(compared) < 2 or not better:
        return list(cells)
    best = (max if better == "higher" else min)(compared)[1]
    return [
        replace(cell, best=cell.text == best and not network.uses_target_labels)
        for network, cell in zip(networks, cells, strict=True)
    ]


def _paint(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
