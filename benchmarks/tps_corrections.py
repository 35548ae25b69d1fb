"""What each correction of TPS is worth on streets: ``python benchmarks/tps_corrections.py --seeds 1 2 3``.

Source-only training of the demo's length, from which all other runs start: source-only training going on for as long
again, the target's batch statistics alone, TPS with all corrections, TPS with all accidents that can happen here, and
TPS with one accident at a time. A correction is worth what its accident costs. All are scored once, at the end, on
clips that none was trained on. A run that was finished before is not trained again; its row then has no seconds.

Two accidents cannot happen here: cutting the stack of two frames at row 512 (these frames have 128), and reading
another drive's flow file (streets have no files). And one changes nothing here, which its row has to show: scaling
both components of the flow by the height ratio, since the light network's logits keep the frames' shape.
"""

import argparse
import json
from pathlib import Path

import torch

from davsn.cli.demo import FULL, Scale, draw, run
from records import PROJECT, commit, row, write

BLUR = [1.25, 1.75, 2.25]
"""The published standard deviations, for frames a quarter as large."""
ACCIDENTS = {
    "numbers augmented, not pictures": ["method.augmented=numbers"],
    "mirrored flow keeps its sign": ["method.mirrored_flow=kept"],
    "maps mirrored back after the warp": ["method.mirrored_back=after_warp"],
    "flow scaled by the height": ["video.flow_scale=height"],
}
TPS = ["method={name: tps, blur: " + json.dumps(BLUR) + "}"]


def runs(start: Path) -> dict[str, tuple[str, list[str]]]:
    """Title → the run's folder and what it changes in the demo's recipe."""
    begin = f"start={start}"
    every = [change for changes in ACCIDENTS.values() for change in changes]
    found = {
        "source only": ("source_only", ["method=source_only"]),
        "source only, twice as long": ("longer", ["method=source_only", begin]),
        "batch_norm": ("batch_norm", ["method=batch_norm", begin]),
        "tps": ("tps", [*TPS, begin]),
        "tps, all accidents": ("tps_accidents", [*TPS, *every, begin]),
    }
    for number, (title, changes) in enumerate(ACCIDENTS.items()):
        found[f"tps, {title}"] = (f"tps_accident{number}", [*TPS, *changes, begin])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / "benchmark_tps")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few steps on a small world, no record: does it run?")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    scale = Scale((128, 64), (2, 4), (1, 3), 2) if given.quick else FULL
    code, rows = commit(), []
    for seed in given.seeds:
        out = given.out / f"seed{seed}"
        draw(out / "world", scale, seed)
        for title, (name, changes) in runs(out / "source_only").items():
            result = run("da_vsn", out, scale, seed, [*changes, f"name={name}"])
            if result is None:
                return
            rows.append(row(title, seed, result.scores, result.seconds))
            print(f"seed {seed}  {title}: {result.scores.exact_miou:.2f}", flush=True)
            if not given.quick:
                settings = {"recipe": "demo", "size": FULL.size, "clips": FULL.training, "steps": FULL.steps}
                settings |= {"blur": BLUR}
                write("tps_corrections", "What TPS's corrections are worth", settings, code, rows=rows)


if __name__ == "__main__":
    main()
