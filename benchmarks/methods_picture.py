"""Draws docs/methods.png from the records of benchmarks/methods.py: ``python benchmarks/methods_picture.py``.

A panel for each pair of domains that has a record. A row a method at equal steps: a bar is the mean over the seeds, a
dot a seed; a ring is the mean after one more run of batch_norm, and a ring's dots are its seeds.
"""

import statistics
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from records import PROJECT
from results_of_methods import THEN, TPS
from results_page import RECORDS, SECTIONS, load

BAR, RING, INK = "#a9c4dd", "#c0392b", "#333333"


def values_of(rows: list[dict[str, Any]], method: str) -> list[float]:
    """What each seed has at equal steps, on the record's first set."""
    return [
        row["miou"]
        for row in rows
        if row["method"] == method and row["set"] == rows[0]["set"] and "steps" in row["budgets"]
    ]


def panel(axes: Axes, record: Mapping[str, Any], title: str) -> None:
    """One pair of domains."""
    rows = record["rows"]
    names = [name for name in record["settings"]["methods"] if not name.startswith(f"{TPS}: ") and THEN not in name]
    for place, name in enumerate(names):
        found, after = values_of(rows, name), values_of(rows, name + THEN)
        axes.barh(place, statistics.fmean(found), color=BAR, height=0.7)
        axes.scatter(found, [place] * len(found), color=INK, s=8, zorder=3)
        if after:
            axes.scatter(after, [place - 0.22] * len(after), color=RING, s=5, zorder=3)
            axes.scatter(statistics.fmean(after), place, facecolor="none", edgecolor=RING, s=50, zorder=4)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(f"mIoU on {rows[0]['set']}, %")
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    found = {name: record for name, record in load(RECORDS).items() if name.startswith("methods_") and record["costs"]}
    figure = Figure(figsize=(6 * len(found), 4.6), layout="constrained", dpi=110)
    for place, (name, record) in enumerate(sorted(found.items(), reverse=True), 1):
        panel(figure.add_subplot(1, len(found), place), record, SECTIONS[name][0])
    figure.savefig(PROJECT / "docs" / "methods.png", facecolor="white", metadata={"Software": None})


if __name__ == "__main__":
    main()
