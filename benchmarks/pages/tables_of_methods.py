"""Tables of the studies of methods; benchmarks/studies/plans.py has the rows of these studies."""

import statistics as stats
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.pages.tables import Row, column, differences, groups, number, percent, spread, table
from benchmarks.records import OF_TARGET, THEN, Record

RULES = {
    "last": "last",
    "information": "information",
    "invariance": "invariance",
    "neighbourhood": "neighbourhood",
    "best": "best on the test set",
}
"""Rule that chooses a checkpoint → its heading."""
BASELINES, TPS = ("source_only", "batch_norm"), "tps"
VARIANTS = ("as it stands", "single frames", "small views")


def compared(record: Record, scored: str, budget: str) -> list[Row]:
    """The rows of methods on a set for a budget, in the order of the study; without TPS's accidents and later runs."""
    order = list(record["settings"]["methods"])
    rows = [
        row
        for row in record["rows"]
        if row["set"] == scored and budget in row["budgets"] and not row["method"].startswith(f"{TPS}: ")
    ]
    return sorted((row for row in rows if not row["method"].endswith(THEN)), key=lambda row: order.index(row["method"]))


def afterwards(record: Record, method: str, scored: str, budget: str = "steps") -> list[Row]:
    """The rows of a method's later run of batch_norm."""
    return [
        row
        for row in record["rows"]
        if row["method"] == method + THEN and row["set"] == scored and budget in row["budgets"]
    ]


def comparison(record: Record, scored: str, budget: str) -> str:
    """A line for each method: mIoU by each rule, gains over the baselines, then batch_norm, consistency and cost."""
    rows, columns = compared(record, scored, budget), dict[str, list[str]]()
    for (method,), same in groups(rows, "method").items():
        cost = record["costs"].get(method, {})
        cells = {"method": method, "steps": str(same[0]["steps"])}
        cells |= {told: spread(row["chosen"].get(rule) for row in same) for rule, told in RULES.items()}
        cells |= {f"over {name}": "–" if method == name else spread(_over(same, rows, name)) for name in BASELINES}
        cells["then batch_norm"] = spread(column(afterwards(record, method, scored, budget), "miou"))
        cells["consistency"] = spread(column(same, "temporal_consistency"))
        cells["s a step"], cells["MiB"] = number(cost.get("seconds"), 2), number(cost.get("memory_mib"), 0)
        for name, cell in cells.items():
            columns.setdefault(name, []).append(cell)
    shown = {name: cells for name, cells in columns.items() if set(cells) != {"–"}}
    return table(list(shown), zip(*shown.values(), strict=True))


def _over(rows: Iterable[Row], among: Iterable[Row], method: str) -> list[float]:
    return differences(rows, [row for row in among if row["method"] == method])


def ious(record: Record, scored: str) -> str:
    """Mean IoU of every class at equal steps, a line for each method."""
    rows = compared(record, scored, "steps")
    names = list(rows[0]["iou"])
    body = [
        [method, *(number(mean(percent(row, name) for row in same)) for name in names)]
        for (method,), same in groups(rows, "method").items()
    ]
    return table(["method", *names], body)


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that exist; None without any."""
    known = [value for value in values if value is not None]
    return stats.fmean(known) if known else None


def settings_of_methods(record: Record) -> str:
    """A table, folded away, of the settings of each row; everything else is the default, or the recipe's."""
    body = [[title, f"`{written}`"] for title, written in record["settings"]["methods"].items()]
    told = "<details><summary>Settings of the methods</summary>"
    return f"{told}\n\n{table(['row', 'method'], body)}\n\n</details>"


def regrets(rows: Sequence[Row]) -> str:
    """How much mIoU each rule loses against the best checkpoint, over all runs."""
    lost = {
        rule: [row["chosen"]["best"] - row["chosen"][rule] for row in rows if rule in row["chosen"]]
        for rule in RULES
        if rule != "best"
    }
    body = [
        [rule, str(len(values)), spread(values, 2), number(max(values), 2), number(found_best(values), 0)]
        for rule, values in lost.items()
        if values
    ]
    return table(["rule", "runs", "regret", "worst", "best found, %"], body)


def found_best(values: Sequence[float]) -> float:
    """The share, in percent, of runs in which nothing was lost."""
    return 100 * stats.fmean(value <= 0 for value in values)


def corrections(record: Record) -> str:
    """What each accident of TPS costs, on the same seeds."""
    rows = [row for row in record["rows"] if "steps" in row["budgets"]]
    corrected, body = [row for row in rows if row["method"] == TPS], []
    for (method,), same in groups(rows, "method").items():
        if method in (TPS, *BASELINES) or method.startswith(f"{TPS}: "):
            below = "–" if method == TPS else spread((-value for value in differences(same, corrected)), 2)
            body.append([method, spread(column(same, "miou")), below, spread(column(same, "temporal_consistency"))])
    return table(["method", "mIoU", "below tps", "temporal consistency"], body)


def statistics(rows: Sequence[Row], scored: str) -> str:
    """Statistics of both domains, of the target, and batch_norm afterwards, on the same seeds."""
    by_row = groups(rows, "set", "method")
    body = []
    for (name, method), both in by_row.items():
        if name == scored and (name, method + OF_TARGET) in by_row:
            target, after = by_row[name, method + OF_TARGET], by_row[name, method + THEN]
            mious = (spread(column(same, "miou")) for same in (both, target, after))
            consistency = (spread(column(same, "temporal_consistency")) for same in (both, target))
            body.append([method, *mious, spread(differences(target, both)), *consistency])
    head = ["both", "target", "then batch_norm", "target over both", "consistency, both", "consistency, target"]
    return table([f"mIoU on {scored}", *head], body)


def step_costs(rows: Iterable[Row]) -> dict[str, dict[str, float]]:
    """Method → variant → the cost of its step, in steps of source_only."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        method, _, variant = row["method"].partition(", ")
        found.setdefault(method, {})[variant or VARIANTS[0]] = row["of_source_only"]
    return found


def step_cost_table(rows: Iterable[Row]) -> str:
    """The same as a table: a line for each method and a column for each variant."""
    found: Mapping[str, Mapping[str, float]] = step_costs(rows)
    body = [[name, *(number(ratios.get(variant), 1) for variant in VARIANTS)] for name, ratios in found.items()]
    return table(["cost of a step, × source_only", *VARIANTS], body)
