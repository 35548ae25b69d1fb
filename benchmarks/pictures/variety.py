"""Draws docs/variety.png: frames of both pairs of domains with their label maps, at variety 0 and 1.

Run: python -m benchmarks.pictures.variety
"""

import argparse
from pathlib import Path

import cv2
from PIL import Image

from benchmarks.records import PROJECT
from davsn.data.sets.streets import Config, Streets
from davsn.report.render import colourise, strip

OUTPUT = PROJECT / "docs" / "variety.png"
ROWS = {
    "game": {"domain": "game"},
    "game, variety 1": {"domain": "game", "variety": 1.0},
    "game, variety 1 ": {"domain": "game", "variety": 1.0, "seed": 2},
    "game, variety 1  ": {"domain": "game", "variety": 1.0, "seed": 4},
    "camera, variety 1": {"domain": "camera", "variety": 1.0, "seed": 1},
    "dashcam": {"domain": "dashcam", "seed": 1},
    "dashcam, variety 1": {"domain": "dashcam", "variety": 1.0, "seed": 1},
}
"""Title of a row → the settings of its data set. Titles differ, and spaces at their ends are not seen."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clips", type=int, default=6)
    options.add_argument("--position", type=int, default=20)
    options.add_argument("--output", type=Path, default=OUTPUT)
    given = options.parse_args()
    cv2.setNumThreads(1)
    rows = {}
    for title, settings in ROWS.items():
        data = Streets(Config(**settings, clips=given.clips, length=given.position + 1, size=(320, 160)))
        places = [(clip, given.position) for clip in range(given.clips)]
        rows[title] = [data.read_frame(*place) for place in places]
        rows[title + " labels"] = [colourise(data.read_label(*place), data.taxonomy) for place in places]
    picture = Image.fromarray(strip(rows, height=96))
    picture.quantize(128).save(given.output, optimize=True)
    print(f"{given.output.name}: {picture.width}×{picture.height}, {given.output.stat().st_size >> 10} KiB")


if __name__ == "__main__":
    main()
