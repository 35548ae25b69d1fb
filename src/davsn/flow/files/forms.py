"""The forms of flow files that the field uses, one :class:`Form` each; ``io.py`` reads and writes them.

Files are untrusted data. The size that a header claims is compared with the file's length before memory of that size
is allocated. A PNG's checksums are verified before it is decoded.
"""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import FlowError
from davsn.core.files.png import png_chunks, png_header
from davsn.flow.estimator import Flow
from davsn.flow.files.coding import decode, encode
from davsn.flow.files.numbers import (
    AGAIN,
    PIXEL_LIMIT,
    encode_archive,
    encode_pfm,
    encode_pixels,
    read_numbers,
    read_pfm,
)

_PACKED_MAGIC = b"DAVSNFLO"
_PACKED_HEAD = struct.Struct("<8sII")  # the magic bytes, width and height
_FLO_MAGIC = b"PIEH"  # 202021.25 as a little-endian float32
_FLO_UNKNOWN = 1e9  # Middlebury: a component beyond this is unknown
_MOST = np.iinfo(np.uint16).max
_DEFLATE = 1032
"""The most that deflate can compress: no stream inflates to more than this many times its length."""


@dataclass(frozen=True)
class Form:
    """A form of flow files.

    Attributes:
        suffix: the suffix of its files. Where no form is given, a suffix means the first form that has it.
        about: what the files hold, in one line.
        read: reads the flow of a file, with 0 where it is unknown. Raises FlowError or OSError.
        encode: makes a file's content from its path (for messages), the (H, W, 2) flow and the (H, W) mask of known
            flow. Raises FlowError for values that the form cannot store.
    """

    suffix: str
    about: str
    read: Callable[[Path], Flow]
    encode: Callable[[Path, NDArray[np.floating], NDArray[np.bool_]], bytes]


def _read_tenths(path: Path) -> Flow:
    try:
        # Mapping the file compares the shape in its header with the file's length, and allocates no memory.
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, MemoryError):
        raise
    except Exception as error:  # NumPy's reader raises many kinds of exception on a damaged header
        reason = [*str(error).splitlines(), ""][0]
        raise FlowError(f"is not a complete NumPy file ({reason})", str(path), AGAIN) from None
    if not isinstance(stored, np.ndarray) or stored.ndim != 3 or stored.shape[2] != 2 or stored.dtype.kind != "i":
        found = f"{getattr(stored, 'dtype', 'an archive')} of shape {getattr(stored, 'shape', '?')}"
        raise FlowError(
            f"holds {found}, but expected (height, width, 2) integers in tenths of a pixel. Other numbers do not say "
            "their unit",
            str(path),
            "Convert it: davsn flow convert FILE NEW --to flo, with --unit pixels, tenths or size",
        )
    _limit(path, stored.shape[1], stored.shape[0])
    return np.asarray(stored) / 10.0, None


def _tenths(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    if not known.all():
        raise FlowError("a .npy flow file cannot store where flow is unknown", str(path), "Write .flo or .png")
    tenths = _fitted(path, np.rint(flow * 10.0), np.iinfo(np.int16).min, np.iinfo(np.int16).max)
    content = io.BytesIO()
    np.save(content, tenths.astype(np.int16), allow_pickle=False)
    return content.getvalue()


def _read_middlebury(path: Path) -> Flow:
    with path.open("rb") as file:
        head = file.read(12)
    if len(head) < 12 or head[:4] != _FLO_MAGIC:
        raise FlowError("is not a Middlebury .flo file: its first four bytes are not PIEH", str(path), AGAIN)
    width, height = struct.unpack("<ii", head[4:])
    _limit(path, width, height)
    wanted, found = 12 + 8 * width * height, path.stat().st_size
    if found != wanted:
        raise FlowError(f"has {found} bytes, but {width}x{height} pixels need {wanted}", str(path), AGAIN)
    flow = np.fromfile(path, "<f4", offset=12).reshape(height, width, 2).astype(np.float32, copy=False)
    return _known(flow, ~np.any(np.abs(flow) > _FLO_UNKNOWN, axis=-1))


def _middlebury(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    height, width = known.shape
    stored = np.where(known[..., None], flow, 10 * _FLO_UNKNOWN).astype("<f4")
    return _FLO_MAGIC + struct.pack("<ii", width, height) + stored.tobytes()


def _read_kitti(path: Path) -> Flow:
    flow, last = _read_64ths(path)
    if last.max(initial=0) > 1:
        raise FlowError(
            f"has values up to {last.max()} in its third channel, where KITTI has only 1 (known) and 0 (unknown)",
            str(path),
            "Virtual KITTI has such files. If it is one, run davsn flow convert FILE NEW --form vkitti --to kitti",
        )
    return _known(flow, last > 0)


def _read_64ths(path: Path) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    stored = read_wide(path)
    return ((stored[..., :2].astype(np.float32) - 32768) / 64).astype(np.float32, copy=False), stored[..., 2]


def _kitti(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    values = _fitted(path, np.rint(flow * 64.0) + 32768, 0, _MOST)
    return _png(values * known[..., None], known)


def _read_virtual(path: Path) -> Flow:
    stored = read_wide(path)
    flow = (stored[..., :2] * np.float32(2 / _MOST) - 1) * _reach(stored.shape)
    return _known(flow.astype(np.float32), stored[..., 2] > 0)


def _virtual(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    values = _fitted(path, np.rint((flow / _reach(flow.shape) + 1) * (_MOST / 2)), 0, _MOST)
    return _png(values * known[..., None], known * _MOST)


def _reach(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The largest x and y that Virtual KITTI can store: one less than width and height."""
    return np.maximum(np.array([shape[1] - 1, shape[0] - 1], np.float32), 1)


def _read_zero_unknown(path: Path) -> Flow:
    flow, last = _read_64ths(path)
    return _known(flow, (last > 0) & flow.any(-1))


def _zero_unknown(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    still = known & ~np.rint(flow * 64.0).any(-1)
    return _kitti(path, np.where(still[..., None], np.array([1 / 64, 0]), flow), known)


def _read_packed(path: Path) -> Flow:
    content = path.read_bytes()
    if len(content) < _PACKED_HEAD.size + 4 or content[:8] != _PACKED_MAGIC:
        raise FlowError("is not a packed flow file: its first eight bytes are not DAVSNFLO", str(path), AGAIN)
    _, width, height = _PACKED_HEAD.unpack_from(content)
    _limit(path, width, height)
    whole = zlib.crc32(content[:-4]) == int.from_bytes(content[-4:], "little")
    found = decode(content[_PACKED_HEAD.size : -4], (height, width)) if whole else None
    if found is None:
        raise FlowError("is a truncated or damaged packed flow file", str(path), AGAIN)
    return found


def _packed(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    head = _PACKED_HEAD.pack(_PACKED_MAGIC, known.shape[1], known.shape[0])
    content = head + encode(flow, None if known.all() else known)
    return content + zlib.crc32(content).to_bytes(4, "little")


FORMS: dict[str, Form] = {
    "npy": Form(".npy", "the DA-VSN family: int16, tenths of a pixel; all flow is known", _read_tenths, _tenths),
    "flo": Form(".flo", "Middlebury, Sintel: float32; unknown flow is beyond 1e9", _read_middlebury, _middlebury),
    "kitti": Form(".png", "KITTI: 16-bit x, y in 1/64 pixel + 32768; a mask of known flow", _read_kitti, _kitti),
    "vkitti": Form(
        ".png",
        "Virtual KITTI: 16-bit x, y from −(size − 1) to size − 1; a mask of known flow",
        _read_virtual,
        _virtual,
    ),
    "pfm": Form(".pfm", "SceneFlow: float32 x, y and 0, the last row first; unknown is infinite", read_pfm, encode_pfm),
    "pixels": Form(
        ".npy", "RAFT and others: float32 pixels; unknown is NaN", partial(read_numbers, unit="pixels"), encode_pixels
    ),
    "npz": Form(".npz", "float32 pixels in an archive; a mask of known flow", read_numbers, encode_archive),
    "unifiedvideoda": Form(".png", "as kitti, but (0, 0) is unknown too", _read_zero_unknown, _zero_unknown),
    "packed": Form(".flow", "davsn's cache: 1/64 pixel, deflated; a mask of known flow", _read_packed, _packed),
}
"""The forms by name. A new form needs an entry here and its name in ``choices.py``."""


def read_wide(path: Path) -> NDArray[np.uint16]:
    """Read the (H, W, 3) channels of a 16-bit RGB PNG: x, y and whether they are known, in the form's own unit.

    Raises:
        FlowError: the file is of another kind, damaged, or larger than :data:`PIXEL_LIMIT`.
        OSError: the file cannot be read.
    """
    header = png_header(path)
    if header is None:
        raise FlowError("is not a PNG", str(path), AGAIN)
    width, height, depth, colour = header
    if (depth, colour) != (16, 2):
        raise FlowError(
            f"is a PNG of {depth} bits a channel and colour type {colour}, not the 16-bit RGB of KITTI flow",
            str(path),
            "It may be an image of the flow, or a frame. Give the folder of the flow files themselves",
        )
    _limit(path, width, height)
    content = path.read_bytes()
    compressed = sum(chunk.length for chunk in png_chunks(content) or () if chunk.kind == b"IDAT")
    whole = _DEFLATE * compressed >= height * (1 + 6 * width)
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if whole else None
    if stored is None or stored.shape != (height, width, 3) or stored.dtype != np.uint16:
        raise FlowError("is a truncated or damaged PNG", str(path), AGAIN)
    pixels: NDArray[np.uint16] = stored[..., ::-1]  # OpenCV's order is BGR
    return pixels


def _png(values: NDArray[np.floating], last: NDArray[np.integer] | NDArray[np.bool_]) -> bytes:
    """Encode a 16-bit RGB PNG from (H, W, 2) values and a third channel."""
    stored = np.dstack([last, values[..., 1], values[..., 0]]).astype(np.uint16)
    return bytes(cv2.imencode(".png", stored)[1])


def _known(flow: NDArray[np.float32], known: NDArray[np.bool_]) -> Flow:
    if known.all():
        return np.ascontiguousarray(flow), None
    return np.where(known[..., None], flow, np.float32(0)), known


def _limit(path: Path, width: int, height: int) -> None:
    if min(width, height) < 1 or width * height > PIXEL_LIMIT:
        raise FlowError(f"claims a size of {width}x{height} pixels", str(path), AGAIN)


def _fitted(path: Path, values: NDArray[np.floating], low: int, high: int) -> NDArray[np.floating]:
    if not (values.min() >= low and values.max() <= high):
        raise FlowError(
            f"the flow holds values that this {path.suffix} form cannot store",
            str(path),
            "Write .flo, which stores any value",
        )
    return values
