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


def study(name: str, title: str, about: str, target: str = "camera") -> None:
    """Train and score the demo's networks, and write the record ``name``.

    Args:
        name: the record; the runs are in a folder of this name.
        title: the record's title.
        about: what the script's help says.
        target: the target domain of the streets.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / f"benchmark_{name}")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    code, rows = commit(), recorded(name)
    settings = {"recipe": "demo", "target": target, "size": FULL.size, "clips": FULL.training, "steps": FULL.steps}
    for seed in given.seeds:
        out = given.out / f"seed{seed}"
        draw(out / "world", FULL, seed, target=target)
        for method in RUNS:
            if any((known["method"], known["seed"]) == (method, seed) for known in rows):
                continue
            result = run(method, out, FULL, seed, [])
            if result is None:
                return
            rows.append(row(method, seed, result.scores, result.seconds))
            rows.sort(key=lambda row: (row["seed"], list(RUNS).index(row["method"])))
            write(name, title, settings, code, rows=rows)


if __name__ == "__main__":
    study("demo", "davsn demo over seeds", __doc__)
