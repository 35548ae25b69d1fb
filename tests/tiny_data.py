"""Tiny data sets in the true layouts, written to a temporary folder, whose content is known exactly."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

CLASSES = """classes:
  - {name: road, color: [128, 64, 128]}
  - {name: sky, color: [70, 130, 180]}
  - {name: person, color: [220, 20, 60]}
"""


def texture(height: int = 24, width: int = 40, seed: int = 0) -> np.ndarray:
    """A smooth random picture, so that resizing, compression and flow have something to hold on to."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 4 + 3, width // 4 + 3, 3), np.uint8)
    return np.array(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def frame_of(clip: int, position: int, size: tuple[int, int] = (40, 24)) -> np.ndarray:
    """The content moves one pixel to the right from frame to frame."""
    return np.roll(texture(size[1], size[0], seed=clip), position, 1)


def label_of(clip: int, position: int, size: tuple[int, int] = (40, 24)) -> np.ndarray:
    label = np.random.default_rng((clip, position)).integers(0, 4, (size[1], size[0]), np.uint8)
    return np.where(label == 3, 255, label).astype(np.uint8)


def write_labelled(
    root: Path, clips: dict[str, int], step: int = 1, labels_from: int = 0, suffix: str = ".png"
) -> Path:
    """frames/<clip>/<n>.png with labels and classes.yaml; file numbers go up by ``step`` and are not padded."""
    for clip, (name, length) in enumerate(clips.items()):
        for kind in ("frames", "labels"):
            (root / kind / name).mkdir(parents=True)
        for position in range(length):
            stem = f"f_{8 + position * step}"
            Image.fromarray(frame_of(clip, position)).save(root / "frames" / name / f"{stem}{suffix}")
            if position >= labels_from:
                Image.fromarray(label_of(clip, position)).save(root / "labels" / name / f"{stem}.png")
    (root / "classes.yaml").write_text(CLASSES)
    return root


def numbered(number: int, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """A frame that says its number in eight black or white bars, so that compression cannot change it."""
    bits = np.array([number >> bit & 1 for bit in range(8)], np.uint8)
    row = np.repeat(bits * 255, size[0] // 8)
    return np.broadcast_to(row[None, :, None], (size[1], size[0], 3)).copy()


def number_in(frame: np.ndarray) -> int:
    """The number that :func:`numbered` wrote."""
    height, width = frame.shape[:2]
    bars = frame[height // 4 : -height // 4].reshape(-1, 8, width // 8, 3).mean((0, 2, 3))
    return sum(int(bar > 127) << bit for bit, bar in enumerate(bars))


def write_video(
    path: Path,
    length: int = 40,
    codec: str = "libx264",
    times: list[int] | None = None,
    aspect: Fraction | None = None,
    **options: str,
) -> Path:
    """A video of numbered frames at 25 a second; ``times`` (in 1/25 s) makes the rate vary, ``aspect`` is a pixel's."""
    container_options = {"movflags": "+faststart"} if path.suffix in (".mp4", ".mov") else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=container_options) as out:
        stream = out.add_stream(codec, rate=25, options={"g": "12", **options})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "rgb8" if codec == "gif" else "yuv420p"
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for number in range(length):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="rgb24").reformat(format=stream.pix_fmt)
            if times is not None:
                frame.pts, frame.time_base = times[number], Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def cut(path: Path, share: float) -> Path:
    """Leave only the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path
