"""What `davsn check` takes to look up 20,000 files, and how close its estimate of memory is to a real step.

Run: python -m benchmarks.costs.check [--files 20000] [--save]        (Linux)
The files are hard links to a few tiny ones, in the layouts of the data sets. The check lists every folder and looks for
every flow file; it opens none. Memory: the estimate, against the growth of a process during two real steps on the
streets, in fp32 on the CPU. The growth counts from one step of the smallest network on. One thread.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.records import commit, write
from davsn.core.clip import ClipSpec
from davsn.data.loading import training_batches
from davsn.data.samples import Samples, target_training
from davsn.doctor.data import look_up
from davsn.doctor.rehearsal import rehearse
from davsn.experiment.building import build_dataset, build_segmenter
from davsn.experiment.experiment import Experiment, load
from davsn.methods.da_vsn import DaVsn
from davsn.training.loop import Trainer, optimisation_of

SPEC = ClipSpec((0, -1), ((0, -1),), labels=True)
TINY = {"name": "light", "encoder": "mobilenetv3_small_050", "width": 8, "weights": None}
NETWORKS: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "light, resnet18": ({"name": "light", "weights": None}, (640, 320)),
    "deeplab, 8 blocks": ({"name": "deeplab", "layers": [2, 2, 2, 2]}, (320, 160)),
    "deeplab, ResNet-101": ({"name": "deeplab"}, (320, 160)),
}


def names(layout: str, files: int) -> Iterator[tuple[str, str, str]]:
    """Picture, label and flow file of every frame; empty where it has none."""
    if layout == "viper":  # half pictures, half labels and flow of every tenth of them
        for place in range(int(files / 1.2)):
            drive, number = 1 + place // 1000, 1 + place % 1000
            name, used = f"{drive:03d}_{number:05d}", number % 10 == 0
            yield (
                f"train/img/{drive:03d}/{name}.jpg",
                f"train/cls/{drive:03d}/{name}.png" if used else "",
                f"flow/{name}{number - 1:05d}_int16_x10.npy" if used else "",
            )
    elif layout == "cityscapes":
        for place in range(int(files / (1 + 2 / 30))):
            snippet, number = divmod(place, 30)
            city = f"city{snippet % 18:02d}"
            name, used = f"{city}_{snippet:06d}_{number:06d}", number == 19
            yield (
                f"leftImg8bit_sequence/train/{city}/{name}_leftImg8bit.png",
                f"gtFine/train/{city}/{name}_gtFine_labelIds.png" if used else "",
                f"flow/{name}_{number - 1:06d}_int16_x10.npy" if used else "",
            )
    else:
        for place in range(files // 3):
            name = f"drive_{place // 500:03d}/{place % 500:06d}"
            yield f"frames/{name}.jpg", f"labels/{name}.png", f"flow/{name}.npy"


def lay_out(root: Path, layout: str, files: int) -> int:
    """Make the files; how many there are."""
    root.mkdir()
    first: dict[str, Path] = {}
    count = 0
    for row in names(layout, files):
        for name in filter(None, row):
            path, count = root / name, count + 1
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix not in first:
                write_tiny(path)
                first[path.suffix] = path
            else:
                os.link(first[path.suffix], path)
    if layout == "folder":
        (root / "classes.yaml").write_text(
            "classes: [{name: road, color: [128, 64, 128]}, {name: sky, color: [70, 130, 180]}]"
        )
    return count


def write_tiny(path: Path) -> None:
    if path.suffix == ".npy":
        np.save(path, np.zeros((2, 4, 2), np.int16))
    else:
        Image.fromarray(np.zeros((2, 4), np.uint8)).save(path)


def looked_up(layout: str, files: int) -> dict[str, Any]:
    """Seconds to make a data set and to look it up: the best of three, and the wall's for the first."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / layout
        count = lay_out(root, layout, files)
        settings = {"name": layout, "root": str(root), "flow": "stored", "flow_root": str(root / "flow")}
        part = load({"source": settings, "network": TINY, "method": "source_only"}).source
        listing, looking, wall = [], [], []
        for _ in range(3):
            begin, clock = time.process_time(), time.perf_counter()
            dataset = build_dataset(part)
            between = time.process_time()
            found = look_up(dataset, SPEC)
            looking.append(time.process_time() - between)
            listing.append(between - begin)
            wall.append(time.perf_counter() - clock)
        assert not any(finding.severity == "fatal" for finding in found), found
    return {
        "layout": layout,
        "files": count,
        "listing_s": round(min(listing), 3),
        "looking_up_s": round(min(looking), 3),
        "wall_s": round(wall[0], 3),
    }


def experiment_of(network: dict[str, Any], size: tuple[int, int]) -> Experiment:
    streets = {"name": "streets", "size": list(size), "clips": 1, "length": 2, "flow": "exact"}
    return load(
        {
            "source": streets,
            "target": {**streets, "domain": "camera", "seed": 1},
            "network": network,
            "method": {"name": "da_vsn", "discriminator_width": 16},
            "training": {"steps": 3, "device": "cpu"},
        }
    )


def trainer_of(experiment: Experiment) -> tuple[Trainer, list[Any]]:
    source, target = build_dataset(experiment.source), build_dataset(experiment.target or experiment.source)
    assert source.taxonomy is not None
    method = DaVsn(
        DaVsn.Config(**experiment.method.settings.model_dump()), build_segmenter(experiment, len(source.taxonomy))
    )
    samples = [(source, DaVsn.source), (target_training(target), DaVsn.target)]
    batches = [next(training_batches(Samples(data, spec), 1, 0)) for data, spec in samples]
    optimisation = optimisation_of(method, experiment.optimiser, experiment.training)
    return Trainer(method, optimisation, experiment.training, torch.device("cpu")), batches


def grown(network: dict[str, Any], size: tuple[int, int], into: Any) -> None:
    """Puts the bytes that two steps add to a process; runs in one of its own."""
    torch.set_num_threads(1)
    trainer, batches = trainer_of(experiment_of(TINY, (64, 64)))
    trainer.step(*batches)  # libraries are loaded now
    del trainer
    before = resident()
    trainer, batches = trainer_of(experiment_of(network, size))
    for _ in range(2):
        trainer.step(*batches)
    into.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def memory(network: str) -> dict[str, Any]:
    settings, size = NETWORKS[network]
    context = multiprocessing.get_context("spawn")
    into = context.SimpleQueue()
    process = context.Process(target=grown, args=(settings, size, into))
    process.start()
    process.join()
    trainer, batches = trainer_of(experiment_of(settings, size))
    estimate, measured = rehearse(trainer, *batches).memory, into.get()
    return {
        "network": network,
        "size": f"{size[0]}×{size[1]}",
        "estimate_mib": round(estimate / 2**20, 1),
        "measured_mib": round(measured / 2**20, 1),
        "ratio": round(measured / estimate, 3),
    }


def timed(what: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    row = measure()
    print(f"{what}: " + ", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/check.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    code = commit()
    rows = [
        timed("look-up", lambda kind=kind: looked_up(kind, options.files)) for kind in ("viper", "cityscapes", "folder")
    ]
    peaks = [timed("memory", lambda kind=kind: memory(kind)) for kind in NETWORKS]
    if options.save:
        write("check", "The doctor", {"files": options.files}, code, rows=rows, memory=peaks)
    if any(row["wall_s"] > 20 for row in rows):
        sys.exit("the look-up takes more than 20 s")


if __name__ == "__main__":
    main()
