"""Draws docs/methods.png from the records of benchmarks/studies/methods.py: ``python -m benchmarks.pictures.methods``.

A panel for each pair of domains that has a record. A row a method at equal steps: a bar is the mean over the seeds, a
dot a seed; a ring is the mean after one more run of batch_norm, and a ring's dots are its seeds. The numbers drawn are
kept in the picture's description, and a test holds them to the records.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.pages.__main__ import RECORDS, SECTIONS, load
from benchmarks.pages.results_of_methods import TPS
from benchmarks.records import PROJECT, THEN

PICTURE = PROJECT / "docs" / "methods.png"
BAR, RING, INK = "#a9c4dd", "#c0392b", "#333333"
Panels = Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]
"""Panel's title → method → mIoU of each seed, at equal ``steps`` and ``then`` after batch_norm."""


def panels_of(records: Mapping[str, Any]) -> Panels:
    """What there is to draw of all records: of each method, on the record's first set."""
    found = {}
    for name, record in sorted(records.items(), reverse=True):
        if name.startswith("methods_") and record["costs"]:
            rows = record["rows"]
            methods = [name for name in record["settings"]["methods"] if f"{TPS}: " not in name and THEN not in name]
            found[f"{SECTIONS[name][0]}: mIoU on {rows[0]['set']}, %"] = {
                method: {"steps": mious_of(rows, method), "then": mious_of(rows, method + THEN)} for method in methods
            }
    return found


def mious_of(rows: Sequence[Mapping[str, Any]], method: str) -> list[float]:
    """What each seed has at equal steps, on the record's first set."""
    return [
        row["miou"]
        for row in rows
        if row["method"] == method and row["set"] == rows[0]["set"] and "steps" in row["budgets"]
    ]


def panel(axes: Axes, title: str, methods: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """One pair of domains."""
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
    panels = panels_of(load(RECORDS))
    figure = Figure(figsize=(6 * len(panels), 4.6), layout="constrained", dpi=110)
    for place, (title, methods) in enumerate(panels.items(), 1):
        panel(figure.add_subplot(1, len(panels), place), title, methods)
    figure.savefig(PICTURE, facecolor="white", metadata={"Software": None, "Description": json.dumps(panels)})


if __name__ == "__main__":
    main()
