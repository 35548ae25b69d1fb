"""Sections of the results page: how good flow is, and what it costs."""

from benchmarks.pages.results_of_costs import plain
from benchmarks.pages.tables import Record, groups, number, origin, rows_of, table


def flow_quality(record: Record) -> list[str]:
    """How good every flow estimator is, and what it costs."""
    rows = rows_of(record)
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
    head = ["estimator", *names, "ms, 480×240", "ms, 1024×436", "MiB"]
    by_motion = table(["error on camera", "0 to 10 px", "10 to 40 px", "40 px and more", "near edges"], edges)
    return [*table(head, body), *by_motion, *origin(record)]


def correlation(record: Record) -> list[str]:
    """The ways to write FlowNet2's correlation."""
    told = (
        "Features of 256 channels at an eighth of the frame, 441 displacements; one thread, processor time, each\n"
        "variant's fastest round. All agree to 1e-5. The last three were run once, at the smaller size alone.\n"
    )
    body = [
        [row["variant"], row["frame"], number(row["ms"]), number(row["times_the_fastest"], 2)]
        for row in rows_of(record)
    ]
    return [told, *table(["variant", "frame", "ms", "times the fastest"], body), *origin(record)]


def flow_networks(record: Record) -> list[str]:
    """Time and memory of the neural flow estimators."""
    size = f"{record['settings']['width']}×{record['settings']['height']}"
    told = (
        f"One pair of {size}, float32, one thread, random weights: timed, never scored. Seconds of the processor;\n"
        "memory in MiB: the weights, the largest output of a layer, and the most that was held above the imports\n"
        "while the weights were read and a flow estimated. The last column is that peak over twice the weights plus\n"
        "the largest output; for FlowNet2 it is to be at most 1.\n"
    )
    keys = ("seconds", "weights", "largest", "peak")
    body = [
        [
            row["estimator"],
            *(number(row[key], 2 if key == "seconds" else 0) for key in keys),
            number(row["of_twice_the_weights_and_the_largest"], 2),
        ]
        for row in rows_of(record)
    ]
    head = ["estimator", "s a pair", "weights", "largest output", "peak", "of the limit"]
    return [told, *table(head, body), *origin(record)]


def flow_cost(record: Record) -> list[str]:
    """A step with flow on the fly against one without."""
    found, settings = record["results"], record["settings"]
    share = 100 * found["both_estimates_over_the_fastest_step"]
    told = (
        f"DA-VSN with ResNet-101 at {settings['width']}×{settings['height']}, one worker a domain. A step with `dis` "
        f"takes {number(found['dis_over_zero'], 3)} of one with `zero`: the median of neighbouring blocks, processor "
        f"time of the step and waiting for its batches. Both estimates together, in the workers, are "
        f"{number(share, 2)} % of the fastest step.\n"
    )
    return [told, *plain(record)]


def flow_cache(record: Record) -> list[str]:
    """Codings of flow, by size and time."""
    found = record["results"]
    estimates = ", ".join(
        f"{ms} ms on {name} ({found['sizes'][f'{name}_dis']})" for name, ms in found["dis_ms"].items()
    )
    told = (
        "Share: bytes over those of the public code's `.npy` files (four a pixel). Times are the processor's for a "
        f"pair of {found['times_on'].replace('_', ' ')}; estimating it takes {estimates}.\n"
    )
    return [told, *plain(record)]
