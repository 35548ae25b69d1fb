"""How much faster `davsn.ops.warp.splat` is than the double loop it replaces; both are equal bit for bit.

Run: python -m benchmarks.costs.splat [--height 91 --width 161 --channels 15] [--save]
The default size is the feature map of a 1280×720 frame. One CPU thread. The loop runs on NumPy arrays whose feature
vectors are contiguous, and its targets are rounded beforehand in one call: such a loop cannot be much faster.
"""

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.records import PROJECT, commit, write
from davsn.ops.warp import splat

sys.path.insert(0, str(PROJECT / "tests"))
from oracles.propagation import literal_splat


def best_of(*calls: Callable[[], object], rounds: int = 60) -> list[float]:
    """Seconds of each call's fastest run, taken in turns and warm: the runs that other processes disturbed least."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, taken in zip(calls, seconds, strict=True):
            call()
            begin = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begin)
    return [min(taken) for taken in seconds]


def measure(channels: int, height: int, width: int, seed: int) -> dict[str, float]:
    """Milliseconds of both, and of splat with its backward pass, on a flow like that of a driving scene."""
    random = torch.Generator().manual_seed(seed)
    maps = torch.randn(1, channels, height, width, generator=random)
    coarse = 2 * torch.randn(1, 2, 6, 10, generator=random, dtype=torch.float64)
    flow = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)
    maps_array, flow_array = maps[0].numpy(), flow[0].numpy()
    expected, written = literal_splat(maps_array, flow_array)
    splatted, hit = splat(maps, flow)
    assert np.array_equal(splatted[0].numpy(), expected)
    assert np.array_equal(hit[0].numpy(), written)

    learned = maps.clone().requires_grad_()
    loop, ours, both = best_of(
        lambda: literal_splat(maps_array, flow_array),
        lambda: splat(maps, flow),
        lambda: splat(learned, flow)[0].sum().backward(),
    )
    return {"loop_ms": loop * 1e3, "splat_ms": ours * 1e3, "splat_backward_ms": both * 1e3, "ratio": loop / ours}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--height", type=int, default=91)
    parser.add_argument("--width", type=int, default=161)
    parser.add_argument("--channels", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/splat.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(options.channels, options.height, options.width, options.seed)
    print(f"{options.width}×{options.height}×{options.channels}, one thread, equal bit for bit")
    print(f"double loop {found['loop_ms']:7.2f} ms")
    print(f"splat       {found['splat_ms']:7.2f} ms   {found['ratio']:.1f}× faster")
    print(f"  + backward{found['splat_backward_ms']:7.2f} ms")
    if options.save:
        settings = {key: value for key, value in vars(options).items() if key != "save"}
        results = {key: round(value, 3) for key, value in found.items()}
        write("splat", "DA-VSN's propagation", settings, commit(), results=results)


if __name__ == "__main__":
    main()
