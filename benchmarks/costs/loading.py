"""What loading a pair of frames costs, against decoding them.

Run: python -m benchmarks.costs.loading [--pairs 3] [--rounds 8] [--save]
The frames are streets in the layout of Cityscapes-Seq, 2048×1024, in the look of the game, with sensor noise added. The
noise brings a PNG to the size of Cityscapes' files, 2.3 MB, since the time to decode depends on it. A target sample is
resized to 1024×512 and made a batch. The baseline is ``cv2.imread`` of its two files and nothing else. For the cache,
an epoch that fills an empty cache is compared with the next epoch. All tasks take turns, in rounds. The shortest
processor times are reported, since a busy machine disturbs them least. All files are in the system's memory, so no task
waits for a disk.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.records import commit, write
from davsn.core.clip import PAIR
from davsn.data.export import write_frame
from davsn.data.export.files import Place
from davsn.data.images import read_picture
from davsn.data.loading import Samples, collate, target_training
from davsn.data.sets.cityscapes import Cityscapes
from davsn.data.sets.streets import Config, Streets
from davsn.flow.files.io import write_flow

FULL, USED = (2048, 1024), (1024, 512)
NOISE = 0.7
"""Standard deviation, in levels."""


def draw(folder: Path, pairs: int) -> list[Path]:
    """Write a tree of that many pairs; its pictures. Flow is at 1024×512, as the published files are."""
    large, small = (Streets(Config(clips=pairs, length=2, size=size, seed=3)) for size in (FULL, USED))
    noise = np.random.default_rng(0)
    for clip in range(pairs):
        written = set(folder.glob("Estimated*/*.npy"))
        for position in range(2):
            write_frame("cityscapes", Place(large, folder, clip, position))
        (flow,) = set(folder.glob("Estimated*/*.npy")) - written
        write_flow(flow, small.read_flow(clip, 1, 0)[0])
    pictures = sorted(folder.rglob("*_leftImg8bit.png"))
    for path in pictures:
        frame = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        noisy = np.rint(frame + noise.normal(0, NOISE, frame.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(path)
    return pictures


def samples_of(folder: Path, flow: str, cache: Path | None = None) -> Samples:
    """The pairs of a tree, as target training reads them."""
    config = Cityscapes.Config(
        root=folder,
        size=USED,
        flow=flow,
        flow_root=folder / "Estimated_optical_flow_Cityscapes-Seq_train",
        cached=cache is not None,
        cache_folder=cache,
    )
    return Samples(target_training(Cityscapes(config)), replace(PAIR, labels=False))


def epoch(folder: Path, flow: str, cache: Path | None = None) -> Callable[[], None]:
    """Loads every pair once, as target training does."""
    samples = samples_of(folder, flow, cache)

    def load() -> None:
        for index in range(len(samples)):
            collate([samples.load(index, np.random.default_rng(index))])

    return load


def shortest(tasks: dict[str, Callable[[], object]], rounds: int, before: Callable[[], object]) -> dict[str, float]:
    """Seconds of the processor of each task, the least of all rounds; ``before`` is called at the start of each."""
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(rounds):
        before()
        for name, task in tasks.items():
            start = time.process_time()
            task()
            best[name] = min(best[name], time.process_time() - start)
    return best


def measure(folder: Path, pairs: int, rounds: int) -> tuple[dict[str, float], float]:
    """Milliseconds a pair, by task; and MB of a picture."""
    tree, cache = folder / "tree", folder / "cache"
    pictures = draw(tree, pairs)
    tasks: dict[str, Callable[[], object]] = {
        "decode": lambda: [cv2.imread(str(path)) for path in pictures],
        "decode, by our reader": lambda: [read_picture(path) for path in pictures],
    }
    tasks |= {f"flow: {flow}": epoch(tree, flow) for flow in ("zero", "stored", "dis")}
    for flow in ("zero", "stored", "dis, cached"):
        for number in ("first", "second"):
            tasks[f"flow: {flow}; frames cached, {number} epoch"] = epoch(tree, flow, cache / flow)
    best = shortest(tasks, rounds, lambda: shutil.rmtree(cache, ignore_errors=True))
    size = float(np.mean([path.stat().st_size for path in pictures]))
    return {name: 1000 * seconds / pairs for name, seconds in best.items()}, size / 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--rounds", type=int, default=8)
    options.add_argument("--save", action="store_true", help="write benchmarks/results/loading.json")
    given = options.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    code = commit()
    with tempfile.TemporaryDirectory() as folder:
        found, megabytes = measure(Path(folder), given.pairs, given.rounds)
    print(f"PNG of {FULL[0]}x{FULL[1]}, {megabytes:.2f} MB each; ms of processor a pair")
    rows = []
    for name, taken in found.items():
        first = found[name.replace("second", "first")]
        rows.append(
            {
                "what": name,
                "ms of processor a pair": round(taken, 2),
                "of the decodes": round(taken / found["decode"], 2),
                "first epoch over this": round(first / taken, 1) if "second" in name else "",
            }
        )
        print("  ".join(str(value) for value in rows[-1].values()))
    if given.save:
        settings = {"picture": FULL, "size": USED, "noise": NOISE, "megabytes": round(megabytes, 2), **vars(given)}
        write("loading", "Loading a pair of frames", settings, code, rows=rows)


if __name__ == "__main__":
    main()
