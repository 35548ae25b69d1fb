"""Writes docs/results.md, and the table in README.md, from the records in benchmarks/results/.

Run: python benchmarks/results_page.py [--check]
No number is typed by hand: a record is what a benchmark wrote, this script only rounds and averages. The form of a
record is in benchmarks/results/README.md. With --check nothing is written; the exit code says whether both are true.
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
RECORDS = PROJECT / "benchmarks" / "results"
PAGE = PROJECT / "docs" / "results.md"
README = PROJECT / "README.md"
START, END = "<!-- results:start -->", "<!-- results:end -->"

Record = Mapping[str, Any]
Section = Callable[[Record], Iterable[str]]

HEAD = """# Results

Written by `python benchmarks/results_page.py` from the records in `benchmarks/results/`; do not edit this page.
Each section names the command, the commit and the machine. Where there are several seeds, a cell is the mean
± the sample standard deviation. mIoU, IoU and temporal consistency are in percent.
"""

DEMO = """\
The embedded world: a network that saw the labelled `game` alone, one that adapted to the unlabelled `camera`, and
one that was allowed the camera's labels, as a measure of what there is to gain. All start from the same random
weights, train for the same number of steps and are scored once, on `camera` clips that none has seen. The weights of
da_vsn's losses were chosen on seed 0, which is therefore no result. "Its target losses off" trains da_vsn with both of
them at 0: target frames still pass the network in training mode, so its batch normalisation learns the target's
statistics, and that row is what this alone is worth. This is a small drawn world: the figures compare methods with one
another here, and with no published benchmark.
"""

PROCITY = """\
Synthetic video to real video: ProcCity, a simple procedural street, to CamVid (Brostow et al., Cambridge). The
target's labels are used for scoring alone; no model was trained or chosen on them. `stills` are 47 labelled frames of
several drives, one a second, and the better mIoU. `clip` is one street for two seconds at 15 Hz: a noisy number, and
the only one with temporal consistency. The source is a plain render (people are boxes, poles and signs are 0.2 % of
the pixels), and nothing here compares with a published benchmark. The pair is no part of this repository. da_vsn has
the weights that were chosen on the streets; nothing was chosen here. "Its target losses off": see above.
"""

PROCITY_FOUND = """\
What was found. Everything that da_vsn gains over source_only here is there with its target losses off too, and more:
it is the gain of the batch statistics. The losses cost part of it again, on the clip most of all, and less at the
published weights than at those of the recipe. The likely reason is in the layouts below. Both discriminators want the
target's class maps to look like the source's, and these differ in what they hold: the source is full of vehicles, the
clip has next to none, and three times the source's trees. The alignment pays for trees with buildings. The streets,
whose two domains share one world, have no such shift, and there the losses help. Rows were run over an afternoon of
commits that touched neither the method nor the loop's arithmetic; the commit named is the last.

Two overlays of `davsn predict` on the clip (seed 0, the 5th and the 25th frame) were looked at. source_only paints
the nearer half of the road and all house fronts as vehicle, and trees as trees. da_vsn finds the road and part of the
fronts, and paints nearly all trees as building. With its losses off the road is found and the trees stay. None finds
people.
"""


CHECK = """\
Looking up: the folders are listed and clips made, as training does when it starts; then counts, neighbours and flow
files are compared, for every sample. Seconds of the processor, the least of three; by the clock, the first of them.
Reading the samples comes on top and takes what decoding takes.

Memory: the estimate counts every tensor of the step, and a test holds it to within 2 % of those that a real step makes.
A process takes more: what its allocator keeps after it was freed, and the work space of libraries. Measured is the
growth of a process that does two steps of da_vsn on the streets in fp32 on the CPU. On a GPU it has not been measured.
"""


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


def scored(record: Record) -> list[str]:
    """Networks that were trained and scored."""
    return [*summary(rows_of(record)), *classes(rows_of(record)), *origin(record)]


def demo(record: Record) -> list[str]:
    """See :data:`DEMO`."""
    return [DEMO, *scored(record)]


def procity(record: Record) -> list[str]:
    """See :data:`PROCITY`."""
    shares = record.get("shares", {})
    names = list(next(iter(shares.values()), {}))
    body = [[name, *(number(share[name]) for share in shares.values())] for name in names]
    layouts = table(["share of pixels, %", *shares], body) if shares else []
    return [PROCITY, *scored(record), PROCITY_FOUND, *layouts]


def gap(record: Record) -> list[str]:
    """How much the two looks of the streets differ."""
    keys = {
        "source_only": "game labels alone",
        "target_labels": "camera labels",
        "ratio": "ratio",
        "game_on_game": "game labels, scored on game",
    }
    body = [
        [value, *(spread(column(same, key), 2 if key == "ratio" else 1) for key in keys)]
        for (value,), same in groups(rows_of(record), "gap").items()
    ]
    told = "mIoU on `camera` of a network trained on either domain's labels, by the setting `gap`.\n"
    return [told, *table(["gap", *keys.values()], body), *origin(record)]


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


def plain(record: Record) -> list[str]:
    """Any record of rows: all their plain values."""
    rows = rows_of(record)
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if not isinstance(rows[0].get(key), dict)]
    body = [[number(v, 2) if isinstance(v := row.get(key), float | None) else str(v) for key in keys] for row in rows]
    return [*table([key.replace("_", " ") for key in keys], body), *origin(record)]


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


def loading(record: Record) -> list[str]:
    """Loading a pair of frames against decoding it, and the second epoch with a cache against the first."""
    settings = record["settings"]
    (width, height), size = settings["picture"], "×".join(map(str, settings["size"]))
    each = number(settings["megabytes"])
    told = f"A pair of {width}×{height} PNGs of {each} MB each, read and made a batch at {size} on one thread.\n"
    return [told, *plain(record)]


SECTIONS: dict[str, tuple[str, Section]] = {
    "demo": ("Streets: the demo", demo),
    "procity_camvid": ("ProcCity → CamVid: real video", procity),
    "streets_gap": ("How far apart the two streets are", gap),
    "streets": ("What a frame of the streets costs", plain),
    "loading": ("What loading costs", loading),
    "step": ("What a training step costs", step),
    "check": ("What `davsn check` costs, and how near its estimate of memory is", check),
    "splat": ("What propagation costs", splat),
    "flow_cost": ("What flow on the fly costs", flow_cost),
    "flow_cache": ("How small flow is kept", flow_cache),
    "correlation": ("FlowNet2's correlation", correlation),
    "flow_networks": ("What neural flow costs", flow_networks),
}
"""Record's name → the section's title and its writer, in the page's order."""


def load(folder: Path) -> dict[str, Record]:
    """All records in a folder, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def page(records: Mapping[str, Record]) -> str:
    """The text of docs/results.md."""
    lines = [HEAD]
    for name, (title, write) in SECTIONS.items():
        lines += [f"## {title}", ""]
        lines += write(records[name]) if name in records else ["Not recorded yet.", ""]
    return "\n".join(lines).rstrip() + "\n"


def in_readme(readme: str, records: Mapping[str, Record]) -> str:
    """README.md with the table of the demo between its two marks."""
    before, rest = readme.split(START)
    after = rest.split(END)[1]
    lines = summary(rows_of(records["demo"])) if "demo" in records else ["Not recorded yet.", ""]
    return f"{before}{START}\n\n" + "\n".join(lines) + f"\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is out of date")
    checking = parser.parse_args().check
    records, stale = load(RECORDS), []
    for path, text in ((PAGE, page(records)), (README, in_readme(README.read_text(encoding="utf-8"), records))):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not checking:
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path.relative_to(PROJECT)} {'is out of date' if checking else 'written'}")
    return 1 if checking and stale else 0


if __name__ == "__main__":
    sys.exit(main())
