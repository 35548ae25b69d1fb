"""What a frame of streets costs on one thread: ``python benchmarks/streets.py``.

The baseline is the limit that issue 2 sets: 60 ms for image and label at 256×128.
"""

import argparse
import time

import cv2
import numpy as np

from davsn.data.streets import Config, Streets

LIMIT = 60.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clips", type=int, default=4)
    options.add_argument("--length", type=int, default=30)
    options.add_argument("--size", type=int, nargs=2, default=(256, 128), metavar=("WIDTH", "HEIGHT"))
    given = options.parse_args()
    cv2.setNumThreads(1)
    for domain in ("game", "camera"):
        dataset = Streets(Config(domain=domain, clips=given.clips, length=given.length, size=tuple(given.size)))
        frames, flows = [], []
        for clip in range(given.clips):
            for position in range(given.length):
                start = time.perf_counter()
                dataset.read_frame(clip, position)
                dataset.read_label(clip, position)
                frames.append(time.perf_counter() - start)
                if position:
                    start = time.perf_counter()
                    dataset.read_flow(clip, position, position - 1)
                    flows.append(time.perf_counter() - start)
        frame, flow = (float(np.median(times)) * 1000 for times in (frames, flows))
        slow = float(np.percentile(frames, 95)) * 1000
        print(
            f"{domain:6}  frame and label: median {frame:.1f} ms, 95% under {slow:.1f} ms "
            f"({frame / LIMIT:.2f} × the limit of {LIMIT:.0f} ms); exact flow between drawn frames: {flow:.1f} ms"
        )


if __name__ == "__main__":
    main()
