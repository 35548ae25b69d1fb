"""Reading pictures and label maps from files that may be damaged, mistaken or not what their name says."""

import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from davsn.core.clip import IGNORE
from davsn.core.errors import DataError
from davsn.core.files.png import png_chunks, png_header
from davsn.data.taxonomy import Taxonomy

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
"""Of the files taken for frames, in lower case."""

PIXEL_LIMIT = 1 << 26
"""Pictures that claim more pixels than this are refused undecoded: 8192 × 8192."""

_EIGHT_BIT = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
_PNG_COLOURS = {0: "greyscale", 2: "RGB", 3: "palette", 4: "greyscale and alpha", 6: "RGBA"}
_USUAL = frozenset({b"IHDR", b"IDAT", b"IEND", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"bKGD", b"sBIT", b"tIME", b"tEXt"})
"""Chunks of a PNG that are of bounded size and change no pixel."""
_AGAIN = "Copy or render the file again"


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts names as people do: ``img2`` before ``img10``."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name))


def picture_files(folder: Path) -> list[str]:
    """Names of the folder's picture files, sorted as people do; hidden files, such as macOS's ``._x.jpg``, are none."""
    names = (file.name for file in folder.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)
    return sorted((name for name in names if not name.startswith(".")), key=natural)


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture, from its header alone.

    Raises:
        DataError: no picture, or a size beyond :data:`PIXEL_LIMIT`.
    """
    with _opened(path, whole=False) as image:
        return image.size


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of an 8-bit picture of any colour mode; transparency is dropped.

    Raises:
        DataError: missing, truncated, damaged, of more than 8 bits, or of a size beyond :data:`PIXEL_LIMIT`.
    """
    plain = _plain_png(path) if path.suffix.lower() == ".png" else None
    if plain is not None:
        return plain
    with _opened(path) as image:
        if image.mode not in _EIGHT_BIT:
            raise DataError(
                f"is a picture of mode {image.mode}, wanted are 8 bits a channel", str(path), "Convert it to 8-bit RGB"
            )
        return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def read_ids(path: Path) -> NDArray[np.uint8]:
    """(H, W) values of an 8-bit single-channel PNG, or palette indices, never their colours.

    Raises:
        DataError: missing, truncated, not a PNG, or a PNG of another kind.
    """
    try:
        header = png_header(path)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", str(path), _AGAIN) from None
    wanted = "a label is a PNG of 8 bits and one channel, or a palette, that holds class ids"
    if header is None:
        raise DataError(f"is not a PNG; {wanted}", str(path), "Write labels as PNG: other forms change the ids")
    *_, depth, colour = header
    if colour != 3 and (depth, colour) != (8, 0):
        found = f"is {depth}-bit {_PNG_COLOURS.get(colour, 'unknown')}; {wanted}"
        raise DataError(found, str(path), "Map its values to ids and write them as 8-bit greyscale")
    with _opened(path) as image:
        return np.array(image)


def read_first_channel(path: Path) -> NDArray[np.uint16]:
    """(H, W) values of the first channel of a 16-bit PNG, as SYNTHIA keeps its classes.

    Raises:
        DataError: missing, truncated, not a PNG, or a PNG of 8 bits a channel.
    """
    try:
        header = png_header(path)
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", str(path), _AGAIN) from None
    wanted = "wanted is a PNG of 16 bits a channel whose first channel holds class ids"
    if header is None:
        raise DataError(f"is not a PNG; {wanted}", str(path), "Use the label files as they were downloaded")
    width, height, depth, colour = header
    if depth != 16:
        found = f"is {depth}-bit {_PNG_COLOURS.get(colour, 'unknown')}; {wanted}"
        raise DataError(
            found, str(path), "Use the label files as downloaded: a copy in 8 bits, or in colours, has no ids"
        )
    if width * height > PIXEL_LIMIT:
        raise DataError(f"claims a size of {width}x{height} pixels", str(path), _AGAIN)
    whole = content[-8:-4] == b"IEND"  # OpenCV may fill up a truncated picture in silence
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if whole else None
    if stored is None or stored.dtype != np.uint16:
        raise DataError("is a truncated or damaged picture", str(path), _AGAIN)
    # OpenCV turns the channels round and spreads a grey one over three, so that the first is always third.
    return np.asarray(stored if stored.ndim == 2 else stored[..., 2])


def check_ids(ids: NDArray[np.uint8], taxonomy: Taxonomy, path: Path) -> None:
    """Nothing, if all ids are in the class table.

    Raises:
        DataError: names the ids outside and how many pixels they have.
    """
    known = np.arange(256) < len(taxonomy)
    known[IGNORE] = True
    if known[ids].all():
        return
    counts = np.bincount(ids.ravel(), minlength=256) * ~known
    found = ", ".join(f"{index} ({counts[index]} pixels)" for index in np.flatnonzero(counts)[:8])
    raise DataError(
        f"holds ids outside the class table of {len(taxonomy)} classes: {found}",
        str(path),
        f"Ids are places in the table, 0 to {len(taxonomy) - 1}, or {IGNORE} to ignore: "
        "map the label, or add the classes to the table",
    )


def _plain_png(path: Path) -> NDArray[np.uint8] | None:
    """(H, W, 3) of a whole PNG of 8-bit RGB, as nearly all frames are; None for any other file, also for none.

    FFmpeg's decoder takes 0.6 times as long as Pillow's, but reads past damage. So every checksum is looked at here,
    and what is damaged or unusual is left to Pillow, which says what is wrong.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if not _is_plain(content):
        return None
    decoder = av.CodecContext.create("png", "r")
    decoder.thread_count = 1  # the loader's workers are the parallelism
    try:
        (frame,) = decoder.decode(av.Packet(content))
    except (av.FFmpegError, ValueError):
        return None
    return np.asarray(frame.to_ndarray()) if frame.format.name == "rgb24" else None


def _is_plain(content: bytes) -> bool:
    """Whether these are the bytes of a PNG of 8-bit RGB, not interlaced, whole and with usual chunks only."""
    if len(content) < 33 or content[12:16] != b"IHDR":
        return False
    width, height, *kind = struct.unpack(">II5B", content[16:29])
    if width * height > PIXEL_LIMIT or kind != [8, 2, 0, 0, 0]:
        return False
    chunks = png_chunks(content)
    if chunks is None or not {chunk.kind for chunk in chunks} <= _USUAL:
        return False
    return chunks[-1].start + 4 == len(content)  # an end has no content, and a checksum


@contextmanager
def _opened(path: Path, whole: bool = True) -> Iterator[Image.Image]:
    """The picture, its size checked; whatever Pillow raises while it is decoded becomes a DataError.

    Pillow looks at no checksum of a PNG's pixels, so that is done here where the whole picture is wanted.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower, and an error
            image = Image.open(path)
        with image:
            if image.width * image.height > PIXEL_LIMIT:
                raise DataError(f"claims a size of {image.width}x{image.height} pixels", str(path), _AGAIN)
            if whole and image.format == "PNG" and png_chunks(path.read_bytes()) is None:
                raise DataError("is a truncated or damaged picture (its chunks are not whole)", str(path), _AGAIN)
            yield image
    except FileNotFoundError:
        raise DataError("no such file", str(path), "Copy it there, or leave its frame out") from None
    except UnidentifiedImageError:
        raise DataError("is not a picture that can be read", str(path), _AGAIN) from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"is a truncated or damaged picture ({error})", str(path), _AGAIN) from None
