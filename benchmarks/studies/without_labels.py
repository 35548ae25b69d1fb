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
RANDOM = {"name": "encoder_head", "head": "sum", "weights": "random"}
ENCODERS = ("resnet18", "mobilenetv3_small_100", "efficientvit_b0", "convnext_atto", "regnetx_002", "mit_b0")
"""Encoders that are tried from random weights. ImageNet's cannot be had without a hub."""
HEADS = ("segformer", "daformer", "upernet")
PARTS: dict[str, dict[str, Any]] = {
    "statistics": {"training.target_statistics": 0},
    "photometric": {"source.photometric": None},
    "style": {"source.style": None},
    "adjust": {"method.adjust": 0},
}
"""Part of the training recipe → the change that leaves it out."""
PLAIN = {key: value for change in PARTS.values() for key, value in change.items()}
VARIED: dict[str, dict[str, Any]] = {
    "source_only": PLAIN,
    "EfficientNet-Lite0": {"network.encoder": "tf_efficientnet_lite0"},
    "random weights": {"network.weights": None},
    "30 clips": {"source.clips": 30, "source.length": 12},
    "900 steps, 360 clips": {"source.clips": 360, "training.steps": 900},
    **{f"without {part}": change for part, change in PARTS.items()},
    **{f"head {name}": {"network.name": "encoder_head", "network.head": {"name": name, "width": 64}} for name in HEADS},
    **{f"{name}, random weights": {"network": RANDOM | {"encoder": name}} for name in ENCODERS},
}
"""What is changed of the recipe with the streets of variety 1."""
ROWS: dict[str, dict[str, Any]] = {
    "streets, variety 0": {"source.variety": 0},
    "streets, variety 1": {"source.variety": 1},
    "ProcCity": {"source": "procity"},
    **{f"streets, variety 1, {title}": {"source.variety": 1, **changes} for title, changes in VARIED.items()},
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
    if changes.get("network.encoder") == "tf_efficientnet_lite0":
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
    values["training"]["steps"] = given.steps
    for seed, title in itertools.product(given.seeds, given.rows):
        if any((row["method"], row["seed"]) == (title, seed) for row in rows):
            continue
        if "efficientnet" in str(ROWS[title]) and given.lite0 is None:
            print(f"{title}: left out, since --lite0 is not given", flush=True)
            continue
        experiment = of_row(values, ROWS[title], given.data.resolve(), given.lite0)
        folder, begun = given.out / f"seed{seed}" / title.replace(", ", "_").replace(" ", "_"), time.monotonic()
        fresh = not folder.exists()
        done = davsn.train(experiment, {"seed": seed}, out=folder, quiet=True)
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
