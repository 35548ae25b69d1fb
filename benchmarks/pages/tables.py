"""What the sections of docs/results.md are made of: tables, means with their spread, and where a record comes from."""

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]


def rows_of(record: Record) -> list[dict[str, Any]]:
    """The rows of a record; a bare list of rows is a record too."""
    return list(record["rows"])


def number(value: float | None, digits: int = 1) -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def spread(values: Sequence[float | None], digits: int = 1) -> str:
    """Mean ± sample standard deviation; the value alone where there is one."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    if not known:
        return "–"
    mean = number(statistics.fmean(known), digits)
    return mean if len(known) < 2 else f"{mean} ± {number(statistics.stdev(known), digits)}"


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; numbers are flush right."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in body), ""]


def groups(rows: Iterable[dict[str, Any]], *keys: str) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Rows by their values of some keys, in the order of first appearance; a missing key counts as ''."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(str(row.get(key, "")) for key in keys), []).append(row)
    return found


def column(rows: Iterable[dict[str, Any]], key: str) -> list[float | None]:
    """One value of every row, None where it has none."""
    return [row.get(key) for row in rows]


def origin(record: Record) -> list[str]:
    """Where a record comes from: command, commit, date, machine, settings, and what its author noted."""
    chosen = {key: value for key, value in record.get("settings", {}).items() if key != "seeds"}
    settings = ", ".join(f"{key} {json.dumps(value)}" for key, value in chosen.items())
    seeds = record.get("seeds") or sorted({row["seed"] for row in record.get("rows", []) if "seed" in row})
    lines = [f"`{record['command'].strip()}`, commit {record['commit']}, {record['date']}, {record['machine']}."]
    if seeds:
        lines.append(f"Seeds: {', '.join(map(str, seeds))}.")
    if settings:
        lines.append(f"Settings: {settings}.")
    return ["\n".join(lines), "", *(part for note in record.get("notes", []) for part in (note, ""))]


def summary(rows: list[dict[str, Any]]) -> list[str]:
    """Method by method: mIoU, temporal consistency and seconds of training."""
    sets = any("set" in row for row in rows)
    head = ["method", *(["scored on"] if sets else []), "mIoU", "temporal consistency", "training, s"]
    body = []
    for (method, scored), same in groups(rows, "method", "set").items():
        consistency = spread(column(same, "temporal_consistency"))
        seconds = spread(column(same, "seconds"), 0)
        body.append([method, *([scored] if sets else []), spread(column(same, "miou")), consistency, seconds])
    return table(head, body)


def classes(rows: list[dict[str, Any]]) -> list[str]:
    """IoU of every class, a column for each method and set."""
    by_run = groups(rows, "method", "set")
    names = list(dict.fromkeys(name for row in rows for name in row.get("iou", {})))
    if not names:
        return []
    head = ["IoU", *(" on ".join(filter(None, run)) for run in by_run)]
    body = [[name, *(spread([percent(row, name) for row in same]) for same in by_run.values())] for name in names]
    return table(head, body)


def percent(row: dict[str, Any], name: str) -> float | None:
    """A class's IoU × 100; records hold it in [0, 1]."""
    value = row.get("iou", {}).get(name)
    return None if value is None else 100 * value
