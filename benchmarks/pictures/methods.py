"""Draws docs/methods.png: the mIoU of every method at equal steps.

Run: python -m benchmarks.pictures.methods
A panel for each study that compares all methods, and a line for each method. A bar is the mean over the seeds and a dot
is a seed. A ring is the mean after one more run of batch_norm, and red dots are its seeds.
"""

import statistics
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.pages.tables_of_methods import TPS
from benchmarks.pictures.shared import INK, first_set, save, studies
from benchmarks.records import PROJECT, THEN, Record, load

PICTURE = PROJECT / "docs" / "methods.png"
BAR, RING = "#a9c4dd", "#c0392b"
Panels = Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]
"""Panel's title → method → mIoU of each seed, at equal ``steps`` and ``then`` after batch_norm."""


def panels_of(records: Mapping[str, Record]) -> Panels:
    """What the picture shows: every study, on its first set."""
    found = {}
    for title, record in studies(records).items():
        methods = [name for name in record["settings"]["methods"] if f"{TPS}: " not in name and THEN not in name]
        found[f"{title}: mIoU on {first_set(record)}, %"] = {
            method: {"steps": mious_of(record, method), "then": mious_of(record, method + THEN)} for method in methods
        }
    return found


def mious_of(record: Record, method: str) -> list[float]:
    """The mIoU of each seed at equal steps, on the study's first set; empty without such rows."""
    return [
        row["miou"]
        for row in record["rows"]
        if row["method"] == method and row["set"] == first_set(record) and "steps" in row["budgets"]
    ]


def panel(axes: Axes, title: str, methods: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """One study."""
    for place, found in enumerate(methods.values()):
        steps, then = found["steps"], found["then"]
        axes.barh(place, statistics.fmean(steps), color=BAR, height=0.7)
        axes.scatter(steps, [place] * len(steps), color=INK, s=8, zorder=3)
        if then:
            axes.scatter(then, [place - 0.22] * len(then), color=RING, s=5, zorder=3)
            axes.scatter(statistics.fmean(then), place, facecolor="none", edgecolor=RING, s=50, zorder=4)
    axes.set_yticks(range(len(methods)), list(methods))
    axes.invert_yaxis()
    title, _, axis = title.partition(": ")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(axis)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    panels = panels_of(load())
    figure = Figure(figsize=(6 * len(panels), 4.6), layout="constrained", dpi=110)
    for place, (title, methods) in enumerate(panels.items(), 1):
        panel(figure.add_subplot(1, len(panels), place), title, methods)
    save(figure, PICTURE, panels)


if __name__ == "__main__":
    main()
