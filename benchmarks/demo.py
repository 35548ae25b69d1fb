"""The demo over several seeds, and what of da_vsn's gain its losses make: ``python benchmarks/demo.py --seeds 1 2 3``.

The extra row trains da_vsn with both of its target losses off. What is left is that target frames pass the network,
whose batch normalisation then learns the target's statistics: an adaptation of its own, which has to be told apart.
The demo's weights of da_vsn's losses were chosen on seed 0, so that seed is no result.
A run that was finished before is not trained again; its row then has no seconds.
"""

import argparse
from pathlib import Path

import torch

from davsn.cli.demo import FULL, RUNS, draw, run
from records import PROJECT, commit, row, write

OFF = ["method.adversarial_weight=0", "method.consistency_weight=0", "name=da_vsn_off"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / "benchmark_demo")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    code, rows = commit(), []
    for seed in given.seeds:
        out = given.out / f"seed{seed}"
        draw(out / "world", FULL, seed)
        for title, name, changes in [
            *((name, name, []) for name in RUNS),
            ("da_vsn, its target losses off", "da_vsn", OFF),
        ]:
            result = run(name, out, FULL, seed, changes)
            if result is None:
                return
            rows.append(row(title, seed, result.scores, result.seconds))
            settings = {"recipe": "demo", "size": FULL.size, "clips": FULL.training, "steps": FULL.steps}
            write("demo", "davsn demo over seeds", settings, code, rows=rows)


if __name__ == "__main__":
    main()
