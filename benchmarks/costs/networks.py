"""What networks of an encoder and a head cost: parameters, operations, and a frame and a step on one thread.

Run: python -m benchmarks.costs.networks [--width 512 --height 256] [--rounds 3] [--save]        (Linux)
Each network has random weights, 19 classes, and a process of its own. A step is the forward and the backward pass of
one frame with cross-entropy, without the optimiser. A frame is one forward pass in evaluation mode. ``peak`` is the
most memory (MiB) that the process held, less what it held after its imports.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.costs.flow_networks import held
from benchmarks.records import commit, write
from davsn.core.plugins import find
from davsn.core.settings import validate
from davsn.networks.image_network import ImageNetwork
from davsn.ops.resize import upsample

CLASSES = 19
NETWORKS: dict[str, dict[str, Any]] = {
    "deeplab (ResNet-101)": {"name": "deeplab"},
    "light, mobilenetv2_100": {"name": "light", "encoder": "mobilenetv2_100"},
    "light, regnetx_002": {"name": "light", "encoder": "regnetx_002"},
    "segformer on mit_b0": {"name": "encoder_head", "encoder": "mit_b0", "head": "segformer"},
    "daformer on mit_b0": {"name": "encoder_head", "encoder": "mit_b0", "head": "daformer"},
    "daformer on mit_b5": {"name": "encoder_head", "encoder": "mit_b5", "head": "daformer"},
    "sum on convnextv2_atto": {"name": "encoder_head", "encoder": "convnextv2_atto", "head": "sum"},
    "upernet on swin_tiny": {"name": "encoder_head", "encoder": "swin_tiny_patch4_window7_224", "head": "upernet"},
    "sum on efficientvit_b0": {"name": "encoder_head", "encoder": "efficientvit_b0", "head": "sum"},
    "linear on vit_small (DINOv2)": {
        "name": "encoder_head",
        "encoder": "vit_small_patch14_dinov2",
        "head": "linear",
    },
}
"""Title → settings."""


def seconds_of(work: Callable[[], object], rounds: int) -> float:
    """The least processor seconds of several rounds, after one that counts for nothing."""
    times = []
    for _ in range(rounds + 1):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times[1:])


def measure(settings: dict[str, Any], width: int, height: int, rounds: int) -> dict[str, float]:
    """Measure one network in this process."""
    torch.set_num_threads(1)
    before = held("VmRSS")
    kind = find(ImageNetwork, settings["name"])
    own = {key: value for key, value in settings.items() if key != "name"}
    weights = {} if settings["name"] == "deeplab" else {"weights": None}
    network = kind(validate(kind.Config, own | weights, "network"), CLASSES)
    images, labels = torch.rand(1, 3, height, width), torch.randint(CLASSES, (1, height, width))

    def frame() -> None:
        with torch.inference_mode():
            network(images)

    def step() -> None:
        cross_entropy(upsample(network(images).main, (height, width)), labels).backward()

    network.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(images)
    of_frame, peak_of_frame = seconds_of(frame, rounds), held("VmHWM") - before
    network.train()
    of_step = seconds_of(step, rounds)
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()) / 1e6,
        "operations": counter.get_total_flops() / 2e9,
        "frame": of_frame,
        "frame_peak": peak_of_frame,
        "step": of_step,
        "step_peak": held("VmHWM") - before,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/networks.json")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    shared = {key: getattr(options, key) for key in ("width", "height", "rounds")}
    if options.child:
        print(json.dumps(measure(NETWORKS[options.child], **shared)))
        return
    code, rows = commit(), []
    for title in NETWORKS:
        command = [sys.executable, "-m", __spec__.name, *(f"--{key}={value}" for key, value in shared.items())]
        printed = subprocess.run([*command, "--child", title], check=True, stdout=subprocess.PIPE, text=True).stdout
        rows.append({"network": title} | {key: round(value, 3) for key, value in json.loads(printed).items()})
        print(rows[-1], flush=True)
    if options.save:
        write("networks", "Cost of networks", shared, code, rows=rows)


if __name__ == "__main__":
    main()
