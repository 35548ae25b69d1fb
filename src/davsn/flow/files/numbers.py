"""Flow as plain numbers: the ``.npy`` and ``.npz`` of NumPy, as RAFT and others save it, and the ``.pfm`` of SceneFlow.

A NumPy file does not state its unit, so a person has to.
"""

import io
import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import FlowError
from davsn.flow.estimator import Flow
from davsn.flow.files.choices import Unit

PIXEL_LIMIT = 1 << 26
"""The most pixels that a file may claim, 8192 × 8192; larger files are refused unread."""
AGAIN = "Copy or compute the file again"

_LARGEST = 16 * PIXEL_LIMIT  # bytes of a flow in float64
_MASKS = ("valid", "known", "mask")
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_ASK = (
    "Say it: davsn flow convert FILE NEW --to flo, with --unit pixels, --unit tenths (of a pixel), or --unit size "
    "(shares of the width and the height)"
)


def read_numbers(path: Path, unit: Unit | None = None) -> Flow:
    """Read flow from a ``.npy`` or ``.npz`` file.

    Args:
        path: the file. It holds (H, W, 2) or (2, H, W) numbers; an archive may hold a mask beside them, named
            ``valid``, ``known`` or ``mask``. Numbers that are not finite are unknown flow.
        unit: the unit of the numbers; None: as the archive says, which :func:`encode_archive` has written.

    Returns:
        (H, W, 2) float32 flow in pixels, and the mask of known flow (None: all known).

    Raises:
        FlowError: the file is damaged, holds no flow, or does not state its unit.
    """
    arrays = _arrays(path)
    stated = arrays.pop("unit", None)
    masks = [arrays.pop(name) for name in _MASKS if name in arrays]
    flow = _vectors(path, arrays)
    if unit is None and stated is not None and str(stated) == "pixels":
        unit = "pixels"
    if unit is None:
        farthest = np.abs(flow[np.isfinite(flow)]).max(initial=0)
        raise FlowError(f"holds {flow.dtype} values up to {farthest:.3g}, but no unit is stated", str(path), _ASK)
    height, width = flow.shape[:2]
    scale = {"pixels": (1, 1), "tenths": (0.1, 0.1), "size": (width, height)}[unit]
    known = np.isfinite(flow).all(-1)
    if masks and masks[0].shape == known.shape:
        known &= masks[0].astype(bool)
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused later
        pixels = (np.where(known[..., None], flow, 0) * np.array(scale)).astype(np.float32)
    return pixels, None if known.all() else known


def holds_tenths(path: Path) -> bool:
    """Whether a file is a ``.npy`` of integers, which are tenths of a pixel from the current to the previous frame."""
    try:
        return path.suffix.lower() == ".npy" and np.load(path, mmap_mode="r", allow_pickle=False).dtype.kind == "i"
    except Exception:  # damaged: the reader will say so
        return False


def encode_pixels(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    """Encode a ``.npy`` of (H, W, 2) float32 in pixels; unknown flow is NaN."""
    content = io.BytesIO()
    np.save(content, np.where(known[..., None], flow, np.nan).astype(np.float32), allow_pickle=False)
    return content.getvalue()


def encode_archive(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    """Encode a ``.npz`` with ``flow`` (H, W, 2) float32, its ``unit``, and ``valid`` if some flow is unknown."""
    masks = {} if known.all() else {"valid": known}
    content = io.BytesIO()
    np.savez_compressed(content, flow=flow.astype(np.float32), unit=np.array("pixels"), **masks)  # type: ignore[arg-type]
    return content.getvalue()


def read_pfm(path: Path) -> Flow:
    """Read SceneFlow's ``.pfm``: three float32 channels x, y and 0, the last row first; not finite is unknown.

    Raises:
        FlowError: the file has another kind of header, or its length does not fit it.
    """
    with path.open("rb") as file:
        kind, sizes, scale = (file.readline(64).strip() for _ in range(3))
        start = file.tell()
    if kind == b"Pf":
        raise FlowError("has one channel, as a disparity has", str(path), "Give the file of the optical flow")
    try:
        (width, height), order = map(int, sizes.split()), "<" if float(scale) < 0 else ">"
    except ValueError:
        kind = b""
    if kind != b"PF":
        raise FlowError("is not a .pfm file of three channels: it does not begin with PF", str(path), AGAIN)
    if min(width, height) < 1 or width * height > PIXEL_LIMIT:
        raise FlowError(f"claims a size of {width}x{height} pixels", str(path), AGAIN)
    wanted, found = start + 12 * width * height, path.stat().st_size
    if wanted != found:
        raise FlowError(f"has {found} bytes, but {width}x{height} pixels need {wanted}", str(path), AGAIN)
    stored = np.fromfile(path, f"{order}f4", offset=start).reshape(height, width, 3)[::-1, :, :2]
    known = np.isfinite(stored).all(-1)
    flow = np.where(known[..., None], stored, 0).astype(np.float32)
    return flow, None if known.all() else known


def encode_pfm(path: Path, flow: NDArray[np.floating], known: NDArray[np.bool_]) -> bytes:
    """Encode SceneFlow's ``.pfm``; unknown flow is infinite."""
    stored = np.dstack([np.where(known[..., None], flow, math.inf), np.zeros(known.shape)])[::-1]
    return b"PF\n%d %d\n-1.0\n" % known.shape[::-1] + stored.astype("<f4").tobytes()


def _vectors(path: Path, arrays: dict[str, NDArray[np.generic]]) -> NDArray[np.floating]:
    """The (H, W, 2) numbers of the array that holds the flow."""
    name = "flow" if "flow" in arrays else next(iter(arrays), "")
    if not arrays or (len(arrays) > 1 and name != "flow"):
        held = ", ".join(arrays) or "no array"
        raise FlowError(f"holds {held}, and none is called flow", str(path), "Save one array, or name it flow")
    found = arrays[name]
    while found.ndim > 3 and found.shape[0] == 1:
        found = found[0]
    if found.ndim == 3 and found.shape[2] != 2 and found.shape[0] == 2:
        found = np.moveaxis(found, 0, 2)
    if found.ndim != 3 or found.shape[2] != 2 or found.dtype.kind not in "iuf":
        raise FlowError(
            f"holds {found.dtype} of shape {found.shape}, but expected (height, width, 2) numbers",
            str(path),
            AGAIN,
        )
    if found.shape[0] * found.shape[1] > PIXEL_LIMIT or found.size == 0:
        raise FlowError(f"claims a size of {found.shape[1]}x{found.shape[0]} pixels", str(path), AGAIN)
    return found if found.dtype.kind == "f" else found.astype(np.float64)  # type: ignore[return-value]


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of a file by name. No more memory is allocated than the file's own length, or the limit, allows."""
    try:
        if path.suffix.lower() != ".npz":
            return {"flow": np.load(path, mmap_mode="r", allow_pickle=False)}
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _LARGEST:
                raise FlowError(f"claims more than {_LARGEST >> 20} MiB", str(path), AGAIN)
            return {entry.filename.removesuffix(".npy"): _array(archive.read(entry)) for entry in entries}
    except (FlowError, FileNotFoundError, MemoryError):
        raise
    except Exception as error:  # the readers raise many kinds of exception on damage
        reason = [*str(error).splitlines(), ""][0]
        raise FlowError(f"is not a complete NumPy file ({reason})", str(path), AGAIN) from None


def _array(content: bytes) -> NDArray[np.generic]:
    file = io.BytesIO(content)
    shape, by_columns, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    values = np.frombuffer(content, dtype, math.prod(shape), file.tell())
    return values.reshape(shape, order="F" if by_columns else "C")
