"""What the drawn world teaches real video: streets to CamVid, without a label of anyone's.

Run: python -m benchmarks.studies.without_labels --data FOLDER [--lite0 FILE] [--seeds 1 2 3] [--rows TITLE …]

The folder holds the pair (source/, target/, classes.yaml); it is not part of this repository. Every row is the recipe
of ``davsn adapt`` with the changes of :data:`ROWS`. The target is the unlabelled clip and the unlabelled stills, which
give style and batch statistics. The last checkpoint is scored, once, on the labelled stills and on the labelled clip.
Nothing is chosen on them. Rows that the record has are not run again.
"""

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

import torch
import yaml

import davsn
from benchmarks.records import PROJECT, commit, recorded, row, write
from davsn.core.settings import override
from davsn.experiment.recipes import recipe_values

MEMBERS = {
    "pole": ["pole"],
    "sign": ["sign", "light"],
    "vegetation": ["vegetation", "terrain"],
    "person": ["person", "rider", "bicycle"],
    "vehicle": ["car", "truck", "bus", "motorcycle"],
}
"""Classes of the pair → the drawn classes that they are made of, where that is not the class of the same name."""
SIZE = [216, 160]
"""(width, height) of drawn frames: the aspect of CamVid."""
PLAIN = {"source.photometric": None, "source.style": None, "training.target_statistics": 0, "method.adjust": 0}
LITE0 = {"network.encoder": "tf_efficientnet_lite0"}
ENCODER_HEAD = {"name": "encoder_head", "encoder": "mobilenetv2_100", "weights": "random"}
HEADS: dict[str, dict[str, Any]] = {
    name: {"head": {"name": name, "width": 64}} for name in ("segformer", "daformer", "upernet")
}
"""Heads that are tried on the ImageNet encoder of the recipe ``adapt``; its own sums the levels."""
RANDOM = ("regnetx_002", "resnet18", "mobilenetv3_small_100", "efficientvit_b0", "mit_b0", "convnext_atto")
"""Encoders that are tried from random weights, since ImageNet's cannot be had without a hub."""
ROWS: dict[str, dict[str, Any]] = {
    "streets, variety 0": {"source.variety": 0},
    "streets, variety 1": {"source.variety": 1},
    "ProcCity": {"source": "procity"},
    "streets, variety 1, source_only": {"source.variety": 1, **PLAIN},
    "streets, variety 1, EfficientNet-Lite0": {"source.variety": 1, **LITE0},
    "streets, variety 1, random weights": {"source.variety": 1, "network.weights": None},
    "streets, variety 1, 30 clips": {"source.variety": 1, "source.clips": 30, "source.length": 12},
    **{
        f"streets, variety 1, head {head}": {"source.variety": 1, "network": {**ENCODER_HEAD, "weights": "auto"} | of}
        for head, of in HEADS.items()
    },
    **{
        f"streets, variety 1, {encoder}, random weights": {
            "source.variety": 1,
            "network": {**ENCODER_HEAD, "encoder": encoder, "head": "sum"},
        }
        for encoder in RANDOM
    },
}
"""Title → changes of the recipe."""


def recipe(data: Path, table: Path) -> dict[str, Any]:
    """The recipe ``adapt`` from the drawn world to the pair's target."""
    values = recipe_values("adapt")
    values["source"] |= {"size": SIZE, "classes": table}
    values["training"]["workers"] = 0
    train, val, size = data / "target" / "train", data / "target" / "val", values["target"]["size"]
    stills = {"name": "folder", "root": train, "frames": "stills", "labels": None, "stills": True}
    clip = {"name": "folder", "root": train, "labels": None}
    values["target"] = {"name": "several", "sets": {"clip": clip, "stills": stills}, "size": size, "mirror": True}
    scored = {"name": "folder", "root": val, "classes": data / "classes.yaml", "missing": "repeat", "size": size}
    unseen = {"frames": "stills", "labels": "stills_labels", "stills": True}
    values["validation"] = {"stills": {**scored, **unseen}, "clip": scored}
    return values


def of_row(values: dict[str, Any], changes: dict[str, Any], data: Path, lite0: Path | None) -> dict[str, Any]:
    """The recipe of a row."""
    changes = dict(changes)
    if changes.pop("source", None) == "procity":
        kept = {key: values["source"][key] for key in ("mirror", "photometric", "style")}
        values = {**values, "source": {"name": "folder", "root": data / "source", "classes": data / "classes.yaml"}}
        values["source"] |= {**kept, "size": values["target"]["size"]}
    if "network.encoder" in changes:
        changes["network.weights"] = lite0
    return override(values, changes)


def class_table(data: Path, file: Path) -> Path:
    """Write the pair's class table with the drawn classes that each class is made of."""
    content = yaml.safe_load((data / "classes.yaml").read_text(encoding="utf-8"))
    for entry in content["classes"]:
        entry["of"] = MEMBERS.get(entry["name"], [entry["name"]])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lite0", type=Path, help="ImageNet weights (see benchmarks/studies/lite0_weights.py)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--steps", type=int, default=recipe_values("adapt")["training"]["steps"])
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / "benchmark_without_labels")
    given = parser.parse_args()
    torch.set_num_threads(1)
    code, rows = commit(), recorded("without_labels")
    values = recipe(given.data.resolve(), class_table(given.data, given.out.resolve() / "classes.yaml"))
    for seed, title in itertools.product(given.seeds, given.rows):
        if any((row["method"], row["seed"]) == (title, seed) for row in rows):
            continue
        if "efficientnet" in str(ROWS[title]) and given.lite0 is None:
            print(f"{title}: left out, since --lite0 is not given", flush=True)
            continue
        experiment = of_row(values, ROWS[title], given.data.resolve(), given.lite0)
        folder, begun = given.out / f"seed{seed}" / title.replace(", ", "_").replace(" ", "_"), time.monotonic()
        fresh = not folder.exists()
        done = davsn.train(experiment, {"seed": seed, "training.steps": given.steps}, out=folder, quiet=True)
        seconds = time.monotonic() - begun if fresh else None
        for name, scores in done.scores.items():
            rows.append(row(title, seed, scores, seconds, set=name))
            print(f"seed {seed} {name:7} {title}: {scores.exact_miou:.2f}", flush=True)
        rows.sort(key=lambda row: (row["seed"], list(ROWS).index(row["method"])))
        settings = {"recipe": "adapt", "steps": given.steps, "size": SIZE, "members": MEMBERS}
        settings |= {"changes": {name: {key: str(v) for key, v in changes.items()} for name, changes in ROWS.items()}}
        write("without_labels", "Streets to CamVid, without a label of anyone's", settings, code, rows=rows)


if __name__ == "__main__":
    main()
