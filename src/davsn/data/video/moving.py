"""Images that move, which are videos: GIF, APNG and WebP."""

import io
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from PIL import Image

from davsn.core.errors import DataError
from davsn.data.images import is_animation, opened

_MAY_MOVE = frozenset({".gif", ".png", ".webp"})
"""Suffixes, in lower case, of images that may be animations."""
_TICKS = 1000
"""Units of time in a second, as WebP has them."""
_USUAL = 100
"""Duration in milliseconds of a frame that does not say its own, as in browsers."""


def moves(path: Path) -> bool:
    """Whether a file is an animation, by its suffix and its header; False for a file that cannot be read."""
    if path.suffix.lower() not in _MAY_MOVE:
        return False
    try:
        return is_animation(path)
    except DataError:
        return False


def webp_as_video(path: Path) -> io.BytesIO | None:
    """An animated WebP as a lossless video in memory, since FFmpeg decodes still ones alone; None for other files."""
    if path.suffix.lower() != ".webp" or not moves(path):
        return None
    return io.BytesIO(_lossless(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=2)
def _lossless(path: Path, changed: int) -> bytes:
    """The content of a Matroska file with the frames of an animation, each at its own time.

    Args:
        path: the animation.
        changed: when the file was last changed, in nanoseconds; it makes a changed file a new entry of the cache.
    """
    content = io.BytesIO()
    with opened(path, whole=False) as image, av.open(content, "w", format="matroska") as out:
        stream = out.add_stream("ffv1", rate=Fraction(_TICKS, _duration(image)))
        stream.width, stream.height, stream.pix_fmt = *image.size, "bgr0"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        time = 0
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frame = av.VideoFrame.from_ndarray(np.asarray(image.convert("RGB")), format="rgb24")
            frame.pts, frame.time_base, duration = time, Fraction(1, _TICKS), _duration(image)
            time += duration
            for packet in stream.encode(frame):
                packet.duration = duration
                out.mux(packet)
        out.mux(stream.encode(None))
    return content.getvalue()


def _duration(image: Image.Image) -> int:
    """Milliseconds for which the current frame of an animation is shown."""
    image.load()  # which reads it
    return int(image.info.get("duration") or _USUAL)
