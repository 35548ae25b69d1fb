"""Draws docs/classes.png, the class table of docs/data.md.

Run: python -m benchmarks.pictures.classes
A row for each class: its colour and name, an example from a frame of the streets with everything else faded, its ids or
names in the labels of each data set, and the class sets that have it.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.records import PROJECT
from davsn.data.labels.class_tables import CLASSES, ClassSet, RawIds, class_ids, taxonomy
from davsn.data.labels.colour_codes import COLOURS
from davsn.data.sets.streets import Config, Streets
from davsn.streets.categories import Category

OUTPUT = PROJECT / "docs" / "classes.png"
SETS: dict[RawIds, tuple[str, int]] = {
    "cityscapes": ("Cityscapes", 88),
    "viper": ("VIPER", 56),
    "synthia": ("SYNTHIA", 72),
    "kitti_step": ("KITTI-STEP", 88),
    "camvid": ("CamVid", 172),
    "vkitti2": ("Virtual KITTI 2", 128),
}
"""The columns of raw ids: title and width."""
CLASS_SETS: tuple[ClassSet, ...] = ("viper", "synthia", "vkitti2")
"""The class sets whose classes are all drawn by the streets."""
NAME, MARK, ROW, CROP = 120, 64, 44, (132, 40)
INK, PALE, PAPER = (30, 30, 30), (150, 150, 150), (255, 255, 255)
LARGE, SMALL = ImageFont.load_default(14), ImageFont.load_default(11)
FIRST = 12
"""Where the text of the first column begins."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--clips", type=int, default=8)
    options.add_argument("--positions", type=int, nargs="+", default=[10, 60, 110])
    options.add_argument("--output", type=Path, default=OUTPUT)
    given = options.parse_args()
    cv2.setNumThreads(1)
    length = max(given.positions) + 1
    world = Streets(Config(domain="camera", seed=given.seed, clips=given.clips, length=length, size=(768, 384)))
    pieces = find_pieces(world, given.positions)
    picture = table(pieces)
    picture.save(given.output, optimize=True)
    print(f"{given.output.name}: {picture.width}×{picture.height}, {given.output.stat().st_size >> 10} KiB")


def find_pieces(world: Streets, positions: list[int]) -> dict[str, Image.Image]:
    """By class, a piece of the frame that shows it best: its largest connected part, if not too large to be cut out."""
    best: dict[str, tuple[int, int, int, tuple[int, int, int, int]]] = {}
    for clip in range(len(world.clips)):
        for position in positions:
            seen = world.read_categories(clip, position)
            for category in np.unique(seen):
                area, window = _largest(seen == category)
                name = Category(category).name.lower()
                if name not in best or area > best[name][0]:
                    best[name] = (area, clip, position, window)
    return {name: _piece(world, name, clip, at, window) for name, (_, clip, at, window) in best.items()}


def _largest(mask: NDArray[np.bool_]) -> tuple[int, tuple[int, int, int, int]]:
    """Area and window (left, top, width, height) of the largest connected part, the window in the shape of a piece."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    left, top, width, height, area = max((tuple(map(int, part)) for part in stats[1:]), key=lambda part: part[4])
    high, wide = mask.shape
    window_width = int(np.clip(max(width, height * CROP[0] / CROP[1]) * 1.5, CROP[0] / 2, wide))
    window_height = min(round(window_width * CROP[1] / CROP[0]), high)
    x = int(np.clip(left + width // 2 - window_width // 2, 0, wide - window_width))
    y = int(np.clip(top + height // 2 - window_height // 2, 0, high - window_height))
    return area, (x, y, window_width, window_height)


def _piece(world: Streets, name: str, clip: int, position: int, window: tuple[int, int, int, int]) -> Image.Image:
    x, y, width, height = window
    frame = world.read_frame(clip, position)[y : y + height, x : x + width].astype(np.float32)
    here = world.read_categories(clip, position)[y : y + height, x : x + width] == Category[name.upper()]
    frame[~here] = 0.25 * frame[~here] + 0.75 * 235
    small = Image.fromarray(frame.astype(np.uint8)).resize(CROP, Image.Resampling.BICUBIC)
    return small.quantize(28, dither=Image.Dither.NONE).convert("RGB")  # half of the file


def table(pieces: dict[str, Image.Image]) -> Image.Image:
    """The whole table."""
    tables = {classes: taxonomy(classes) for classes in CLASS_SETS}
    width = NAME + CROP[0] + 12 + sum(wide for _, wide in SETS.values()) + MARK * len(tables)
    picture = Image.new("RGB", (width, ROW * (len(CLASSES) + 1)), PAPER)
    draw = ImageDraw.Draw(picture)
    _headings(draw, list(tables))
    colours = {name: colour for each in tables.values() for name, colour in zip(each.names, each.colours, strict=True)}
    for number, name in enumerate(CLASSES, 1):
        top = number * ROW
        draw.line([(0, top), (width, top)], (225, 225, 225))
        draw.rectangle([FIRST, top + 12, FIRST + 20, top + 32], colours[name])
        draw.text((FIRST + 28, top + 13), name, INK, LARGE)
        picture.paste(pieces[name], (NAME, top + 2))
        x = NAME + CROP[0] + 12
        for raw, (_, wide) in SETS.items():
            _ids(draw, (x, top), name, raw)
            x += wide
        for each in tables.values():
            mark = "" if name not in each.names else "(trained)" if name in each.unscored else "yes"
            draw.text((x, top + 15), mark, INK if mark == "yes" else PALE, SMALL)
            x += MARK
    return picture


def _headings(draw: ImageDraw.ImageDraw, sets: list[str]) -> None:
    draw.text((FIRST, 14), "class", INK, LARGE)
    draw.text((NAME, 14), "in the streets", INK, LARGE)
    x = NAME + CROP[0] + 12
    for title, wide in SETS.values():
        draw.text((x, 14), title, INK, LARGE)
        x += wide
    for name in sets:
        draw.text((x, 4), "classes:", PALE, SMALL)
        draw.text((x, 18), name, INK, LARGE)
        x += MARK


def _ids(draw: ImageDraw.ImageDraw, at: tuple[int, int], name: str, raw: RawIds) -> None:
    """What a class is in a data set: numbers, or painted names; a dash where it is nothing."""
    x, top = at
    ids = class_ids(name, raw)
    if not ids:
        draw.text((x, top + 13), "-", PALE, LARGE)
    elif raw in COLOURS:
        entries = list(COLOURS[raw].items())
        for row, index in enumerate(ids):
            own, colour = entries[index]
            y = top + ROW // 2 + 13 * row - 13 * len(ids) // 2
            draw.rectangle([x, y + 1, x + 9, y + 10], colour)
            draw.text((x + 14, y), own, INK, SMALL)
    else:
        draw.text((x, top + 13), ", ".join(map(str, ids)), INK, LARGE)


if __name__ == "__main__":
    main()
