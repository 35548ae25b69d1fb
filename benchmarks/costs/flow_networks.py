"""What a pair of frames costs the neural flow estimators: processor time and memory, with random weights.

Run: python -m benchmarks.costs.flow_networks [--width 512 --height 256] [--rounds 3] [--save]        (Linux)
Each estimator runs in its own processes, on one thread, in float32. One process writes random weights to a file; the
other reads them and estimates. `peak` is the most memory (MiB) that the second process held at any time (VmHWM), less
what it held after its imports; reading the file is included. `largest` is the largest output of any layer. The claim
about FlowNet2: the peak is at most twice the weights plus the largest output. Flow of random weights is not scored.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.records import commit, write
from davsn.core.plugins import find
from davsn.flow.estimator import FlowEstimator

ESTIMATORS = [("flownet2", part) for part in ("full", "css", "cs", "c", "s", "sd")]
ESTIMATORS += [("raft_large", None), ("raft_small", None)]


def held(line: str) -> float:
    """MiB that this process holds (VmRSS) or held at most (VmHWM)."""
    found = re.search(rf"^{line}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def largest_output(network: nn.Module) -> list[float]:
    """A list of one: MiB of the largest output of the network's layers, filled when it runs."""
    largest = [0.0]

    def note(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor):
            largest[0] = max(largest[0], output.numel() * output.element_size() / 2**20)

    for module in network.modules():
        module.register_forward_hook(note)
    return largest


def child(name: str, part: str | None, file: Path, width: int, height: int, rounds: int) -> dict[str, float]:
    """Write random weights if the file is not there, else measure with those that are."""
    torch.set_num_threads(1)
    kind = find(FlowEstimator, name)
    options = {"part": part} if part else {}
    if not file.is_file():
        network = kind(kind.Config(weights="random", **options)).network
        torch.save({"state_dict": dict(network.state_dict())} if part else network.state_dict(), file)
        return {}
    before = held("VmRSS")
    estimator = kind(kind.Config(weights=file, **options))
    largest = largest_output(estimator.network)
    a, b = torch.rand(2, 1, 3, height, width)
    seconds = []
    for _ in range(rounds):
        begin = time.process_time()
        estimator.estimate(a, b)
        seconds.append(time.process_time() - begin)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in estimator.network.state_dict().values()) / 2**20
    peak = held("VmHWM")
    return {
        "seconds": min(seconds),
        "weights": weights,
        "largest": largest[0],
        "peak": peak - before,
        "peak_of_the_process": peak,
        "of_twice_the_weights_and_the_largest": (peak - before) / (2 * weights + largest[0]),
    }


def measure(name: str, part: str | None, options: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", __spec__.name, "--child", name, part or "", str(Path(folder) / "weights.pth")]
        command += [f"--{key}={getattr(options, key)}" for key in ("width", "height", "rounds")]
        for _ in range(2):
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    row = {"estimator": f"{name}, {part}" if part else name}
    return row | {key: round(value, 3) for key, value in json.loads(printed).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/flow_networks.json")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, part, file = options.child
        size = options.width, options.height
        print(json.dumps(child(name, part or None, Path(file), *size, options.rounds)))
        return
    rows = []
    for name, part in ESTIMATORS:
        rows.append(measure(name, part, options))
        print(rows[-1], flush=True)
    if options.save:
        settings = {key: value for key, value in vars(options).items() if key not in ("save", "child")}
        write("flow_networks", "Cost of the neural flow estimators", settings, commit(), rows=rows)


if __name__ == "__main__":
    main()
