"""Which small network learns most for its seconds: encoders and heads with the strong recipe of the demo.

Run: python -m benchmarks.studies.small_networks [--seeds 1 2 3] [--weights FILE] [--only TEXT ...]
Every row is the demo's row 'strong recipe' with another network: the same world and settings, and 240 steps. All
encoders have random weights, because those of ImageNet cannot be had for most of them. ``--weights`` adds a row of
``efficientnet_lite0`` with the ImageNet weights of ``benchmarks.studies.lite0_weights``; a last row has the ImageNet
weights of ``mobilenetv2_100``, which come with ``davsn[imagenet]``. Rows that the record has are not run again.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.records import PROJECT, commit, recorded, row, write
from davsn.api.demo import ADAPTED, FULL, draw, folder_name, run
from davsn.experiment.trained import open_trained

ENCODERS = (
    "regnetx_002",
    "mobilenetv2_100",
    "efficientnet_lite0",
    "resnet18",
    "convnext_atto",
    "mobilenetv3_small_100",
    "efficientvit_b0",
    "mit_b0",
)
HEADS = ("segformer", "daformer", "upernet")
OF_HEADS = ("regnetx_002", "mit_b0")
"""The encoders that every head is tried with: a convolutional one and a transformer. All heads are 64 wide."""

SCALE = replace(FULL, steps=240)
"""The demo's world. Random weights need more steps than the demo's, which start from ImageNet."""


def networks(weights: Path | None) -> dict[str, dict[str, Any]]:
    """Title → ``network`` of each row. A title names the encoder, the head and where the weights come from."""
    plain = {"name": "encoder_head", "weights": "random"}
    found = {f"{encoder}, sum": {**plain, "encoder": encoder, "head": "sum"} for encoder in ENCODERS}
    for encoder in OF_HEADS:
        own = {head: {**plain, "encoder": encoder, "head": {"name": head, "width": 64}} for head in HEADS}
        found |= {f"{encoder}, {head}": network for head, network in own.items()}
    start = {"mobilenetv2_100": "auto", **({} if weights is None else {"efficientnet_lite0": str(weights)})}
    for encoder, file in start.items():
        found[f"{encoder}, sum, ImageNet"] = {**plain, "encoder": encoder, "head": "sum", "weights": file}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--weights", type=Path, help="ImageNet weights of efficientnet_lite0")
    parser.add_argument("--only", nargs="+", default=[""], help="rows whose title holds one of these texts")
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / "benchmark_small_networks")
    given = parser.parse_args()
    torch.set_num_threads(1)
    code, rows = commit(), recorded("small_networks")
    plan = networks(given.weights)
    for seed in given.seeds:
        draw(given.out / f"seed{seed}" / "world", SCALE, seed)
        for title in (title for title in plan if any(text in title for text in given.only)):
            if any((known["network"], known["seed"]) == (title, seed) for known in rows):
                continue
            changes = [f"network={json.dumps(plan[title])}", f"name={folder_name(title.replace(',', ''))}"]
            begun = time.process_time()
            result = run(ADAPTED, given.out / f"seed{seed}", SCALE, seed, changes)
            if result is None:
                return
            seconds = time.process_time() - begun
            trained = open_trained(given.out / f"seed{seed}" / changes[1].removeprefix("name="), own_code=True)
            size = sum(parameter.numel() for parameter in trained.segmenter.image.parameters()) / 1e6
            scored = row(title, seed, result.scores, None)
            rows.append({"network": scored.pop("method"), **scored, "processor": round(seconds, 1), "parameters": size})
            rows.sort(key=lambda row: (row["seed"], list(plan).index(row["network"])))
            settings = {"recipe": "demo", "row": ADAPTED, "size": SCALE.size, "steps": SCALE.steps}
            write("small_networks", "Small networks with the strong recipe", settings, code, rows=rows)


if __name__ == "__main__":
    main()
