"""Sections of the results page: what things cost."""

from collections.abc import Mapping

from benchmarks.pages.tables import Record, number, origin, rows_of, table

CHECK = """\
Looking up: the folders are listed and clips made, as training does when it starts; then counts, neighbours and flow
files are compared, for every sample. Seconds of the processor, the least of three; by the clock, the first of them.
Reading the samples comes on top and takes what decoding takes.

Memory: the estimate counts every tensor of the step, and a test holds it to within 2 % of those that a real step makes.
A process takes more: what its allocator keeps after it was freed, and the work space of libraries. Measured is the
growth of a process that does two steps of da_vsn on the streets in fp32 on the CPU. On a GPU it has not been measured.
"""

COST = """\
The light network on streets, a step of the trainer without the reading of its samples; each ratio is the median of
those of interleaved rounds. "Small views": discriminators at the logits' resolution and of half the width, as in the
recipes.
"""


def plain(record: Record) -> list[str]:
    """Any record of rows: all their plain values."""
    rows = rows_of(record)
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if not isinstance(rows[0].get(key), dict)]
    body = [[number(v, 2) if isinstance(v := row.get(key), float | None) else str(v) for key in keys] for row in rows]
    return [*table([key.replace("_", " ") for key in keys], body), *origin(record)]


def splat(record: Record) -> list[str]:
    """DA-VSN's propagation against the loop it replaces."""
    found, settings = record["results"], record["settings"]
    size = f"{settings['width']}×{settings['height']}×{settings['channels']}"
    body = [
        ["double loop", number(found["loop_ms"], 2), "1"],
        ["`splat`", number(found["splat_ms"], 2), f"1/{number(found['ratio'])}"],
        ["`splat`, forward and backward", number(found["splat_backward_ms"], 2), "–"],
    ]
    told = f"On maps of {size}, one thread, equal bit for bit.\n"
    return [told, *table(["propagation", "ms", "of the loop"], body), *origin(record)]


def step(record: Record) -> list[str]:
    """One faithful step of DA-VSN against its own convolutions."""
    seconds, settings = record["seconds"], record["settings"]
    body = [[kind, *(number(taken[kind], 2) for taken in seconds.values())] for kind in next(iter(seconds.values()))]
    size = f"{settings['width']}×{settings['height']}"
    told = f"ResNet-101 at {size}; median seconds of the processor, and the ratios that are claimed.\n"
    ratios = [[name.replace("_", " "), number(value, 2)] for name, value in record["results"].items()]
    return [told, *table(["part", *seconds], body), *table(["ratio", "measured"], ratios), *origin(record)]


def check(record: Record) -> list[str]:
    """See :data:`CHECK`."""
    rows = [[row["layout"], str(row["files"]), *seconds(row)] for row in rows_of(record)]
    told = table(["layout", "files", "listing, s", "looking up, s", "both by the clock, s"], rows)
    keys = ("network", "size", "estimate_mib", "measured_mib", "ratio")
    peaks = [
        [row["network"], row["size"], *(number(row[key], 2 if key == "ratio" else 0) for key in keys[2:])]
        for row in record.get("memory", [])
    ]
    head = ["network", "frames", "estimate, MiB", "process, MiB", "process / estimate"]
    return [CHECK, *told, *(table(head, peaks) if peaks else []), *origin(record)]


def seconds(row: Mapping[str, float]) -> list[str]:
    """The three times of a look-up."""
    return [number(row[key], 2) for key in ("listing_s", "looking_up_s", "wall_s")]


def needs(record: Record) -> list[str]:
    """What was counted of steps that nobody has run."""
    told = "Counted from the shapes of a step's tensors at full size, not measured on any device: what convolutions\n"
    return [told + "take to work in, and temporary results, come on top of the memory.\n", *plain(record)]


def loading(record: Record) -> list[str]:
    """Loading a pair of frames against decoding it, and the second epoch with a cache against the first."""
    settings = record["settings"]
    (width, height), size = settings["picture"], "×".join(map(str, settings["size"]))
    each = number(settings["megabytes"])
    told = f"A pair of {width}×{height} PNGs of {each} MB each, read and made a batch at {size} on one thread.\n"
    return [told, *plain(record)]


def cost(record: Record) -> list[str]:
    """See :data:`COST`."""
    keys = {"of_source_only": 2, "seconds_of_processor": 3}
    body = [[row["method"], *(number(row[key], digits) for key, digits in keys.items())] for row in rows_of(record)]
    return [COST, *table(["method", "of source_only", "s of processor"], body), *origin(record)]


VARIANTS = ("as it stands", "single frames", "small views")


def by_method(record: Record) -> dict[str, dict[str, float]]:
    """The ratios of :func:`cost` alone: method → variant → of source_only."""
    found: dict[str, dict[str, float]] = {}
    for row in rows_of(record):
        method, _, variant = row["method"].partition(", ")
        found.setdefault(method, {})[variant or VARIANTS[0]] = row["of_source_only"]
    return found


def short(record: Record) -> list[str]:
    """The same as a table: a row a method and a column a variant."""
    found = by_method(record)
    body = [[name, *(number(ratios.get(variant), 1) for variant in VARIANTS)] for name, ratios in found.items()]
    return table(["a step, of one of source_only", *VARIANTS], body)
