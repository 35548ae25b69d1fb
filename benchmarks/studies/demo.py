"""The demo over several seeds.

Run: python -m benchmarks.studies.demo [--seeds 1 2 3]
Rows that the record has are not run again. The record ``demo_random`` is that of the demo before its networks started
from ImageNet weights; its commit has the script for it.
"""

import argparse
from pathlib import Path

import torch

from benchmarks.records import PROJECT, commit, recorded, row, write
from davsn.api.demo import FULL, RUNS, draw, run


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
        for name in RUNS:
            if any((known["method"], known["seed"]) == (name, seed) for known in rows):
                continue
            result = run(name, out, FULL, seed, [])
            if result is None:
                return
            rows.append(row(name, seed, result.scores, result.seconds))
            rows.sort(key=lambda row: (row["seed"], list(RUNS).index(row["method"])))
            settings = {"recipe": "demo", "size": FULL.size, "clips": FULL.training, "steps": FULL.steps}
            write("demo", "davsn demo over seeds", settings, code, rows=rows)


if __name__ == "__main__":
    main()
