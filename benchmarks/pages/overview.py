"""The tables and numbers of docs/results.md, the summary on one page."""

import statistics
from collections.abc import Sequence

from benchmarks.pages.tables import Row, column, differences, groups, number, spread, table
from benchmarks.pages.tables_of_methods import TPS, afterwards, compared
from benchmarks.records import OF_TARGET, START, Record


def overview(record: Record) -> str:
    """A line for each method at equal steps: mIoU on each set, then batch_norm, consistency, cost of a step."""
    rows = [row for row in record["rows"] if row["method"] != START]
    sets = list(dict.fromkeys(row["set"] for row in rows))
    lines: dict[str, list[str]] = {}
    head = ["method"]
    for name in sets:
        on = f" on {name}" if len(sets) > 1 else ""
        head += [f"mIoU{on}", "then batch_norm"]
        for (method,), same in groups(compared({**record, "rows": rows}, name, "steps"), "method").items():
            after = afterwards(record, method, name)
            lines.setdefault(method, [method]).extend([spread(column(same, "miou")), spread(column(after, "miou"))])
    for name in sets:
        if any(row["temporal_consistency"] is not None for row in rows if row["set"] == name):
            head.append("temporal consistency")
            for method, line in lines.items():
                same = [row for row in compared(record, name, "steps") if row["method"] == method]
                line.append(spread(column(same, "temporal_consistency")))
    return table([*head, "cost of a step"], ([*line, step_cost(record, method)] for method, line in lines.items()))


def step_cost(record: Record, method: str) -> str:
    """Processor time of a method's step, loading included, in steps of source_only."""
    costs = record["costs"]
    return number(costs[method]["seconds"] / costs["source_only"]["seconds"], 2) if method in costs else "–"


def regret(rows: Sequence[Row], rule: str) -> str:
    """The mIoU that a rule loses on average against the best checkpoint, over all runs of a study."""
    return number(statistics.fmean(row["chosen"]["best"] - row["chosen"][rule] for row in rows), 2)


def consistency_lost(rows: Sequence[Row]) -> str:
    """The temporal consistency that the target's statistics cost the methods but tps: ``least to most`` points."""
    scored = [row for row in rows if row["temporal_consistency"] is not None]
    by_method = groups(scored, "method")
    lost = [
        -statistics.fmean(differences(by_method[method + OF_TARGET,], both, "temporal_consistency"))
        for (method,), both in by_method.items()
        if (method + OF_TARGET,) in by_method and method != TPS
    ]
    return f"{min(lost):.0f} to {max(lost):.0f}"
