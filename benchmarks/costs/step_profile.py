"""Where the time of one training step goes: PyTorch's profiler, summed by kind of operation.

Run: python -m benchmarks.costs.step_profile [--method da_vsn] [--device cpu] [--scale 1] [--save]
The step is that of benchmarks/costs/device.py. The second step is profiled, since the first prepares kernels. Time is
that of an operation itself, without the operations it calls: wall time on a processor, or that of CUDA's kernels. On
the CPU the profiler adds to every operation, so small ones seem to cost more than they do.
"""

import argparse
from typing import Any
from unittest import mock

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.costs.device import METHODS, SOURCE, TARGET, batch, trainer_of
from benchmarks.records import commit, write

KINDS = {
    "convolutions, backward": ("convolution_backward", "conv2d_backward"),
    "convolutions, forward": ("conv", "mkldnn_reorder"),
    "batch normalisation": ("batch_norm",),
    "resizing": ("upsample", "interpolate"),
    "softmax and losses": ("softmax", "nll_loss", "binary_cross_entropy", "log_sigmoid", "cosine", "log2", "xlogy"),
    "propagation": ("scatter", "gather", "grid_sampler", "index", "searchsorted", "sort"),
    "copies and zeros": ("copy", "zero", "fill", "cat", "clone", "contiguous", "pad", "empty"),
    "activations and pooling": ("relu", "pool", "clamp", "threshold"),
}
"""Kind → parts of the names of its operations; the first that fits counts, and the rest is arithmetic by element."""
REST, UPDATE = "arithmetic by element, and the rest", "clipping and optimisers"


def kind_of(name: str) -> str:
    """The kind of an operation."""
    return next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), REST)


def measure(method: str, device: torch.device, scale: float) -> list[dict[str, Any]]:
    """A row for each kind of operation, the most expensive first: its seconds, its share and its calls."""
    torch.manual_seed(0)
    trainer, *specs = trainer_of(method, "fp32", device)
    sizes = [(round(scale * height / 8) * 8, round(scale * width / 8) * 8) for height, width in (SOURCE, TARGET)]
    pair = [batch(spec, size) for spec, size in zip(specs, sizes, strict=True)]
    trainer.step(*pair)
    with mock.patch.object(trainer.optimisation, "finish", dict), profiling(device) as of_step:
        trainer.step(*pair)
    with profiling(device) as of_update:
        trainer.optimisation.finish()
    found: dict[str, list[float]] = {}
    for profiled, name in ((of_step, None), (of_update, UPDATE)):
        for event in profiled.key_averages():
            row = found.setdefault(name or kind_of(event.key), [0.0, 0])
            row[0] += (event.self_cpu_time_total if device.type == "cpu" else event.self_device_time_total) / 1e6
            row[1] += event.count
    whole = sum(seconds for seconds, _ in found.values())
    return [
        {"kind": kind, "seconds": round(seconds, 4), "share": round(100 * seconds / whole, 1), "calls": int(calls)}
        for kind, (seconds, calls) in sorted(found.items(), key=lambda item: -item[1][0])
    ]


def profiling(device: torch.device) -> profile:
    """PyTorch's profiler of this device."""
    return profile(activities=[ProfilerActivity.CPU if device.type == "cpu" else ProfilerActivity.CUDA])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="da_vsn", choices=METHODS)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--scale", type=float, default=1.0, help="of the published sizes")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/step_profile.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    code, rows = commit(), measure(options.method, torch.device(options.device), options.scale)
    for row in rows:
        print(f"{row['kind']:38}{row['seconds']:9.3f} s{row['share']:7.1f} %{row['calls']:8}")
    if options.save:
        settings = {key: value for key, value in vars(options).items() if key != "save"}
        write("step_profile", "Where the time of a step goes", settings, code, rows=rows)


if __name__ == "__main__":
    main()
