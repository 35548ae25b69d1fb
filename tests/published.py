"""Tiny trees in the layouts of the published benchmarks, whose content is known exactly."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from davsn.data.labels.colour_codes import COLOURS, paint
from davsn.flow.files.io import write_flow
from davsn.flow.files.relative import write_relative
from tiny_data import frame_of

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


def camvid(root: Path, drives: dict[str, list[int]], labelled: dict[str, list[int]]) -> dict[str, object]:
    """Frames of drives such as '0006R0_f', some labelled in colours, and flow of each to the one before."""
    labels = root / "LabeledApproved_full"
    labels.mkdir(parents=True)
    for drive, numbers in drives.items():
        for number in numbers:
            name = f"{drive}{number:05d}"
            _picture(root / "701_StillsRaw_full" / f"{name}.png", number)
            _flow(root / "flow" / f"{name}_{number - 1:05d}_int16_x10.npy", number)
        for number in labelled.get(drive, []):
            colours = paint(raw_label(number, len(COLOURS["camvid"])), "camvid")
            Image.fromarray(colours).save(labels / f"{drive}{number:05d}_L.png")
    return {"root": root, "flow_root": root / "flow"}


def kitti_step(
    root: Path, drives: dict[str, list[int]], split: str = "train", moved: bool = False
) -> dict[str, object]:
    """Frames of drives such as '0000', all labelled, and flow; pictures as KITTI unpacks, or moved."""
    pictures = root / "images" / split if moved else root / "training" / "image_02"
    for drive, numbers in drives.items():
        for number in numbers:
            _picture(pictures / drive / f"{number:06d}.png", number)
            _flow(root / "flow" / f"{drive}_{number:06d}_{number - 1:06d}_int16_x10.npy", number)
            label = root / "panoptic_maps" / split / drive / f"{number:06d}.png"
            label.parent.mkdir(parents=True, exist_ok=True)
            classes = raw_label(number, 20)
            classes[classes == 19] = 255
            instances = np.random.default_rng(number).integers(0, 256, (*classes.shape, 2), np.uint8)
            Image.fromarray(np.dstack([classes, instances])).save(label)
    return {"root": root, "flow_root": root / "flow"}


def vkitti2(root: Path, drives: dict[str, list[int]]) -> dict[str, object]:
    """Frames of drives such as 'Scene01/clone', all labelled in colours, with flow to the frames before and after."""
    for drive, numbers in drives.items():
        frames = root / drive / "frames"
        for number in numbers:
            _picture(frames / "rgb" / "Camera_0" / f"rgb_{number:05d}.jpg", number)
            label = frames / "classSegmentation" / "Camera_0" / f"classgt_{number:05d}.png"
            label.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(paint(raw_label(number, len(COLOURS["vkitti2"])), "vkitti2")).save(label)
            known = np.ones(SIZE[::-1], bool)
            known[:6] = False
            for kind, name, step in (("backwardFlow", "backwardFlow", -1), ("forwardFlow", "flow", 1)):
                if number + step in numbers:
                    flow = np.full((*SIZE[::-1], 2), (step * (1 + number / 10), 0.5))
                    write_relative(frames / kind / "Camera_0" / f"{name}_{number:05d}.png", flow, known)
    return {"root": root}


def _label(path: Path, ids: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids).save(path)


def _train_ids(number: int) -> np.ndarray:
    """A label of Cityscapes' train ids, with pixels of no class."""
    ids = raw_label(number, 20)
    return np.where(ids == 19, 255, ids).astype(np.uint8)


def carla(root: Path, drives: dict[str, list[int]], tags: int = 29) -> dict[str, object]:
    """Recordings as CARLA's own examples save them: RGBA, with the tag in red, and a road in the lower half."""
    for drive, numbers in drives.items():
        for number in numbers:
            _picture(root / drive / "rgb" / f"{number:06d}.png", number)
            ids = raw_label(number, tags)
            ids[SIZE[1] // 2 :] = 1 if tags == 29 else 7
            _label(root / drive / "seg" / f"{number:06d}.png", np.dstack([ids, 0 * ids, 0 * ids, 0 * ids + 255]))
    return {"root": root}


def shift(root: Path, drives: dict[str, list[int]], split: str = "train") -> dict[str, object]:
    """Frames of drives such as '007b-4e72', all labelled, and flow of each to the one a second before."""
    front = root / "discrete" / "images" / split / "front"
    for drive, numbers in drives.items():
        for number in numbers:
            _picture(front / "img" / drive / f"{number:08d}_img_front.jpg", number)
            ids = raw_label(number, 23)
            _label(front / "semseg" / drive / f"{number:08d}_semseg_front.png", np.dstack([ids, ids // 2, ids // 3]))
            _flow(root / "flow" / f"{drive}_{number:08d}_{number - 10:08d}_int16_x10.npy", number)
    return {"root": root, "flow_root": root / "flow"}


def acdc(root: Path, frames: dict[str, list[int]], labelled: dict[str, list[int]], split: str = "train") -> dict:
    """Frames of drives such as 'fog/GOPR0475', some labelled, and flow of each to the one before."""
    for drive, numbers in frames.items():
        condition, name = drive.split("/")
        for number in numbers:
            below = f"{condition}/{split}/{name}/{name}_frame_{number:06d}"
            _picture(root / "rgb_anon" / f"{below}_rgb_anon.png", number)
            _flow(root / "flow" / f"{condition}_{name}_{number:06d}_{number - 1:06d}_int16_x10.npy", number)
            if number in labelled.get(drive, []):
                _label(root / "gt" / f"{below}_gt_labelIds.png", raw_label(number, 34))
    return {"root": root, "flow_root": root / "flow"}


def bddvid(root: Path, videos: list[str], numbers: list[int], split: str = "train") -> dict[str, object]:
    """Frames of videos such as '0004a4c0-d4dff0ad', 307 labelled, and flow of each to the one before."""
    for video in videos:
        for number in numbers:
            _picture(root / split / "images" / f"{video}_{number}.jpg", number)
            _flow(root / "flow" / f"{video}_{number}_{number - 1}_int16_x10.npy", number)
        _label(root / split / "labels" / f"{video}_307.png", _train_ids(307))
    return {"root": root, "flow_root": root / "flow"}


def cityscapes_vps(root: Path, drives: dict[str, list[int]], labelled: dict[str, list[int]]) -> dict[str, object]:
    """Frames of drives such as 'frankfurt_000000', some labelled, and flow of each to the one before."""
    for drive, numbers in drives.items():
        for number in numbers:
            name = f"{drive}_{number:06d}"
            _picture(root / "train" / "img_all" / f"{name}_leftImg8bit.png", number)
            _flow(root / "flow" / f"{name}_{number - 1:06d}_int16_x10.npy", number)
        for index, number in enumerate(labelled[drive], 1):
            name = f"0001_{index:04d}_{drive}_{number:06d}"
            _picture(root / "train" / "img" / f"{name}_newImg8bit.png", number)
            _label(root / "train" / "labelmap" / f"{name}_final_mask.png", _train_ids(number))
    return {"root": root, "flow_root": root / "flow"}


def gta5(root: Path, numbers: list[int]) -> dict[str, object]:
    """Stills with palette PNGs, whose indices are Cityscapes' labelIds."""
    (root / "labels").mkdir(parents=True)
    for number in numbers:
        _picture(root / "images" / f"{number:05d}.png", number)
        palette_png(root / "labels" / f"{number:05d}.png", raw_label(number, 34))
    return {"root": root}
