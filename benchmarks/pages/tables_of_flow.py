"""Tables of the study of flow estimators."""

from benchmarks.pages.tables import Row, groups, number, table


def flow_quality(rows: list[Row]) -> str:
    """Two tables: error and cost of every estimator by set; errors on ``streets, camera`` by motion and at edges."""
    names = list(dict.fromkeys(row["set"] for row in rows))
    body, edges = [], []
    for (title,), same in groups(rows, "estimator").items():
        by_set = {row["set"]: row for row in same}
        errors = [f"{number(row['end-point error'], 2)} · {number(row['outliers'])}" for row in same if row["scored"]]
        title = title if errors else f"{title}, random weights"
        costs = [number(by_set[name]["ms"], 0) for name in ("ProcCity", "Sintel")]
        body.append([title, *(errors or ["–"] * len(names)), *costs, number(same[0]["memory_mib"], 0)])
        if errors:
            camera = by_set["streets, camera"]
            edges.append([title, *(number(camera[key], 2) for key in ("s0-10", "s10-40", "s40+", "near edges"))])
    by_motion = table(["error on camera", "0 to 10 px", "10 to 40 px", "40 px and more", "near edges"], edges)
    return table(["estimator", *names, "ms, 480×240", "ms, 1024×436", "MiB"], body) + "\n\n" + by_motion
