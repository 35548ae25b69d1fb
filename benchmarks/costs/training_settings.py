"""What the settings cost and bring that save memory or time in a training step.

Run: python -m benchmarks.costs.training_settings [--rounds 5] [--size 320 160] [--only TEXT ...] [--save]
Every row is a step of source_only with a batch of four, on random frames, in a process of its own with one thread.
Processor time is the median of the rounds, after two steps that are not counted. Memory is the largest that the process
held, beyond what it held before the first step.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import torch

from benchmarks.records import commit, write
from davsn.core.clip import Batch
from davsn.core.plugins import find
from davsn.experiment.experiment import load
from davsn.methods.source_only import SourceOnly
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter
from davsn.training.loop import Trainer, optimisation_of

NETWORKS = {"light": "network=light", "deeplab": "network=deeplab"}
SETTINGS: dict[str, list[str]] = {
    "none": [],
    "accumulate in 2 parts": ["training.accumulate=2"],
    "accumulate in 4 parts": ["training.accumulate=4"],
    "recompute": ["training.recompute=true"],
    "fused": ["optimiser.fused=true"],
    "compile": ["training.compile=true"],
}
CLASSES, SAMPLES = 15, 4


def trainer_of(changes: list[str]) -> Trainer:
    """The trainer of a run with these settings, without its data and with random weights."""
    recipe = {"source": "streets", "target": "streets", "network": "light", "method": "source_only"}
    experiment = load(recipe, ["network.weights=null", "training.batch_size=4", "optimiser.name=adamw", *changes])
    torch.manual_seed(0)
    image = find(ImageNetwork, experiment.network.name)(experiment.network.settings, CLASSES)
    segmenter = VideoSegmenter(image, experiment.video.propagation, experiment.video.flow_scale)
    method = SourceOnly(SourceOnly.Config(), segmenter)
    optimisation = optimisation_of(method, experiment.optimiser, experiment.training)
    return Trainer(method, optimisation, experiment.training, torch.device("cpu"))


def batch(size: tuple[int, int]) -> Batch:
    """Random frames, flow and labels of (height, width)."""
    frames = {offset: torch.rand(SAMPLES, 3, *size) for offset in (0, -1)}
    flows = {(0, -1): 2 * torch.randn(SAMPLES, 2, *size)}
    return Batch(frames, flows, labels=torch.randint(0, CLASSES, (SAMPLES, *size)), names=("random",) * SAMPLES)


def measure(changes: list[str], size: tuple[int, int], rounds: int) -> dict[str, float]:
    """Processor seconds of a step, seconds until the second step has ended, and memory in MiB."""
    torch.set_num_threads(1)
    trainer, source = trainer_of(changes), batch(size)
    before, begun = _held(), time.process_time()
    for _ in range(2):
        trainer.step(source, None)
    first, seconds = time.process_time() - begun, []
    for _ in range(rounds):
        begun = time.process_time()
        trainer.step(source, None)
        seconds.append(time.process_time() - begun)
    return {"seconds": statistics.median(seconds), "first": first, "memory": _held() - before}


def _held() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, nargs=2, default=(320, 160), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--only", nargs="+", default=[""], help="rows whose title holds one of these texts")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--save", action="store_true")
    given = parser.parse_args()
    size = (given.size[1], given.size[0])
    if given.one:
        print(json.dumps(measure(json.loads(given.one), size, given.rounds)))
        return
    code, rows = commit(), list[dict[str, Any]]()
    for network, chosen in NETWORKS.items():
        for title, changes in SETTINGS.items():
            if not any(text in f"{network}, {title}" for text in given.only):
                continue
            common = ["--rounds", str(given.rounds), "--size", *map(str, given.size)]
            one = [sys.executable, "-m", "benchmarks.costs.training_settings", *common, "--one"]
            ended = subprocess.run([*one, json.dumps([chosen, *changes])], capture_output=True, text=True)
            if ended.returncode:
                raise SystemExit(ended.stderr)
            found = {key: round(value, 3) for key, value in json.loads(ended.stdout.splitlines()[-1]).items()}
            rows.append({"network": network, "setting": title, **found})
            print(rows[-1], flush=True)
    if given.save:
        settings = {"width": given.size[0], "height": given.size[1], "samples": SAMPLES, "rounds": given.rounds}
        write("training_settings", "Settings of training that save memory or time", settings, code, rows=rows)


if __name__ == "__main__":
    main()
