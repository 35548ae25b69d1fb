"""What a frame of the streets costs on one thread.

Run: python -m benchmarks.costs.streets [--clips 4] [--length 30] [--size 256 128] [--save]
The baseline is a limit that was set beforehand: 60 ms for image and label, at 256×128 for variety 0 and at 320×160 for
variety 1. Processor time counts, since wall time says more only on an idle machine.
"""

import argparse
import time

import cv2
import numpy as np
import torch

from benchmarks.records import commit, write
from davsn.data.sets.streets import Config, Streets

LIMIT = 60.0
VARIED_SIZE = (320, 160)


class Clock:
    """Milliseconds of processor and wall of every measured block."""

    def __init__(self) -> None:
        self.times: list[tuple[float, float]] = []

    def __enter__(self) -> None:
        self.start = time.process_time(), time.perf_counter()

    def __exit__(self, *problem: object) -> None:
        end = time.process_time(), time.perf_counter()
        self.times.append(((end[0] - self.start[0]) * 1000, (end[1] - self.start[1]) * 1000))

    def median(self) -> tuple[float, float]:
        """Of the processor, and of the wall."""
        processor, wall = np.median(self.times, axis=0)
        return float(processor), float(wall)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clips", type=int, default=4)
    options.add_argument("--length", type=int, default=30)
    options.add_argument("--size", type=int, nargs=2, default=(256, 128), metavar=("WIDTH", "HEIGHT"))
    options.add_argument("--save", action="store_true", help="write benchmarks/results/streets.json")
    given = options.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    code, rows = commit(), []
    for domain, variety, size in (
        ("game", 0.0, tuple(given.size)),
        ("camera", 0.0, tuple(given.size)),
        ("game", 0.0, VARIED_SIZE),
        ("game", 1.0, VARIED_SIZE),
        ("dashcam", 0.0, VARIED_SIZE),
    ):
        dataset = Streets(Config(domain=domain, clips=given.clips, length=given.length, size=size, variety=variety))
        frame, flow = Clock(), Clock()
        for clip in range(given.clips):
            for position in range(given.length):
                with frame:
                    dataset.read_frame(clip, position)
                    dataset.read_label(clip, position)
                if position:
                    with flow:
                        dataset.read_flow(clip, position, position - 1)
        (drawn, waited), (moved, _) = frame.median(), flow.median()
        rows.append(
            {
                "domain": domain,
                "variety": variety,
                "size": f"{size[0]}×{size[1]}",
                "frame and label, ms of processor": round(drawn, 2),
                "of the limit of 60 ms": round(drawn / LIMIT, 3),
                "flow on top, ms of processor": round(moved, 2),
            }
        )
        print(
            f"{domain:7} variety {variety:g}, {size[0]}×{size[1]}: "
            f"frame and label: {drawn:.1f} ms of processor ({waited:.1f} ms of wall), "
            f"{drawn / LIMIT:.2f} × the limit of {LIMIT:.0f} ms; flow between drawn frames: {moved:.1f} ms more"
        )
    if given.save:
        settings = {"clips": given.clips, "length": given.length, "size": given.size}
        write("streets", "A frame of the streets", settings, code, rows=rows)


if __name__ == "__main__":
    main()
