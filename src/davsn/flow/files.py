"""The flow files of the field: tenths of a pixel (``.npy``), Middlebury (``.flo``) and KITTI (``.png``).

A flow here is (H, W, 2), x right then y down, in pixels of the file's own resolution. Files are data from
others: what a header claims is compared with the file's length before anything of that size is allocated.
"""

import io
import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from davsn.errors import FlowError
from davsn.saving import replacing

Flow = tuple[NDArray[np.floating], NDArray[np.bool_] | None]
"""(H, W, 2) flow, and (H, W) where it is known; None for the latter means everywhere."""

SUFFIXES = (".npy", ".flo", ".png")
"""The forms that are read and written."""

PIXEL_LIMIT = 1 << 26
"""Files that claim more pixels than this are refused unread: 8192 × 8192."""

_FLO_MAGIC = b"PIEH"  # 202021.25 as a little-endian float32
_FLO_UNKNOWN = 1e9  # Middlebury: a component beyond this is unknown
_AGAIN = "Copy or compute the file again"


def read_flow(path: Path) -> Flow:
    """Read a flow file; its suffix says its form.

    ========  ========================================================================================
    ``.npy``  (H, W, 2) integers, tenths of a pixel, as the DA-VSN family stores them; float64 array / 10
    ``.flo``  Middlebury, float32; values beyond 1e9 and values that are not numbers are unknown
    ``.png``  KITTI, three 16-bit channels: (value − 32768) / 64 for x and y, then known or not; float32
    ========  ========================================================================================

    Returns:
        the flow, 0 where it is unknown, and where it is known (None: everywhere).

    Raises:
        FlowError: no such file, another form, or a length that does not fit its header.
    """
    readers = {".npy": _read_tenths, ".flo": _read_middlebury, ".png": _read_kitti}
    if path.suffix not in readers:
        raise FlowError(f"'{path.suffix}' is no flow file's suffix", str(path), f"Use one of {', '.join(SUFFIXES)}")
    try:
        return readers[path.suffix](path)
    except FileNotFoundError:
        raise FlowError("no such flow file", str(path), "Compute it, or set flow to an estimator such as dis") from None
    except OSError as error:
        raise FlowError(f"cannot be read ({error.strerror or error})", str(path), _AGAIN) from None


def write_flow(path: Path, flow: NDArray[np.floating], valid: NDArray[np.bool_] | None = None) -> None:
    """Write a flow in the form its suffix says, whole or not at all.

    Args:
        path: ends in ``.npy`` (rounded to tenths), ``.flo`` (float32) or ``.png`` (rounded to 1/64).
        flow: (H, W, 2) pixels.
        valid: (H, W) where the flow is known; None means everywhere. ``.npy`` has no place for it.

    Raises:
        FlowError: a value beyond what the form can hold, or a mask that it cannot.
        DataError: the disk is full or the folder cannot be written to.
    """
    writers = {".npy": _tenths, ".flo": _middlebury, ".png": _kitti}
    if path.suffix not in writers:
        raise FlowError(f"'{path.suffix}' is no flow file's suffix", str(path), f"Use one of {', '.join(SUFFIXES)}")
    known = np.ones(flow.shape[:2], bool) if valid is None else valid
    content = writers[path.suffix](path, np.where(known[..., None], flow, 0), known)
    with replacing(path) as temporary, temporary.open("wb") as out:
        out.write(content)


def png_header(path: Path) -> tuple[int, int, int, int] | None:
    """(width, height, bits a channel, colour type) of a PNG, read from its first bytes; None if it is none."""
    with path.open("rb") as file:
        head = file.read(26)
    if len(head) < 26 or head[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    width, height, depth, colour = struct.unpack(">IIBB", head[16:26])
    return width, height, depth, colour


def read_wide(path: Path) -> NDArray[np.uint16]:
    """(H, W, 3) channels of a 16-bit RGB PNG: x, y and whether they are known, in whatever unit.

    Raises:
        FlowError: another kind of file, damaged, or of a size beyond :data:`PIXEL_LIMIT`.
        OSError: it cannot be read.
    """
    header = png_header(path)
    if header is None:
        raise FlowError("is not a PNG", str(path), _AGAIN)
    width, height, depth, colour = header
    if (depth, colour) != (16, 2):
        raise FlowError(
            f"is a PNG of {depth} bits a channel and colour type {colour}, not the 16-bit RGB of KITTI flow",
            str(path),
            "Is it a picture of the flow, or a frame? Give the folder of the flow files themselves",
        )
    _limit(path, width, height)
    content = path.read_bytes()
    whole = content[-8:-4] == b"IEND"  # OpenCV may fill up a truncated picture in silence
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if whole else None
    if stored is None or stored.shape != (height, width, 3):
        raise FlowError("is a truncated or damaged PNG", str(path), _AGAIN)
    return np.asarray(stored[..., ::-1])  # OpenCV's order is BGR


def _read_tenths(path: Path) -> Flow:
    try:
        # Mapping the file compares the shape in its header with its length, and allocates nothing.
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise
    except Exception as error:  # NumPy's reader lets many kinds of exception out on a damaged header
        raise FlowError(f"is not a whole NumPy file ({str(error).splitlines()[0]})", str(path), _AGAIN) from None
    if not isinstance(stored, np.ndarray) or stored.ndim != 3 or stored.shape[2] != 2 or stored.dtype.kind != "i":
        found = f"{getattr(stored, 'dtype', 'an archive')} of shape {getattr(stored, 'shape', '?')}"
        raise FlowError(
            f"holds {found}, wanted are (height, width, 2) integers in tenths of a pixel",
            str(path),
            "Save flow in pixels as .flo instead",
        )
    _limit(path, stored.shape[1], stored.shape[0])
    return np.asarray(stored) / 10.0, None


def _read_middlebury(path: Path) -> Flow:
    with path.open("rb") as file:
        head = file.read(12)
    if len(head) < 12 or head[:4] != _FLO_MAGIC:
        raise FlowError("is not a Middlebury .flo file: its first four bytes are not PIEH", str(path), _AGAIN)
    width, height = struct.unpack("<ii", head[4:])
    _limit(path, width, height)
    wanted, found = 12 + 8 * width * height, path.stat().st_size
    if found != wanted:
        raise FlowError(f"has {found} bytes where {width}x{height} pixels need {wanted}", str(path), _AGAIN)
    flow = np.fromfile(path, "<f4", offset=12).reshape(height, width, 2).astype(np.float32, copy=False)
    return _known(flow, np.all(np.abs(flow) < _FLO_UNKNOWN, axis=-1))  # a comparison with NaN is False


def _read_kitti(path: Path) -> Flow:
    stored = read_wide(path)
    flow = (stored[..., :2].astype(np.float32) - np.float32(32768)) / np.float32(64)
    return _known(flow, stored[..., 2] > 0)


def _known(flow: NDArray[np.float32], known: NDArray[np.bool_]) -> Flow:
    if known.all():
        return np.ascontiguousarray(flow), None
    return np.where(known[..., None], flow, np.float32(0)), known


def _limit(path: Path, width: int, height: int) -> None:
    if min(width, height) < 1 or width * height > PIXEL_LIMIT:
        raise FlowError(f"claims a size of {width}x{height} pixels", str(path), _AGAIN)


def _tenths(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    if not known.all():
        raise FlowError("a .npy flow file cannot say where flow is unknown", str(path), "Write .flo or .png")
    tenths = _fitted(path, np.rint(flow * 10.0), np.iinfo(np.int16).min, np.iinfo(np.int16).max)
    content = io.BytesIO()
    np.save(content, tenths.astype(np.int16), allow_pickle=False)
    return content.getvalue()


def _middlebury(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    height, width = known.shape
    stored = np.where(known[..., None], flow, 10 * _FLO_UNKNOWN).astype("<f4")
    return _FLO_MAGIC + struct.pack("<ii", width, height) + stored.tobytes()


def _kitti(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    values = _fitted(path, np.rint(flow * 64.0) + 32768, 0, np.iinfo(np.uint16).max)
    stored = np.dstack([known, values[..., 1] * known, values[..., 0] * known]).astype(np.uint16)
    return bytes(cv2.imencode(".png", stored)[1])


def _fitted(path: Path, values: NDArray[np.floating], low: int, high: int) -> NDArray[np.floating]:
    if not (np.isfinite(values).all() and values.min() >= low and values.max() <= high):
        raise FlowError(f"the flow holds values that {path.suffix} cannot", str(path), "Write .flo, which holds any")
    return values
