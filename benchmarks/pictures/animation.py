"""Draws docs/demo.gif: an unseen clip of the demo, as plain training and the strong recipe segment it.

Run: davsn demo; python -m benchmarks.pictures.animation [--demo runs/demo]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

import davsn
from benchmarks.records import PROJECT
from davsn.api.demo import folder_name

OUTPUT = PROJECT / "docs" / "demo.gif"
SHOWN = {"frame": None, "source only": "source only", "adapted, without labels": "strong recipe"}
"""Title of a panel → the row of the demo whose network it shows; None: the frame itself."""
BAR = 18
"""Height of the titles in pixels."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--demo", type=Path, default=PROJECT / "runs" / "demo")
    options.add_argument("--clip", type=int, default=2)
    options.add_argument("--output", type=Path, default=OUTPUT)
    given = options.parse_args()
    cv2.setNumThreads(1)
    frames = sorted((given.demo / "world" / "unseen" / "frames").iterdir())[given.clip]
    panels = []
    for title, row in SHOWN.items():
        model = davsn.load(given.demo / folder_name(row or "strong recipe"))
        panels.append([titled(title, each.overlay() if row else each.frame) for each in model.segment(frames)])
    first, *rest = [Image.fromarray(np.hstack(panel)).quantize(96) for panel in zip(*panels, strict=True)]
    first.save(given.output, save_all=True, append_images=rest, duration=250, loop=0, optimize=True)
    print(f"{given.output.name}: {first.width}×{first.height}, {given.output.stat().st_size >> 10} KiB")


def titled(title: str, picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) below its title in black on white."""
    bar = np.full((BAR, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, title, (4, BAR - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([bar, picture])


if __name__ == "__main__":
    main()
