"""Whether game → dashcam is harder than game → camera: the demo's three networks on the harder pair.

Run: python -m benchmarks.studies.harder_pair [--seeds 1 2 3]
Everything but the target domain is as in the demo. Rows that the record has are not run again.
"""

import argparse
from pathlib import Path

import torch

from benchmarks.records import PROJECT, commit, recorded, row, write
from davsn.api.demo import FULL, RUNS, draw, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / "benchmark_harder_pair")
    given = parser.parse_args()
    torch.set_num_threads(1)
    code, rows = commit(), recorded("harder_pair")
    for seed in given.seeds:
        out = given.out / f"seed{seed}"
        draw(out / "world", FULL, seed, target="dashcam")
        for name in RUNS:
            if any((known["method"], known["seed"]) == (name, seed) for known in rows):
                continue
            result = run(name, out, FULL, seed, [])
            if result is None:
                return
            rows.append(row(name, seed, result.scores, result.seconds))
            settings = {"recipe": "demo", "target": "dashcam", "size": FULL.size, "clips": FULL.training}
            write("harder_pair", "The demo on game → dashcam", settings | {"steps": FULL.steps}, code, rows=rows)


if __name__ == "__main__":
    main()
