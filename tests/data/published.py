"""Tiny trees in the layouts of the published benchmarks, whose content is known exactly."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from tiny_data import frame_of

from davsn.flow.files import write_flow

SIZE = (40, 24)
"""(width, height) of every picture."""


def raw_label(number: int, ids: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A label of random raw ids below ``ids``."""
    return np.random.default_rng(number).integers(0, ids, (size[1], size[0]), np.uint8)


def palette_png(path: Path, ids: np.ndarray) -> None:
    """A palette PNG whose colours are not its ids."""
    image = Image.frombytes("P", ids.shape[::-1], ids.tobytes())
    image.putpalette([(37 * index + channel * 91) % 256 for index in range(256) for channel in range(3)])
    image.save(path)


def wide_png(path: Path, ids: np.ndarray) -> None:
    """A 16-bit RGB PNG with ids in its first channel and instance numbers in the others.

    OpenCV takes the channels turned round. It writes no grey with alpha; the recorded tree has such files.
    """
    instance = ids.astype(np.uint16) * 257 + 300
    assert cv2.imwrite(str(path), np.dstack([instance, instance, ids.astype(np.uint16)]))


def _picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame_of(0, number, SIZE)).save(path)


def _flow(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_flow(path, np.full((12, 20, 2), (-number / 10, 0.5)))


def viper(root: Path, drives: dict[str, list[int]], suffix: str = ".jpg", split: str = "train") -> dict[str, object]:
    """Frames of some drives, all labelled, and flow of each to the one before."""
    for drive, numbers in drives.items():
        for number in numbers:
            name = f"{drive}_{number:05d}"
            _picture(root / split / "img" / drive / f"{name}{suffix}", number)
            label = root / split / "cls" / drive / f"{name}.png"
            label.parent.mkdir(parents=True, exist_ok=True)
            palette_png(label, raw_label(number, 32))
            _flow(root / "flow" / f"{name}{number - 1:05d}_int16_x10.npy", number)
    return {"root": root, "flow_root": root / "flow"}


def cityscapes(
    root: Path, drives: dict[str, list[int]], labelled: dict[str, list[int]], split: str = "train"
) -> dict[str, object]:
    """Frames of drives such as 'aachen_000000', some labelled, and flow of each to the one before."""
    for drive, numbers in drives.items():
        city = drive.partition("_")[0]
        for number in numbers:
            name = f"{drive}_{number:06d}"
            _picture(root / "leftImg8bit_sequence" / split / city / f"{name}_leftImg8bit.png", number)
            _flow(root / "flow" / f"{name}_{number - 1:06d}_int16_x10.npy", number)
        for number in labelled.get(drive, []):
            label = root / "gtFine" / split / city / f"{drive}_{number:06d}_gtFine_labelIds.png"
            label.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(raw_label(number, 34)).save(label)
    return {"root": root, "flow_root": root / "flow"}


def synthia(root: Path, numbers: list[int], archive: bool = False) -> dict[str, object]:
    """One sequence, all labelled, in either layout; ``full`` and ``cut`` fit its size."""
    below = "Stereo_Left/Omni_F" if archive else ""
    pictures, labels = (
        root / ("RGB" if archive else "rgb") / below,
        root / ("GT/LABELS" if archive else "label") / below,
    )
    labels.mkdir(parents=True)
    for number in numbers:
        _picture(pictures / f"{number:06d}.png", number)
        wide_png(labels / f"{number:06d}.png", raw_label(number, 16))
        _flow(root / "flow" / f"{number:06d}_int16_x10.npy", number)
    return {"root": root, "flow_root": root / "flow", "full": SIZE, "cut": 4}
