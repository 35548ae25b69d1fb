"""FlowNet2's correlation in plain PyTorch: the time of each variant, and how far ours is from the fastest.

Run: python -m benchmarks.costs.correlation [--sizes 512x256 1024x512] [--rounds 12] [--save]
One CPU thread and processor time. The variants take turns, and each one's fastest round counts. Features have 256
channels at an eighth of the frame, with 441 displacements. The first round compares every variant with the definition.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.records import commit, write
from davsn.flow.estimators.flownet2.ops import correlation

CHANNELS, RADIUS, STEP = 256, 10, 2
SIDE, REACH = 2 * RADIUS + 1, RADIUS * STEP
STEPS = range(0, 2 * REACH + 1, STEP)
HUNGRY = {"unfold and einsum", "grouped convolution", "windows of a row"}
"""Variants that are run once, and at the smallest size alone: they take seconds, or gigabytes."""


def channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1).contiguous()


def padded(x: Tensor) -> Tensor:
    return functional.pad(x, (REACH, REACH, REACH, REACH))


def shifts_channels_first(a: Tensor, b: Tensor) -> Tensor:
    height, width = a.shape[-2:]
    b = padded(b)
    return torch.stack([(a * b[..., y : y + height, x : x + width]).mean(1) for y in STEPS for x in STEPS], 1)


def shifts_channels_last(a: Tensor, b: Tensor) -> Tensor:
    height, width = a.shape[-2:]
    a, b = channels_last(a / CHANNELS), channels_last(padded(b))
    costs = a.new_empty(len(a), SIDE * SIDE, height, width)
    for channel, (y, x) in enumerate((y, x) for y in STEPS for x in STEPS):
        torch.sum(a * b[:, y : y + height, x : x + width], -1, out=costs[:, channel])
    return costs


def shifts_inside_the_frame(a: Tensor, b: Tensor) -> Tensor:
    height, width = a.shape[-2:]
    a, b = channels_last(a / CHANNELS), channels_last(b)
    costs = a.new_zeros(len(a), SIDE * SIDE, height, width)
    for channel, (down, right) in enumerate((y - REACH, x - REACH) for y in STEPS for x in STEPS):
        top, bottom = max(0, -down), min(height, height - down)
        left, end = max(0, -right), min(width, width - right)
        if top < bottom and left < end:
            met = b[:, top + down : bottom + down, left + right : end + right]
            torch.sum(a[:, top:bottom, left:end] * met, -1, out=costs[:, channel, top:bottom, left:end])
    return costs


def parts(x: Tensor) -> Tensor:
    """(B, C, H, W) → (B·4, H/2, W/2, C): positions by the remainders of row and column."""
    batch, channels, height, width = x.shape
    split = x.reshape(batch, channels, height // STEP, STEP, width // STEP, STEP)
    return split.permute(0, 3, 5, 2, 4, 1).reshape(-1, height // STEP, width // STEP, channels)


def joined(costs: Tensor, batch: int) -> Tensor:
    """(B·4, 441, H/2, W/2) → (B, 441, H, W)."""
    rows, columns = costs.shape[-2:]
    split = costs.reshape(batch, STEP, STEP, SIDE * SIDE, rows, columns).permute(0, 3, 4, 1, 5, 2)
    return split.reshape(batch, SIDE * SIDE, rows * STEP, columns * STEP)


def all_pairs_of_a_part(a: Tensor, b: Tensor) -> Tensor:
    batch, (a, b) = len(a), (parts(a / CHANNELS), parts(b))
    count, rows, columns, _ = a.shape
    products = a.new_zeros(count, rows * columns, rows + 2 * RADIUS, columns + 2 * RADIUS)
    inside = products[:, :, RADIUS : RADIUS + rows, RADIUS : RADIUS + columns]
    inside.copy_(torch.bmm(a.flatten(1, 2), b.flatten(1, 2).mT).view(count, rows * columns, rows, columns))
    high, wide = products.shape[-2:]
    strides = (products.stride(0), wide, 1, columns * high * wide + wide, high * wide + 1)
    return joined(products.as_strided((count, SIDE, SIDE, rows, columns), strides).flatten(1, 2), batch)


def products_of_two_rows(a: Tensor, b: Tensor) -> Tensor:
    batch, (a, b) = len(a), (parts(a / CHANNELS), parts(b))
    count, rows, columns, _ = a.shape
    wide = columns + 2 * RADIUS
    costs = a.new_zeros(count, SIDE, SIDE, rows, columns)
    products = a.new_zeros(count, rows, columns, wide)
    strides = (rows * columns * wide, 1, columns * wide, wide + 1)
    for j in range(-RADIUS, RADIUS + 1):
        top, bottom = max(0, -j), min(rows, rows - j)
        if top < bottom:
            products[:, top:bottom, :, RADIUS : RADIUS + columns] = a[:, top:bottom] @ b[:, top + j : bottom + j].mT
            band = products.as_strided((count, SIDE, bottom - top, columns), strides, top * columns * wide)
            costs[:, j + RADIUS, :, top:bottom] = band
    return joined(costs.flatten(1, 2), batch)


def windows_of_a_row(a: Tensor, b: Tensor) -> Tensor:
    (batch, _, height, width), b = a.shape, channels_last(padded(b))
    a = channels_last(a / CHANNELS)[..., None]
    costs = a.new_empty(batch, height, width, SIDE, SIDE)
    first, row, column, one = b.stride()
    for j, y in enumerate(STEPS):
        shape, strides = (batch, height, width, SIDE, CHANNELS), (first, row, column, STEP * column, one)
        costs[:, :, :, j] = (b.as_strided(shape, strides, y * row) @ a)[..., 0]
    return costs.flatten(3).permute(0, 3, 1, 2).contiguous()


def unfold_and_einsum(a: Tensor, b: Tensor) -> Tensor:
    batch, channels, height, width = a.shape
    windows = functional.unfold(b, SIDE, dilation=STEP, padding=REACH)
    return torch.einsum("bchw,bckhw->bkhw", a, windows.view(batch, channels, -1, height, width)) / channels


def grouped_convolution(a: Tensor, b: Tensor) -> Tensor:
    """Every position's features are a 1×1 filter, run over that position's window."""
    batch, channels, height, width = a.shape
    windows = functional.unfold(b, SIDE, dilation=STEP, padding=REACH).view(batch, channels, SIDE * SIDE, -1)
    windows = windows.permute(0, 3, 1, 2).reshape(1, -1, SIDE, SIDE)
    filters = a.permute(0, 2, 3, 1).reshape(-1, channels, 1, 1) / channels
    costs = functional.conv2d(windows, filters, groups=len(filters))
    return costs.view(batch, height * width, -1).transpose(1, 2).reshape(batch, -1, height, width)


VARIANTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ours: a row with the rows it meets": correlation,
    "two rows, batched by row step": products_of_two_rows,
    "all pairs of a part": all_pairs_of_a_part,
    "441 shifts inside the frame, channels last": shifts_inside_the_frame,
    "441 shifts of a padded frame, channels last": shifts_channels_last,
    "441 shifts, channels first": shifts_channels_first,
    "windows of a row": windows_of_a_row,
    "unfold and einsum": unfold_and_einsum,
    "grouped convolution": grouped_convolution,
}


def measure(width: int, height: int, rounds: int, hungry: bool) -> list[dict[str, object]]:
    """A row for each variant: milliseconds, and how many times the fastest variant that is."""
    a, b = torch.randn(2, 1, CHANNELS, height // 8, width // 8, generator=torch.Generator().manual_seed(0))
    wanted = shifts_channels_first(a, b)
    taken: dict[str, float] = {}
    for round_ in range(rounds):
        for name, variant in VARIANTS.items():
            if name in HUNGRY and (round_ or not hungry):
                continue
            begin = time.process_time()
            costs = variant(a, b)
            taken[name] = min(taken.get(name, float("inf")), time.process_time() - begin)
            assert (costs - wanted).abs().max() < 1e-5, name
            del costs
    fastest = min(taken.values())
    return [
        {"frame": f"{width}×{height}", "variant": name, "ms": 1e3 * seconds, "times_the_fastest": seconds / fastest}
        for name, seconds in taken.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["512x256", "1024x512"], help="WIDTHxHEIGHT, the smallest first")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/correlation.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with torch.no_grad():
        for size in options.sizes:
            width, height = map(int, size.split("x"))
            rows += measure(width, height, options.rounds, hungry=size == options.sizes[0])
    for row in rows:
        print(f"{row['frame']:>9}  {row['ms']:8.1f} ms  {row['times_the_fastest']:7.2f}×  {row['variant']}")
        row.update(ms=round(float(row["ms"]), 2), times_the_fastest=round(float(row["times_the_fastest"]), 3))
    if options.save:
        settings = {"channels": CHANNELS, "rounds": options.rounds}
        write("correlation", "FlowNet2's correlation", settings, commit(), rows=rows)


if __name__ == "__main__":
    main()
