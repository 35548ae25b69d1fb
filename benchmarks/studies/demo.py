"""The demo over several seeds, beside da_vsn, and how much of da_vsn's gain comes from its losses.

Run: python -m benchmarks.studies.demo [--seeds 1 2 3]
The last row trains da_vsn with both of its target losses off. Target frames still pass the network, so its batch
normalisation learns the target's statistics. That is an adaptation of its own, and this row tells it apart.
The weights of da_vsn's losses were chosen on seed 0, which is therefore no result. Three more rows train the demo's
networks on pairs of frames, as da_vsn needs them. Rows that the record has are not run again.
"""

import argparse
from pathlib import Path

import torch

from benchmarks.records import PROJECT, commit, recorded, row, write
from davsn.api.demo import FULL, RUNS, draw, folder_name, run

PAIRS = ["video.propagation=warp"]
OFF = ["method.adversarial_weight=0", "method.consistency_weight=0", "name=da_vsn_off"]

ROWS: dict[str, tuple[str, list[str]]] = {
    **{name: (name, []) for name in RUNS},
    **{f"{name}, pairs of frames": (name, [*PAIRS, f"name={folder_name(name)}_pairs"]) for name in RUNS},
    "da_vsn": ("da_vsn", []),
    "da_vsn, its target losses off": ("da_vsn", OFF),
}
"""Title → the demo's row, and what is changed. A row that the demo lacks is its recipe as it is."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / "benchmark_demo")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    code, rows = commit(), recorded("demo")
    for seed in given.seeds:
        out = given.out / f"seed{seed}"
        draw(out / "world", FULL, seed)
        for title, (name, changes) in ROWS.items():
            if any((known["method"], known["seed"]) == (title, seed) for known in rows):
                continue
            result = run(name, out, FULL, seed, changes)
            if result is None:
                return
            rows.append(row(title, seed, result.scores, result.seconds))
            rows.sort(key=lambda row: (row["seed"], list(ROWS).index(row["method"])))
            settings = {"recipe": "demo", "size": FULL.size, "clips": FULL.training, "steps": FULL.steps}
            write("demo", "davsn demo over seeds", settings, code, rows=rows)


if __name__ == "__main__":
    main()
