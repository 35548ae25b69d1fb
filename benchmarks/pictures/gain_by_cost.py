"""Draws docs/results/gain_by_cost.png: the mIoU of every method against the cost of its step.

Run: python -m benchmarks.pictures.gain_by_cost
A panel for each study that compares all methods. A dot is a method at equal steps, the mean over the seeds. A ring is
the mean after one more run of batch_norm.
"""

import statistics
from collections.abc import Mapping
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.pictures.methods import mious_of
from benchmarks.pictures.shared import AFTER, INK, TRAINED, first_set, save, studies
from benchmarks.records import PROJECT, THEN, Record, load

PICTURE = PROJECT / "docs" / "results" / "gain_by_cost.png"
Panels = Mapping[str, Mapping[str, Mapping[str, float | None]]]
"""Panel's title → method → ``cost`` of a step in steps of source_only; mean mIoU at equal ``steps``, and ``then``."""


def panels_of(records: Mapping[str, Record]) -> Panels:
    """What the picture shows: every study, on its first set."""
    found = {}
    for title, record in studies(records).items():
        base = record["costs"]["source_only"]["seconds"]
        found[f"{title}: mIoU on {first_set(record)}, %"] = {
            method: {
                "cost": round(cost["seconds"] / base, 3),
                "steps": mean_of(record, method),
                "then": mean_of(record, method + THEN),
            }
            for method, cost in record["costs"].items()
        }
    return found


def mean_of(record: Record, method: str) -> float | None:
    """The mean mIoU over the seeds; None without rows."""
    mious = mious_of(record, method)
    return round(statistics.fmean(mious), 3) if mious else None


def apart(heights: Mapping[str, float], gap: float) -> dict[str, float]:
    """Heights of labels, moved apart until neighbours have at least ``gap`` between them."""
    order = sorted(heights, key=lambda name: heights[name])
    found = dict(heights)
    for _ in range(200):
        for below, above in pairwise(order):
            missing = gap - (found[above] - found[below])
            if missing > 0:
                found[below] -= missing / 2
                found[above] += missing / 2
    return found


def panel(axes: Axes, title: str, methods: Mapping[str, Mapping[str, float | None]]) -> None:
    """One study."""
    values = [found[key] for found in methods.values() for key in ("steps", "then") if found[key] is not None]
    low, high = min(values) - 0.5, max(values) + 0.5
    dearest = max(found["cost"] for found in methods.values())
    axes.set(xlim=(0, dearest + 0.3), ylim=(low, high))
    for found in methods.values():
        if found["then"] is not None:
            axes.plot([found["cost"]] * 2, [found["steps"], found["then"]], color=AFTER, linewidth=0.8, zorder=2)
            axes.scatter(found["cost"], found["then"], facecolor="white", edgecolor=AFTER, s=36, zorder=3)
        axes.scatter(found["cost"], found["steps"], color=TRAINED, s=30, zorder=4)
    near = [name for name, found in methods.items() if found["cost"] < 1.2]
    for name in near:
        left = max(methods[name]["cost"] - 0.2, 0.05) if methods[name]["cost"] < 1 else methods[name]["cost"] + 0.1
        axes.text(left, methods[name]["steps"] + (high - low) / 60, name, fontsize=8, color=INK, va="bottom")
    labels = apart({name: found["steps"] for name, found in methods.items() if name not in near}, (high - low) / 18)
    for name, height in labels.items():
        line = {"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.7, "shrinkB": 4}
        at = methods[name]["cost"], methods[name]["steps"]
        style = {"fontsize": 9, "color": INK, "va": "center", "annotation_clip": False}
        axes.annotate(name, at, (dearest + 0.4, height), arrowprops=line, **style)
    title, _, axis = title.partition(": ")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("processor time of a step, × source_only")
    axes.set_ylabel(axis)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    panels = panels_of(load())
    figure = Figure(figsize=(6.4 * len(panels), 4.8), layout="constrained", dpi=110)
    for place, (title, methods) in enumerate(panels.items(), 1):
        panel(figure.add_subplot(1, len(panels), place), title, methods)
    marks = {"a method, at equal steps": (TRAINED, TRAINED), "after one more run of batch_norm": ("white", AFTER)}
    handles = [
        Line2D([], [], linestyle="", marker="o", color=edge, markerfacecolor=face) for face, edge in marks.values()
    ]
    figure.legend(handles, marks, loc="outside upper center", ncols=2, fontsize=9, frameon=False)
    save(figure, PICTURE, panels)


if __name__ == "__main__":
    main()
