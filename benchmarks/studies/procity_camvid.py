"""Synthetic video to real video: ProcCity to CamVid over several seeds, with the commands that a user types.

Run: python -m benchmarks.studies.procity_camvid --data FOLDER --weights FILE [--seeds 0 1 2]
The folder holds the pair (source/, target/, classes.yaml); it is not part of this repository. The weights are ImageNet
weights for tf_efficientnet_lite0; benchmarks/studies/lite0_weights.py writes them. Nothing is chosen on the validation
frames: the last checkpoint is scored, once. Rows that the record has are not run again. A finished run is scored again,
and its row has no seconds.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.records import PROJECT, commit, recorded, row, write
from benchmarks.studies.plans import RECORDED
from davsn.cli import main as davsn
from davsn.data.sets.folder import Folder
from davsn.scoring.scores import Scores

METHODS = {
    "source_only": ["--method", "source_only"],
    "da_vsn": ["--method", "da_vsn"],
    "da_vsn, the published weights": [
        *("--method", "da_vsn"),
        *("method.adversarial_weight=0.001", "method.consistency_weight=0.001"),
    ],
    "da_vsn, its target losses off": [
        "--method",
        "da_vsn",
        "method.adversarial_weight=0",
        "method.consistency_weight=0",
    ],
}
AS_RECORDED = [f"{key}={json.dumps(value)}" for key, value in RECORDED.items()]
STILLS = {"frames": "stills", "labels": "stills_labels", "stills": True}
SETS = {"stills": [f"{key}={str(value).lower()}" for key, value in STILLS.items()], "clip": []}


def command(*words: object) -> None:
    """Run ``davsn`` as a user would; anything but success ends the benchmark."""
    code = davsn([str(word) for word in words])
    if code:
        raise SystemExit(code)


def shares(data: Path) -> dict[str, dict[str, float]]:
    """Set → class → share × 100 of the labelled pixels, of every third frame: how far the layouts are apart."""
    sets = {
        "source": (data / "source", {}),
        "stills": (data / "target" / "val", STILLS),
        "clip": (data / "target" / "val", {}),
    }
    found = {}
    for name, (root, options) in sets.items():
        dataset = Folder(Folder.Config(root=root, classes=data / "classes.yaml", **options))
        assert dataset.taxonomy is not None
        classes = len(dataset.taxonomy)
        places = [(clip, at) for clip, info in enumerate(dataset.clips) for at in info.labelled][::3]
        ids = np.concatenate([dataset.read_label(*place).ravel() for place in places])
        counts = np.bincount(ids[ids < classes], minlength=classes)
        found[name] = dict(zip(dataset.taxonomy.names, (counts / counts.sum() * 100).round(2).tolist(), strict=True))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / "benchmark_procity_camvid")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    data, code, rows = given.data, commit(), recorded("procity_camvid")
    layout = shares(data)
    for seed, (title, options) in itertools.product(given.seeds, METHODS.items()):
        if any((row["method"], row["seed"]) == (title, seed) for row in rows):
            continue
        folder = given.out / f"seed{seed}" / title.replace(", ", "_").replace(" ", "_")
        fresh, begun = not folder.exists(), time.monotonic()
        command(
            *("adapt", "--source", data / "source", "--target", data / "target" / "train"),
            *("--classes", data / "classes.yaml", "-o", folder, f"seed={seed}", f"training.steps={given.steps}"),
            *("training.workers=0", f"network.weights={given.weights}", "method.adjust=0", *AS_RECORDED, *options),
        )
        seconds = time.monotonic() - begun if fresh else None
        for name, changes in SETS.items():
            file = folder / f"scores_{name}.json"
            where = ["--data", data / "target" / "val", "--classes", data / "classes.yaml"]
            command("eval", folder, *where, "-o", file, *changes)
            rows.append(row(title, seed, Scores.load(file), seconds, set=name))
        rows.sort(key=lambda row: (row["seed"], list(METHODS).index(row["method"])))
        settings = {"recipe": "adapt", "steps": given.steps, "encoder": "tf_efficientnet_lite0, ImageNet"}
        write("procity_camvid", "ProcCity to CamVid", settings, code, rows=rows, shares=layout)


if __name__ == "__main__":
    main()
