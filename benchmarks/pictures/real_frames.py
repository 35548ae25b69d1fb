"""Draws docs/real_frames.png: what networks without labels of the target predict for real frames of CamVid.

Run: python -m benchmarks.pictures.real_frames --data FOLDER 'TITLE=RUN' …

The folder holds the pair (source/, target/, classes.yaml), and a run is one of benchmarks.studies.without_labels. The
frames are evenly spread over the scored stills. CamVid may not be passed on, so the picture of the documentation shows
predictions alone. ``--frames`` adds the frames and their labels, for your own eyes.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import davsn
from benchmarks.records import PROJECT
from davsn.data.labels.taxonomy import read_classes
from davsn.report.render import colourise, strip

OUTPUT = PROJECT / "docs" / "real_frames.png"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", nargs="+", metavar="TITLE=RUN")
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--count", type=int, default=8)
    options.add_argument("--frames", action="store_true", help="show the frames and labels too; needs --output")
    options.add_argument("--output", type=Path)
    given = options.parse_args()
    if given.frames and given.output is None:
        options.error("--frames needs --output: the frames may not be passed on")
    every = sorted((given.data / "target" / "val" / "stills").glob("*.jpg"))
    files = [every[index] for index in np.linspace(0, len(every) - 1, given.count).round().astype(int)]
    rows = {}
    if given.frames:
        taxonomy = read_classes(given.data / "classes.yaml")
        maps = given.data / "target" / "val" / "stills_labels"
        rows["frame"] = [np.asarray(Image.open(file).convert("RGB")) for file in files]
        rows["label map"] = [colourise(np.asarray(Image.open(maps / f"{file.stem}.png")), taxonomy) for file in files]
    for title, run in (text.split("=", 1) for text in given.runs):
        model = davsn.load(run)
        results = [result for file in files for result in model.segment(file)]
        rows[title] = [colourise(result.mask, result.taxonomy) for result in results]
    output = given.output or OUTPUT
    picture = Image.fromarray(strip(rows, height=96))
    picture.quantize(64).save(output, optimize=True)
    print(f"{output.name}: {picture.width}×{picture.height}, {output.stat().st_size >> 10} KiB")


if __name__ == "__main__":
    main()
