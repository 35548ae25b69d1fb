"""Line charts as geometry, which the page draws as SVG: it follows the page's colours, and its text stays text."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.ticker import MaxNLocator

from davsn.report.content import Records

WIDTH, HEIGHT = 340, 206
"""Size of a chart in units of its view box."""
LEFT, RIGHT, TOP, BOTTOM = 46, 22, 12, 30
"""Margins of the plot for tick labels and for the names at the ends of the lines."""
_POINTS = 240
"""Largest number of points of a line."""
_APART = 11
"""Smallest vertical distance between the names at the ends of two lines."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One line of a chart, in units of the view box.

    Attributes:
        number: position of its network on the page, which gives colour and dashes.
        points: the points of an SVG polyline.
        faint: those of a thin line behind it; empty for none.
        end: where the name of the network stands.
        aux: whether it belongs to the auxiliary classifier.
    """

    number: int
    points: str
    faint: str
    end: Point
    aux: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart with its axes.

    Attributes:
        title: what the vertical axis shows.
        across: what the horizontal axis shows.
        lines: the lines.
        columns: (position, text) of each tick of the horizontal axis.
        rows: (position, text) of each tick of the vertical axis.
        diagonal: whether to draw the line on which both values are equal.
    """

    title: str
    across: str
    lines: Sequence[Line]
    columns: Sequence[tuple[float, str]]
    rows: Sequence[tuple[float, str]]
    diagonal: bool = False


@dataclass
class _Series:
    number: int
    points: Sequence[Point]
    faint: Sequence[Point] = ()
    aux: bool = False


@dataclass
class _Plot:
    title: str
    across: str
    series: list[_Series] = field(default_factory=list)
    span: tuple[float, float] | None = None


def loss_charts(logs: Mapping[int, Records]) -> list[Chart]:
    """Make one chart for each loss. Both classifiers share it.

    Thick lines are the moving mean over a twentieth of the run, thin ones the logged values of the main classifier.

    Args:
        logs: log lines by the network's position on the page. Keys that do not start with ``loss/`` are not drawn.
    """
    plots: dict[str, _Plot] = {}
    for number, records in logs.items():
        for key in dict.fromkeys(key for line in records for key in line if key.startswith("loss/")):
            name, aux = key.removeprefix("loss/").removesuffix("/main").removesuffix("/aux"), key.endswith("/aux")
            logged = _finite([(line["step"], line[key]) for line in records if key in line])
            if not logged:
                continue
            plot = plots.setdefault(name, _Plot(name, "step"))
            plot.series.append(_Series(number, _mean(logged), () if aux else logged, aux))
    return [_chart(plot) for plot in plots.values()]


def score_chart(history: Mapping[int, Sequence[Point]], name: str) -> Chart | None:
    """Make a chart of the mIoU of every checkpoint; None if no network has two scored checkpoints."""
    found = {number: _finite(points) for number, points in history.items()}
    series = [_Series(number, points) for number, points in found.items() if len(points) > 1]
    return _chart(_Plot(f"mIoU on {name}, %", "step", series)) if series else None


def reliability_chart(points: Mapping[int, Sequence[Point]]) -> Chart | None:
    """Make a chart of (confidence, accuracy), both in percent, by the network's position; None without two points."""
    return _square("correct pixels by confidence, %", "confidence of the prediction, %", points, diagonal=True)


def selection_chart(points: Mapping[int, Sequence[Point]]) -> Chart | None:
    """Make a chart of (share of the pixels, how many of them are right), both in percent; None without two points."""
    return _square("correct among the most confident pixels, %", "most confident pixels, % of all", points)


def _square(title: str, across: str, points: Mapping[int, Sequence[Point]], diagonal: bool = False) -> Chart | None:
    series = [_Series(number, each) for number, each in points.items() if len(each) > 1]
    return _chart(_Plot(title, across, series, (0.0, 100.0)), diagonal) if series else None


def _finite(points: Sequence[Point]) -> list[Point]:
    """The points whose value is a number."""
    return [point for point in points if math.isfinite(point[1])]


def _mean(points: Sequence[Point]) -> list[Point]:
    """The moving mean over a twentieth of the points; the mean over a window stands at its last point."""
    window = max(len(points) // 20, 1)
    return [
        (points[end - 1][0], math.fsum(value for _, value in points[end - window : end]) / window)
        for end in range(window, len(points) + 1)
    ]


def _chart(plot: _Plot, diagonal: bool = False) -> Chart:
    points = [point for one in plot.series for point in (*one.points, *one.faint)]
    columns, across = _axis([point[0] for point in points], plot.span, LEFT, WIDTH - RIGHT, 4)
    rows, up = _axis([point[1] for point in points], plot.span, HEIGHT - BOTTOM, TOP, 4)

    def path(points: Sequence[Point]) -> str:
        return " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in _thinned(points))

    ends = _apart([(across(one.points[-1][0]), up(one.points[-1][1])) for one in plot.series])
    lines = [
        Line(one.number, path(one.points), path(one.faint), end, one.aux)
        for one, end in zip(plot.series, ends, strict=True)
    ]
    return Chart(plot.title, plot.across, lines, columns, rows, diagonal)


def _axis(
    values: Sequence[float], span: tuple[float, float] | None, begin: float, end: float, ticks: int
) -> tuple[list[tuple[float, str]], Callable[[float], float]]:
    """Choose ticks, and make the function from values to positions."""
    low, high = span or (min(values), max(values))
    if span is None and low == high:
        low, high = low - 0.5, high + 0.5
    chosen = [float(tick) for tick in MaxNLocator(ticks).tick_values(low, high)]
    low, high = (low, high) if span else (min(low, chosen[0]), max(high, chosen[-1]))

    def place(value: float) -> float:
        return begin + (value - low) / (high - low) * (end - begin)

    return [(place(tick), f"{tick:.6g}") for tick in chosen if low <= tick <= high], place


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Every n-th point and the last one, so that a long run's page stays small."""
    every = max(math.ceil(len(points) / _POINTS), 1)
    return [*points[::every], *points[-1:]] if (len(points) - 1) % every else list(points[::every])


def _apart(ends: Sequence[Point]) -> list[Point]:
    """Move the names of lines apart, downwards, where they would cover each other."""
    placed: dict[int, Point] = {}
    for place in sorted(range(len(ends)), key=lambda place: ends[place][1]):
        x, y = ends[place]
        for other_x, other_y in placed.values():
            if abs(other_x - x) < _APART and abs(other_y - y) < _APART:
                y = other_y + _APART
        placed[place] = x, y
    return [placed[place] for place in range(len(ends))]
