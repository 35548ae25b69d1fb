"""Draws docs/streets.png, the strip in the README.

Run: python -m benchmarks.pictures.streets
One drive of the streets in both looks, with the labels and the flow to the previous frame.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.records import PROJECT
from davsn.data.sets.streets import Config, Streets
from davsn.report.render import colourise, flow_wheel, strip

OUTPUT = PROJECT / "docs" / "streets.png"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--clip", type=int, default=3)
    options.add_argument("--positions", type=int, nargs="+", default=[5, 45, 85, 125])
    options.add_argument("--output", type=Path, default=OUTPUT)
    given = options.parse_args()
    cv2.setNumThreads(1)
    shared = {"seed": given.seed, "clips": given.clip + 1, "length": max(given.positions) + 1}
    game, camera = (Streets(Config(domain=domain, **shared)) for domain in ("game", "camera"))
    at = [(given.clip, position) for position in given.positions]
    flows = [game.read_flow(clip, position, position - 1)[0] for clip, position in at]
    rows = {
        "game": [game.read_frame(*place) for place in at],
        "camera": [camera.read_frame(*place) for place in at],
        "labels": [colourise(game.read_label(*place), game.taxonomy) for place in at],
        "flow": [flow_wheel(flow, float(np.percentile(np.hypot(*np.moveaxis(flow, -1, 0)), 98))) for flow in flows],
    }
    picture = Image.fromarray(strip(rows, height=96))
    picture.save(given.output, optimize=True)
    print(f"{given.output.name}: {picture.width}×{picture.height}, {given.output.stat().st_size >> 10} KiB")


if __name__ == "__main__":
    main()
