"""Writes docs/results.md, and the tables in README.md and docs/flow.md, from the records in benchmarks/results/.

Run: python benchmarks/results_page.py [--check]
No number is typed by hand: a record is what a benchmark wrote, this script only rounds and averages. The form of a
record is in benchmarks/results/README.md. With --check nothing is written; the exit code says whether both are true.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from results_tables import Record, classes, column, groups, number, origin, rows_of, spread, summary, table

PROJECT = Path(__file__).parents[1]
RECORDS = PROJECT / "benchmarks" / "results"
PAGE = PROJECT / "docs" / "results.md"
README = PROJECT / "README.md"
FLOW_PAGE = PROJECT / "docs" / "flow.md"
START, END = "<!-- results:start -->", "<!-- results:end -->"

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

CORRECTIONS = """\
The public code of TPS does some things by accident (docs/methods.md). Here each is switched on alone, in `tps` with all
corrections: a correction is worth what its accident costs. All runs start from the same source-only network and train
as long again. Two accidents cannot happen on streets, the fixed height of 512 rows and the flow of another drive; and
the height ratio changes nothing here, since the light network's logits keep the shape of the frames.
"""

COST = """\
The light network on streets, a step of the trainer without the reading of its samples; each ratio is the median of
those of interleaved rounds. "Small views": discriminators at the logits' resolution and of half the width, as in the
recipes.
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


def plain(record: Record) -> list[str]:
    """Any record of rows: all their plain values."""
    rows = rows_of(record)
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if not isinstance(rows[0].get(key), dict)]
    body = [[number(v, 2) if isinstance(v := row.get(key), float | None) else str(v) for key in keys] for row in rows]
    return [*table([key.replace("_", " ") for key in keys], body), *origin(record)]


def corrections(record: Record) -> list[str]:
    """See :data:`CORRECTIONS`."""
    return [CORRECTIONS, *scored(record)]


def cost(record: Record) -> list[str]:
    """See :data:`COST`."""
    keys = {"of_source_only": 2, "seconds_of_processor": 3}
    body = [[row["method"], *(number(row[key], digits) for key, digits in keys.items())] for row in rows_of(record)]
    return [COST, *table(["method", "of source_only", "s of processor"], body), *origin(record)]


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


SECTIONS: dict[str, tuple[str, Section]] = {
    "demo": ("Streets: the demo", demo),
    "procity_camvid": ("ProcCity → CamVid: real video", procity),
    "tps_corrections": ("What each correction of TPS is worth", corrections),
    "method_cost": ("What a step of each method costs", cost),
    "streets_gap": ("How far apart the two streets are", gap),
    "flow_quality": ("How good flow is", flow_quality),
    "flow_effect": ("What good flow buys", lambda record: [*summary(rows_of(record)), *origin(record)]),
    "streets": ("What a frame of the streets costs", plain),
    "published_cost": ("What the published recipes need", needs),
    "loading": ("What loading costs", loading),
    "step": ("What a training step costs", step),
    "check": ("What `davsn check` costs, and how near its estimate of memory is", check),
    "splat": ("What propagation costs", splat),
    "correlation": ("FlowNet2's correlation", correlation),
    "flow_networks": ("What neural flow costs", flow_networks),
    "flow_cost": ("What flow on the fly costs", flow_cost),
    "flow_cache": ("How small flow is kept", flow_cache),
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
    return marked(readme, summary(rows_of(records["demo"])) if "demo" in records else None)


def in_flow_page(text: str, records: Mapping[str, Record]) -> str:
    """docs/flow.md with the tables of estimators between its two marks."""
    return marked(text, flow_quality(records["flow_quality"]) if "flow_quality" in records else None)


def marked(text: str, lines: list[str] | None) -> str:
    """A text with these lines between its two marks."""
    before, rest = text.split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n\n" + "\n".join(lines or ["Not recorded yet.", ""]) + f"\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is out of date")
    checking = parser.parse_args().check
    records, stale = load(RECORDS), []
    texts = {
        PAGE: page(records),
        README: in_readme(README.read_text(encoding="utf-8"), records),
        FLOW_PAGE: in_flow_page(FLOW_PAGE.read_text(encoding="utf-8"), records),
    }
    for path, text in texts.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not checking:
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path.relative_to(PROJECT)} {'is out of date' if checking else 'written'}")
    return 1 if checking and stale else 0


if __name__ == "__main__":
    sys.exit(main())
