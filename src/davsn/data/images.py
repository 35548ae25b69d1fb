"""Reading images and label maps from files that may be damaged, wrong, or not what their names say."""

import os
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from davsn.core.errors import DataError
from davsn.core.files.png import png_chunks, png_header

PICTURE_SUFFIXES = frozenset(f".{name}" for name in "jpg jpeg jpe jfif png bmp gif tif tiff webp ppm pgm pnm".split())
"""Suffixes of the files that count as images, in lower case; file names may have them in any case."""
PICTURE_ENDING = rf"(?i:{'|'.join(sorted(map(re.escape, PICTURE_SUFFIXES)))})"
"""Pattern of the end of an image's name, in any case."""

PIXEL_LIMIT = 1 << 26
"""The largest number of pixels, 8192 × 8192. An image that claims more is refused before it is decoded."""

_ORIENTATION = 0x0112
"""The EXIF tag that says how the stored pixels are turned for display."""
_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
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
    return sorted(_pictures(folder), key=natural)


def has_pictures(folder: Path) -> bool:
    """Whether a folder directly holds an image file; see :func:`picture_files`."""
    return any(True for _ in _pictures(folder))


def _pictures(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            suffix = os.path.splitext(entry.name)[1].lower()
            if suffix in PICTURE_SUFFIXES and not entry.name.startswith(".") and not entry.is_dir():
                yield entry.name


def is_animation(path: Path) -> bool:
    """Whether a file holds several images that are shown one after another, such as most GIFs.

    Raises:
        DataError: the file is no image.
    """
    with opened(path, whole=False) as image:
        return _is_animation(image)


def _is_animation(image: Image.Image) -> bool:
    return image.format not in ("MPO", "TIFF") and bool(getattr(image, "is_animated", False))


def picture_size(path: Path) -> tuple[int, int]:
    """The (width, height) of an image as it is displayed, read from its header alone.

    Raises:
        DataError: the file is no image, or its size exceeds :data:`PIXEL_LIMIT`.
    """
    with opened(path, whole=False) as image:
        return image.size[::-1] if _orientation(image) in _SIDEWAYS else image.size


def turned_like(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn pixels (H, W) as the orientation in an image's header turns its stored pixels for display.

    Args:
        path: the image, such as the frame of a label map.
        pixels: the pixels, in the orientation in which the image is stored.
    """
    with opened(path, whole=False) as image:
        turn = _TURNED.get(_orientation(image))
    return pixels if turn is None else np.array(Image.fromarray(pixels).transpose(turn))


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read an 8-bit image of any colour mode as (H, W, 3) RGB, upright. Transparency is dropped.

    The image is turned and mirrored as its EXIF orientation says, as viewers and labelling tools do.

    Raises:
        DataError: the image is missing, truncated or damaged, is an animation, has more than 8 bits a channel, or is
            larger than :data:`PIXEL_LIMIT`.
    """
    plain = _plain_png(path) if path.suffix.lower() == ".png" else None
    if plain is not None:
        return plain
    with opened(path) as image:
        if image.mode not in _EIGHT_BIT:
            raise DataError(
                f"is an image of mode {image.mode}, not of 8 bits a channel", str(path), "Convert it to 8-bit RGB"
            )
        if _is_animation(image):
            found = f"is an animation of {getattr(image, 'n_frames', 'several')} images, not one image"
            raise DataError(
                found, str(path), "Read it as a video (name: video), or move it out of the folder of frames"
            )
        picture = image if image.mode == "RGB" else image.convert("RGB")
        turn = _TURNED.get(_orientation(image))
        return np.array(picture if turn is None else picture.transpose(turn))


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
    with opened(path) as image:
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


def _plain_png(path: Path) -> NDArray[np.uint8] | None:
    """Read an undamaged 8-bit RGB PNG, as nearly all frames are: (H, W, 3). None for any other or missing file.

    FFmpeg's decoder takes 0.6 times as long as Pillow's, but it ignores damage. So every checksum is verified here.
    Pillow reads files that are damaged or unusual, and says what is wrong. It also reads all files where PyAV is not
    installed, such as on a rented GPU that only trains.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if not _is_plain(content):
        return None
    try:
        import av
    except ImportError:
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


def same_shape(path: Path, size: tuple[int, ...], picture: Path) -> None:
    """Check that a label map has the shape of its image. Its size may differ, as it may in the public code.

    Args:
        path: the label map, which an error names.
        size: its (width, height).
        picture: its image.

    Raises:
        DataError: the aspect ratios differ by more than the rounding of a pixel.
    """
    (width, height), (wide, high) = size, picture_size(picture)
    if abs(width * high - height * wide) <= max(wide, high):  # within a pixel, since sizes are rounded
        return
    turned = abs(width * wide - height * high) <= max(wide, high)
    raise DataError(
        f"is {width}x{height} pixels, which is another shape than the {wide}x{high} of its image {picture}",
        str(path),
        "It lies on its side: turn it by 90 degrees as its image is displayed"
        if turned
        else "It belongs to another image, or one of the two was cropped. Use both as they were downloaded",
    )


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation of a photo; 1, which is upright, for other images."""
    if image.format not in ("JPEG", "MPO", "WEBP", "PNG"):
        return 1
    try:
        found = Image.Image.getexif(image).get(_ORIENTATION, 1)  # that of PNG would decode the whole image
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, struct.error):  # a damaged header
        return 1
    return found if isinstance(found, int) else 1


@contextmanager
def opened(path: Path, whole: bool = True) -> Iterator[Image.Image]:
    """Open an image and check its size. Any error that Pillow raises while decoding becomes a DataError.

    Pillow verifies no checksum of a PNG's pixels. So it is done here, if the whole image is to be read.

    Args:
        path: the image.
        whole: whether the pixels are to be read, and not only the header.

    Raises:
        DataError: the image is missing, damaged, no image at all, or larger than :data:`PIXEL_LIMIT`.
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
