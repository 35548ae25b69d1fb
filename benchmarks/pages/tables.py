"""What the texts of the results are filled with: numbers, tables of rows, and where a record comes from."""

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.records import Record

Row = Mapping[str, Any]
Format = str | tuple[str, int]
"""A key of a row, or a key and the number of its digits."""


def number(value: float | None, digits: int = 1) -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def spread(values: Iterable[float | None], digits: int = 1) -> str:
    """Mean ± sample standard deviation; of one value, the value alone."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    if not known:
        return "–"
    mean = number(statistics.fmean(known), digits)
    return mean if len(known) < 2 else f"{mean} ± {number(statistics.stdev(known), digits)}"


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A Markdown table. All columns but the first are flush right."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body)])


def groups(rows: Iterable[Row], *keys: str) -> dict[tuple[str, ...], list[Row]]:
    """Rows by their values of some keys, in the order of first appearance. A missing key counts as ''."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(str(row.get(key, "")) for key in keys), []).append(row)
    return found


def column(rows: Iterable[Row], key: str) -> list[float | None]:
    """One value of every row; None where a row lacks it."""
    return [row.get(key) for row in rows]


def columns(rows: Iterable[Row], shown: Mapping[str, Format]) -> str:
    """A table of rows as they are.

    Args:
        rows: a line each.
        shown: heading → key, or key and digits.
    """
    return table(list(shown), ([_cell(row, which) for which in shown.values()] for row in rows))


def _cell(row: Row, which: Format) -> str:
    if isinstance(which, str):
        return str(row[which])
    key, digits = which
    return number(row[key], digits)


def averages(rows: Iterable[Row], by: str, shown: Mapping[str, tuple[str, int]]) -> str:
    """A table of means ± deviations: a line for each value of the key ``by``, and a column for each of ``shown``."""
    body = [
        [name, *(spread(column(same, key), digits) for key, digits in shown.values())]
        for (name,), same in groups(rows, by).items()
    ]
    return table([by, *shown], body)


def plain(rows: Sequence[Row]) -> str:
    """A table of any rows: all their plain values."""
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if not isinstance(rows[0].get(key), dict)]
    body = [[number(v, 2) if isinstance(v := row.get(key), float | None) else str(v) for key in keys] for row in rows]
    return table([key.replace("_", " ") for key in keys], body)


def origin(record: Record) -> str:
    """Where a record comes from: command, commit, date, machine, seeds and settings."""
    chosen = {
        key: value for key, value in record["settings"].items() if key not in ("seeds", "methods", "changes", "members")
    }
    seeds = record["settings"].get("seeds") or sorted({row["seed"] for row in record.get("rows", []) if "seed" in row})
    lines = [f"`{record['command']}`, commit {record['commit']}, {record['date']}, {record['machine']}."]
    if seeds:
        lines.append(f"Seeds: {', '.join(map(str, seeds))}.")
    if chosen:
        lines.append(f"Settings: {', '.join(f'{key} {json.dumps(value)}' for key, value in chosen.items())}.")
    return "\n".join(lines) + "\n"


def summary(rows: Iterable[Row]) -> str:
    """A table by method and set: mIoU, temporal consistency and seconds of training."""
    by_run = groups(rows, "method", "set")
    sets = any(scored for _, scored in by_run)
    head = ["method", *(["scored on"] if sets else []), "mIoU", "temporal consistency", "training, s"]
    body = []
    for (method, scored), same in by_run.items():
        consistency = spread(column(same, "temporal_consistency"))
        seconds = spread(column(same, "seconds"), 0)
        body.append([method, *([scored] if sets else []), spread(column(same, "miou")), consistency, seconds])
    return table(head, body)


def classes(rows: Sequence[Row]) -> str:
    """A table of the IoU of every class: a column for each method and set."""
    by_run = groups(rows, "method", "set")
    names = dict.fromkeys(name for row in rows for name in row["iou"])
    head = ["IoU", *(" on ".join(filter(None, run)) for run in by_run)]
    body = [[name, *(spread(percent(row, name) for row in same) for same in by_run.values())] for name in names]
    return table(head, body)


def percent(row: Row, name: str) -> float | None:
    """A class's IoU × 100; records hold it in [0, 1]."""
    value = row["iou"].get(name)
    return None if value is None else 100 * value


def rows_with(rows: Iterable[Row], method: str, scored: str = "", budget: str = "steps") -> list[Row]:
    """The rows of a method on a set, for a budget where rows have one.

    Raises:
        KeyError: there is none.
    """
    found = [
        row
        for row in rows
        if row["method"] == method and row.get("set", "") == scored and budget in row.get("budgets", [budget])
    ]
    if not found:
        raise KeyError(f"no row of {method!r} on {scored!r} for equal {budget}")
    return found


def score(rows: Iterable[Row], method: str, scored: str = "", key: str = "miou", budget: str = "steps") -> str:
    """A method's mean ± deviation, for use in a sentence; see :func:`rows_with`."""
    return spread(column(rows_with(rows, method, scored, budget), key))


def difference(rows: Sequence[Row], method: str, over: str, scored: str = "", key: str = "miou") -> str:
    """What a method has more than another one on the same seeds: mean ± deviation, for use in a sentence."""
    return spread(differences(rows_with(rows, method, scored), rows_with(rows, over, scored), key))


def differences(rows: Iterable[Row], reference: Iterable[Row], key: str = "miou") -> list[float]:
    """What rows have more than the reference's row of the same seed and set; a row without a partner is left out."""
    base = {(row["seed"], row.get("set")): row[key] for row in reference}
    return [row[key] - base[same] for row in rows if (same := (row["seed"], row.get("set"))) in base]
