"""Draws docs/results/gain_by_class.png: the IoU of every class that every method gains over source_only.

Run: python -m benchmarks.pictures.gain_by_class
A panel for each study that compares all methods, at equal steps. A cell is the difference of the mean IoU over the
seeds, in points: purple is a gain and orange is a loss.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.pages.tables import groups, percent
from benchmarks.pages.tables_of_methods import compared, mean
from benchmarks.pictures.shared import INK, first_set, save, studies
from benchmarks.records import PROJECT, START, Record, load

PICTURE = PROJECT / "docs" / "results" / "gain_by_class.png"
BASELINE = "source_only"
LARGEST = 50
"""Points at which the colours are strongest."""
Panels = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Panel's title → method → class → points of IoU over source_only."""


def panels_of(records: Mapping[str, Record]) -> Panels:
    """What the picture shows: every study, on its first set."""
    found = {}
    for title, record in studies(records).items():
        means = means_of(record)
        base = means.pop(BASELINE)
        found[f"{title}: points of IoU over source_only, on {first_set(record)}"] = {
            method: {name: round(iou - base[name], 1) for name, iou in ious.items()} for method, ious in means.items()
        }
    return found


def means_of(record: Record) -> dict[str, dict[str, float]]:
    """Method → class → mean IoU × 100 over the seeds. Every class of these studies exists in every run."""
    rows = [row for row in compared(record, first_set(record), "steps") if row["method"] != START]
    return {
        method: {name: mean(percent(row, name) for row in same) or 0.0 for name in same[0]["iou"]}
        for (method,), same in groups(rows, "method").items()
    }


def panel(axes: Axes, title: str, methods: Mapping[str, Mapping[str, float]]) -> None:
    """One study."""
    classes: Sequence[str] = list(next(iter(methods.values())))
    cells = [[gains[name] for name in classes] for gains in methods.values()]
    axes.imshow(cells, cmap="PuOr", vmin=-LARGEST, vmax=LARGEST, aspect="auto")
    for line, gains in enumerate(cells):
        for place, gain in enumerate(gains):
            ink = "white" if abs(gain) > 0.45 * LARGEST else INK
            written = f"{gain:+.0f}" if round(gain) else "0"
            axes.text(place, line, written, ha="center", va="center", fontsize=9, color=ink)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", fontsize=9)
    axes.set_yticks(range(len(methods)), list(methods), fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=10)


def main() -> None:
    panels = panels_of(load())
    heights = [len(methods) for methods in panels.values()]
    figure = Figure(figsize=(9.5, 0.25 * sum(heights) + 1.3 * len(heights)), layout="constrained", dpi=110)
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    for place, (title, methods) in enumerate(panels.items()):
        panel(figure.add_subplot(grid[place]), title, methods)
    save(figure, PICTURE, panels)


if __name__ == "__main__":
    main()
