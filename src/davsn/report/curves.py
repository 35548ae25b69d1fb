"""Draws loss curves of runs as SVG."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Records = Sequence[Mapping[str, float]]
"""Lines of a run's log: ``step``, and the losses under ``loss/<term>``."""

_COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#ccbb44", "#66ccee")
_INK = "#808080"
"""Colour of text and axes, readable on white and on black."""
_COLUMNS = 3


def loss_curves(logs: Mapping[str, Records]) -> str:
    """Draw one small plot for each loss, with one colour for each run. Losses of the auxiliary classifier are dashed.

    Thin lines are the logged values; thick lines are their moving mean over a twentieth of the run.

    Args:
        logs: run name → log lines. Keys that do not start with ``loss/`` are not drawn.

    Returns:
        an SVG document with a transparent background; empty if there is no loss.
    """
    keys = dict.fromkeys(key for records in logs.values() for line in records for key in line)  # an ordered set
    losses = [key for key in keys if key.startswith("loss/")]
    if not losses:
        return ""
    panels: dict[str, list[str]] = {}
    for loss in losses:
        panels.setdefault(_panel(loss), []).append(loss)
    settings = {"svg.hashsalt": "davsn", "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK}
    with rc_context({**settings, "xtick.color": _INK, "ytick.color": _INK, "font.size": 8, "svg.fonttype": "path"}):
        rows = -(-len(panels) // _COLUMNS)
        columns = min(len(panels), _COLUMNS)
        figure = Figure(figsize=(3.1 * columns, 2.1 * rows + 0.4), layout="constrained")
        for place, (title, shown) in enumerate(panels.items(), 1):
            axes = figure.add_subplot(rows, columns, place)
            axes.set_title(title, fontsize=8)
            axes.spines[["top", "right"]].set_visible(False)
            for number, records in enumerate(logs.values()):
                for key in shown:
                    _draw(axes, records, key, _COLOURS[number % len(_COLOURS)])
        _legend(figure, list(logs))
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return file.getvalue()


def _panel(loss: str) -> str:
    """Return the plot that a loss belongs to; the losses of both classifiers share one."""
    name = loss.removeprefix("loss/")
    return name.removesuffix("/main").removesuffix("/aux")


def _draw(axes: Axes, records: Records, key: str, colour: str) -> None:
    steps = [line["step"] for line in records if key in line]
    values = np.array([line[key] for line in records if key in line])
    if not len(values):
        return
    window = max(len(values) // 20, 1)
    sums = np.cumsum(np.concatenate([[0.0], values]))
    means = (sums[window:] - sums[:-window]) / window
    style = "--" if key.endswith("/aux") else "-"
    axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.6)
    axes.plot(steps[window - 1 :], means, color=colour, linewidth=1.4, linestyle=style)


def _legend(figure: Figure, names: list[str]) -> None:
    lines = [figure.axes[0].plot([], [], color=_COLOURS[n % len(_COLOURS)])[0] for n in range(len(names))]
    figure.legend(lines, names, loc="outside upper center", ncols=4, frameon=False)
