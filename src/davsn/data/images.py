"""Reading images and label maps from files that may be damaged, wrong, or not what their names say."""

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
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from davsn.core.clip import IGNORE
from davsn.core.errors import DataError
from davsn.core.files.png import png_chunks, png_header
from davsn.data.taxonomy import Taxonomy

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
"""Suffixes of the files that count as frames, in lower case."""

PIXEL_LIMIT = 1 << 26
"""The largest number of pixels, 8192 × 8192. An image that claims more is refused before it is decoded."""

_EIGHT_BIT = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
_PNG_COLOURS = {0: "greyscale", 2: "RGB", 3: "palette", 4: "greyscale and alpha", 6: "RGBA"}
_USUAL = frozenset({b"IHDR", b"IDAT", b"IEND", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"bKGD", b"sBIT", b"tIME", b"tEXt"})
"""The usual chunks of a PNG. Their size is bounded, and the optional ones change no pixel."""
_AGAIN = "Copy or render the file again"


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A sort key for the natural order of names: ``img2`` comes before ``img10``."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name))


def picture_files(folder: Path) -> list[str]:
    """The names of the image files in a folder, in natural order, without hidden files such as macOS's ``._x.jpg``."""
    names = (file.name for file in folder.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)
    return sorted((name for name in names if not name.startswith(".")), key=natural)


def picture_size(path: Path) -> tuple[int, int]:
    """The (width, height) of an image as a viewer shows it, read from its header alone.

    Raises:
        DataError: the file is no image, or its size exceeds :data:`PIXEL_LIMIT`.
    """
    with _opened(path, whole=False) as image:
        exif = Image.Image.getexif(image)  # that of PNG would decode the whole image
        lies = exif.get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)  # shown with a quarter turn
        return image.size[::-1] if lies else image.size


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read an 8-bit image of any colour mode as (H, W, 3) RGB, upright. Transparency is dropped.

    The image is turned and mirrored as its EXIF orientation says, as viewers and labelling tools do.

    Raises:
        DataError: the image is missing, truncated or damaged, has more than 8 bits a channel, or is larger than
            :data:`PIXEL_LIMIT`.
    """
    plain = _plain_png(path) if path.suffix.lower() == ".png" else None
    if plain is not None:
        return plain
    with _opened(path) as image:
        if image.mode not in _EIGHT_BIT:
            raise DataError(
                f"is an image of mode {image.mode}, not of 8 bits a channel", str(path), "Convert it to 8-bit RGB"
            )
        shown = ImageOps.exif_transpose(image)
        return np.array(shown if shown.mode == "RGB" else shown.convert("RGB"))


def read_ids(path: Path) -> NDArray[np.uint8]:
    """Read the values (H, W) of an 8-bit PNG with one channel, or the indices of a palette PNG, never its colours.

    Raises:
        DataError: the file is missing, truncated, not a PNG, or a PNG of another kind.
    """
    try:
        header = png_header(path)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", str(path), _AGAIN) from None
    wanted = "a label map is a PNG of 8 bits and one channel, or a palette PNG, whose values are class ids"
    if header is None:
        raise DataError(f"is not a PNG; {wanted}", str(path), "Write label maps as PNG: other formats change the ids")
    *_, depth, colour = header
    if colour != 3 and (depth, colour) != (8, 0):
        found = f"is {depth}-bit {_PNG_COLOURS.get(colour, 'unknown')}; {wanted}"
        raise DataError(found, str(path), "Map its values to ids and write them as 8-bit greyscale")
    with _opened(path) as image:
        return np.array(image)


def read_first_channel(path: Path) -> NDArray[np.uint16]:
    """Read the first channel (H, W) of a 16-bit PNG, in which SYNTHIA stores its classes.

    Raises:
        DataError: the file is missing, truncated, not a PNG, or a PNG of 8 bits a channel.
    """
    try:
        header = png_header(path)
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", str(path), _AGAIN) from None
    wanted = "expected a PNG of 16 bits a channel whose first channel holds class ids"
    if header is None:
        raise DataError(f"is not a PNG; {wanted}", str(path), "Use the label files as they were downloaded")
    width, height, depth, colour = header
    if depth != 16:
        found = f"is {depth}-bit {_PNG_COLOURS.get(colour, 'unknown')}; {wanted}"
        raise DataError(
            found, str(path), "Use the label files as downloaded: a copy in 8 bits or in colours has no ids"
        )
    if width * height > PIXEL_LIMIT:
        raise DataError(f"claims a size of {width}x{height} pixels", str(path), _AGAIN)
    whole = content[-8:-4] == b"IEND"  # OpenCV may silently fill in a truncated image
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if whole else None
    if stored is None or stored.dtype != np.uint16:
        raise DataError("is a truncated or damaged image", str(path), _AGAIN)
    # OpenCV reverses the channels, and copies a grey one to all three. So the first channel is always the third here.
    return np.asarray(stored if stored.ndim == 2 else stored[..., 2])


def check_ids(ids: NDArray[np.uint8], taxonomy: Taxonomy, path: Path) -> None:
    """Check that all ids are in the class table.

    Raises:
        DataError: some ids are outside. The error names them and the number of their pixels.
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
        f"Valid ids are positions in the table, 0 to {len(taxonomy) - 1}, and {IGNORE} for ignored pixels. "
        "Change the ids, or add the classes to the table",
    )


def _plain_png(path: Path) -> NDArray[np.uint8] | None:
    """Read an undamaged 8-bit RGB PNG, as nearly all frames are: (H, W, 3). None for any other or missing file.

    FFmpeg's decoder takes 0.6 times as long as Pillow's, but it ignores damage. So every checksum is verified here.
    Pillow reads files that are damaged or unusual, and says what is wrong.
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
    """Whether the bytes are an 8-bit RGB PNG that is complete, not interlaced, and has only usual chunks."""
    if len(content) < 33 or content[12:16] != b"IHDR":
        return False
    width, height, *kind = struct.unpack(">II5B", content[16:29])
    if width * height > PIXEL_LIMIT or kind != [8, 2, 0, 0, 0]:
        return False
    chunks = png_chunks(content)
    if chunks is None or not {chunk.kind for chunk in chunks} <= _USUAL:
        return False
    return chunks[-1].start + 4 == len(content)  # the last chunk has a checksum and no content


@contextmanager
def _opened(path: Path, whole: bool = True) -> Iterator[Image.Image]:
    """Open an image and check its size. Any error that Pillow raises while decoding becomes a DataError.

    Pillow verifies no checksum of a PNG's pixels. So it is done here, if the whole image is to be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower, and an error
            image = Image.open(path)
        with image:
            if image.width * image.height > PIXEL_LIMIT:
                raise DataError(f"claims a size of {image.width}x{image.height} pixels", str(path), _AGAIN)
            if whole and image.format == "PNG" and png_chunks(path.read_bytes()) is None:
                raise DataError("is a truncated or damaged image (its chunks are incomplete)", str(path), _AGAIN)
            yield image
    except FileNotFoundError:
        raise DataError("no such file", str(path), "Copy it there, or leave out its frame") from None
    except UnidentifiedImageError:
        raise DataError("is not an image that can be read", str(path), _AGAIN) from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"is a truncated or damaged image ({error})", str(path), _AGAIN) from None
