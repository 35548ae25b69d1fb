"""Reading label files of any kind as train ids: 1 to 16 bits, a palette, several channels, colours."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from davsn.core.clip import IGNORE
from davsn.core.errors import DataError
from davsn.core.files.png import png_header
from davsn.data.images import opened
from davsn.data.labels.coding import UNKNOWN, VALUES, LabelCoding, packed

STRAY = 0.01
"""The share of pixels whose colours may mean no class: painting errors, which are ignored."""
_LOOKED_AT = 8
"""Number of label files, evenly spread, from which it is found out how they hold the class."""
_CHANNELS = ("red", "green", "blue", "alpha")
_COLOURS_OF_PNG = {2: "RGB", 4: "grey and alpha", 6: "RGBA"}
_AGAIN = "Copy or export the file again"


_Histogram = tuple[NDArray[np.unsignedinteger], NDArray[np.int64]]
"""(n, 3) the values of red, green and blue that occur together, and (n,) in how many pixels."""


class Stored(NamedTuple):
    """What a label file holds.

    Attributes:
        values: (H, W) values or indices of a palette; (H, W, 3 or 4) values in the order red, green, blue, alpha.
        palette: (256, 3) RGB colours by index; None without a palette.
        kind: what the file is, for messages, such as '8-bit RGBA'.
    """

    values: NDArray[np.unsignedinteger]
    palette: NDArray[np.uint8] | None
    kind: str


def stored(path: Path) -> Stored:
    """Read what a label file holds, unscaled.

    Raises:
        DataError: the file is missing or damaged, or of a kind that changes or cannot hold ids, such as JPEG.
    """
    try:
        header = png_header(path)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", str(path), _AGAIN) from None
    if header is not None and header[2] == 16 and header[3] in _COLOURS_OF_PNG:
        return _sixteen_bit(path, _COLOURS_OF_PNG[header[3]])
    with opened(path) as image:
        _lossless(image, path)
        palette = None
        if image.mode in ("P", "PA"):
            colours = image.getpalette("RGB") or []
            palette = np.zeros((256, 3), np.uint8)
            palette.ravel()[: len(colours)] = colours
        values = np.array(image.getchannel(0) if image.mode in ("LA", "PA", "La") else image)
    if header is not None and header[2] in (2, 4) and header[3] == 0:
        values = values // (255 // ((1 << header[2]) - 1))  # Pillow scales grey of few bits to 0…255
    if values.dtype.kind not in "bui" or values.min() < 0 or values.max() >= VALUES:
        found = f"is an image of mode {image.mode}, whose values are no class ids"
        raise DataError(found, str(path), "Write class ids as whole numbers, in a PNG of 8 bits and one channel")
    if image.mode not in ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX") and values.ndim != 2:
        raise DataError(f"is an image of mode {image.mode}", str(path), "Write label maps as PNG, grey or RGB")
    depth = 16 if values.dtype.itemsize > 1 else 8
    return Stored(
        values.astype(np.uint16 if depth == 16 else np.uint8, copy=False), palette, f"{depth}-bit {image.mode}"
    )


def channel_of(paths: Sequence[Path], coding: LabelCoding) -> str | None:
    """Find out how label files hold the class, from a few of them.

    Args:
        paths: label files of one data set.
        coding: what their values and colours mean.

    Returns:
        'colours', or the name of the channel with the values; None: the files have one channel, or it is unknown.
    """
    if coding.channel is not None:
        return coding.channel
    few = [paths[index] for index in np.linspace(0, len(paths) - 1, min(_LOOKED_AT, len(paths))).round().astype(int)]
    coloured: list[_Histogram] = []
    painted: list[tuple[NDArray[np.unsignedinteger], NDArray[np.uint8]]] = []
    for path in few:
        try:
            found = stored(path)
        except DataError:  # whoever reads it as a label map reports it
            continue
        if found.values.ndim == 3:
            coloured.append(_histogram(found.values))
        elif found.palette is not None:
            used = np.unique(found.values)
            painted.append((used, found.palette[used]))
    if coloured:
        return _of_colour_files(coloured, coding)
    return "colours" if painted and _palettes_say_more(painted, coding) else None


def read_label(path: Path, coding: LabelCoding, channel: str | None = None) -> NDArray[np.uint8]:
    """Read a label file: (H, W) train ids, 255 = ignore.

    Args:
        path: the file. If its name ends in ``labelIds``, its values are those of Cityscapes.
        coding: what values and colours mean.
        channel: how files with colours hold the class; see :func:`channel_of`.

    Raises:
        DataError: the file cannot be read, or holds values or colours of no class.
    """
    found = stored(path)
    values = found.values
    if channel == "colours":
        pixels = _colours(found)
        if pixels is not None:
            return _by_colour(pixels, coding, found.kind, path)
    elif values.ndim == 3:
        if channel not in _CHANNELS[: values.shape[2]]:
            raise _unreadable(found, coding, path)
        values = values[..., _CHANNELS.index(channel)]
    lookup = coding.by_cityscapes_id if path.stem.lower().endswith("labelids") else None
    ids = (coding.by_value if lookup is None else lookup)[values]
    if (ids == UNKNOWN).any():
        raise _outside(values, ids, coding, path)
    return np.asarray(ids, np.uint8)


def _sixteen_bit(path: Path, kind: str) -> Stored:
    """Read a PNG of 16 bits and several channels, of which Pillow would keep 8 bits."""
    with opened(path):  # which verifies size and checksums
        content = np.frombuffer(path.read_bytes(), np.uint8)
    pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise DataError("is a truncated or damaged image", str(path), _AGAIN)
    if pixels.ndim == 3:
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]  # OpenCV reverses the channels
        pixels = pixels[..., 0] if kind.startswith("grey") else pixels
    return Stored(np.ascontiguousarray(pixels), None, f"16-bit {kind}")


def _lossless(image: Image.Image, path: Path) -> None:
    """Check that the file's compression keeps ids."""
    lossy = image.format in ("JPEG", "MPO") or "jpeg" in str(image.info.get("compression", ""))
    if image.format == "WEBP":
        lossy = b"VP8L" not in path.read_bytes()
    if lossy:
        found = f"is a {image.format} with lossy compression, which mixes the ids of neighbouring pixels"
        raise DataError(found, str(path), "Export the label maps again as PNG; a conversion does not help")


def _histogram(values: NDArray[np.unsignedinteger]) -> _Histogram:
    wide = values[..., :3].astype(np.int64)
    found, counts = np.unique((wide[..., 0] << 32 | wide[..., 1] << 16 | wide[..., 2]).ravel(), return_counts=True)
    return np.stack([found >> 32, found >> 16 & 0xFFFF, found & 0xFFFF], -1).astype(np.uint16), counts


def _of_colour_files(coloured: Sequence[_Histogram], coding: LabelCoding) -> str | None:
    """How files of several channels hold the class."""
    pixels, counts = (np.concatenate(parts) for parts in zip(*coloured, strict=True))
    if pixels.max(initial=0) <= 255:
        ids = coding.by_colour[packed(pixels)]
        of_class = (ids != UNKNOWN) & (ids != IGNORE) & pixels.any(1)  # black may be the id 0 too
        if of_class.any() and counts[ids != UNKNOWN].sum() > counts.sum() / 2:  # too many strays are an error later
            return "colours"
    if (pixels == pixels[:, :1]).all():
        return "red"  # grey, stored as RGB
    varied = [name for name, one in zip(_CHANNELS, pixels.T, strict=False) if one.any()]
    if len(varied) == 1:
        return varied[0]
    known = [name for name in varied if (coding.by_value[pixels[:, _CHANNELS.index(name)]] != UNKNOWN).all()]
    return known[0] if len(known) == 1 else None


def _palettes_say_more(
    painted: Sequence[tuple[NDArray[np.unsignedinteger], NDArray[np.uint8]]], coding: LabelCoding
) -> bool:
    """Whether the colours of palettes are those of classes, and the indices are not their ids."""
    colours, indices = (np.concatenate(parts) for parts in zip(*((two, one) for one, two in painted), strict=True))
    by_colour, by_index = coding.by_colour[packed(colours)], coding.by_value[indices]
    of_class = (by_colour != UNKNOWN) & (by_colour != IGNORE)
    no_class = (by_colour == IGNORE) & ((by_index == IGNORE) | (by_index == UNKNOWN) | (indices == 0))
    return bool(of_class.any() and (of_class | no_class).all() and (by_colour != by_index).any())


def _colours(found: Stored) -> NDArray[np.uint8] | None:
    """(H, W, 3 or 4) the colours of a label file; None for 16 bits, which are values."""
    if found.values.dtype != np.uint8:
        return None
    if found.palette is not None:
        return np.asarray(found.palette[found.values])
    return np.asarray(found.values if found.values.ndim == 3 else np.stack([found.values] * 3, -1))


def _by_colour(pixels: NDArray[np.uint8], coding: LabelCoding, kind: str, path: Path) -> NDArray[np.uint8]:
    """Map colours (H, W, 3 or 4) to train ids. Transparent pixels are ignored."""
    ids = coding.by_colour[packed(pixels)]
    if pixels.shape[2] == 4:
        ids = np.where(pixels[..., 3] == 0, IGNORE, ids)
    unknown = ids == UNKNOWN
    strays = np.count_nonzero(unknown)
    if strays > STRAY * ids.size:
        worst, share = _commonest(pixels[unknown]), strays / ids.size
        raise DataError(
            f"is {kind} and has colours of no class in {share:.0%} of its pixels, such as {worst}",
            str(path),
            _exchanged(pixels, coding)
            or "Add them to the class table: color or colors of a class, or ignore: [[red, green, blue]]. If one "
            "channel holds the ids, set channel: red there. Interpolation mixes colours: then export the labels again",
        )
    return np.where(unknown, IGNORE, ids).astype(np.uint8)


def _exchanged(pixels: NDArray[np.unsignedinteger], coding: LabelCoding) -> str:
    """What to do about colours (H, W, 3 or 4) that are those of classes in the order BGR; empty if they are not."""
    if pixels.dtype != np.uint8 or pixels.shape[2] < 3:
        return ""
    strays = np.count_nonzero(coding.by_colour[packed(pixels[..., 2::-1])] == UNKNOWN)
    order = (
        "With red and blue exchanged, they are colours of classes: export the labels again in the order RGB, not BGR"
    )
    return order if strays <= STRAY * pixels[..., 0].size else ""


def _commonest(colours: NDArray[np.unsignedinteger]) -> str:
    """The three commonest of some colours (n, channels), for a message."""
    found, counts = np.unique(colours[:, :3], axis=0, return_counts=True)
    return ", ".join(str(tuple(map(int, found[index]))) for index in np.argsort(-counts, kind="stable")[:3])


def _unreadable(found: Stored, coding: LabelCoding, path: Path) -> DataError:
    """The error of a file with several channels, of which none surely holds the ids."""
    worst = _commonest(found.values.reshape(-1, found.values.shape[2]))
    return DataError(
        f"is {found.kind}, and neither its colours nor one channel are surely those of the class table; it has {worst}",
        str(path),
        _exchanged(found.values, coding)
        or "Give the classes these colours in the class table (color), or say there which channel holds the ids: "
        "channel: red",
    )


def _outside(values: NDArray[np.unsignedinteger], ids: NDArray[np.int16], coding: LabelCoding, path: Path) -> DataError:
    """The error of a file with values of no class. It names them, the number of their pixels and what could help."""
    found, counts = np.unique(values[ids == UNKNOWN], return_counts=True)
    told = ", ".join(f"{value} ({count} pixels)" for value, count in list(zip(found, counts, strict=True))[:8])
    number = len(coding.names)
    valid = (
        f"Valid ids are {_ranges(coding)}"
        if coding.told
        else f"Valid ids are positions in the table, 0 to {number - 1}, and 255 for ignored pixels"
    )
    remedy = (
        "Change the ids, add the classes to the table, say there which value a class has (value: "
        f"{found[0]}), or list what is no class (ignore: [255, {found[0]}])"
    )
    if found.tolist() == [number] and not coding.told:
        remedy += ". If the ids begin at 1, set reduce_zero_label: true there"
    what = f"holds ids outside the class table of {number} classes: {told}"
    return DataError(what, str(path), f"{valid}. {remedy}")


def _ranges(coding: LabelCoding) -> str:
    """The values of a class table, for a message."""
    values = sorted(coding.values)
    return ", ".join(map(str, values[:12])) + (", …" if len(values) > 12 else "")
