"""Reading and writing flow files. A flow is (H, W, 2): x to the right, then y downwards, in the file's own pixels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import FlowError
from davsn.core.files.writing import replacing
from davsn.flow.estimator import Flow
from davsn.flow.files.choices import Unit
from davsn.flow.files.forms import FORMS, Form
from davsn.flow.files.numbers import AGAIN, PIXEL_LIMIT, read_numbers

__all__ = ["FARTHEST", "FORMS", "PIXEL_LIMIT", "SUFFIXES", "Flow", "found_flow", "read_flow", "write_flow"]

SUFFIXES = tuple(dict.fromkeys(form.suffix for form in FORMS.values()))
"""The suffixes of flow files that are read and written."""

FARTHEST = 1e5
"""The largest motion in pixels. A file with a larger motion is damaged, or holds no flow."""


def found_flow(path: Path, form: str | None = None) -> Path | None:
    """The flow file of this name, whatever its suffix: one of the form's, in any case. None if there is none.

    Args:
        path: the file, without a suffix.
        form: one of :data:`FORMS`; None: any.
    """
    suffixes = SUFFIXES if form is None else (FORMS[form].suffix,)
    names = [path.with_name(f"{path.name}{suffix}") for suffix in suffixes]
    found = next((name for name in names if name.is_file()), None)
    if found is None and path.parent.is_dir():
        files = (file for file in path.parent.iterdir() if file.stem == path.name and file.suffix.lower() in suffixes)
        found = min(files, default=None)
    return found


def read_flow(path: Path, form: str | None = None, unit: Unit | None = None) -> Flow:
    """Read a flow file.

    ==================  ==============================================================================================
    ``npy``             (H, W, 2) integers in tenths of a pixel, as the DA-VSN family stores them; read as float64 / 10
    ``flo``             Middlebury and Sintel, float32; values beyond 1e9 are unknown
    ``kitti``           PNG of three 16-bit channels: (value − 32768) / 64 for x and y, then 0 if unknown; float32
    ``vkitti``          PNG of three 16-bit channels: 0 to 65535 mean −(size − 1) to size − 1, where size is the width
                        for x and the height for y; the third channel is 0 where flow is unknown
    ``unifiedvideoda``  as ``kitti``, but (0, 0) is unknown too, as that project reads it. Its own files mark known
                        flow in the third channel. Read them as ``kitti``, and flow of zero stays known
    ``pfm``             SceneFlow, float32 with the last row first; values that are not finite are unknown
    ``pixels``          ``.npy`` of (H, W, 2) or (2, H, W) floats in pixels; values that are not finite are unknown
    ``npz``             an archive of such an array, with a mask ``valid`` if some flow is unknown
    ``packed``          davsn's own: the cache's coding, exact to 1/64 pixel, a tenth to a fifth of ``npy``'s size
    ==================  ==============================================================================================

    Args:
        path: the file.
        form: one of :data:`FORMS`; None: the suffix decides, and a PNG that may not be KITTI's is refused.
        unit: the unit of the numbers in a NumPy file, which states none; None: as the form says.

    Returns:
        the flow, with 0 where it is unknown, and the mask of known flow (None: all known).

    Raises:
        FlowError: the file does not exist, has another form, or has a length that does not fit its header; or a value
            is not a number, or is beyond :data:`FARTHEST`.
    """
    chosen = _form(path, form)
    if unit is not None and chosen.suffix not in (".npy", ".npz"):
        raise FlowError(f"is a {chosen.suffix} file, which states its unit", str(path), "Leave --unit out")
    try:
        flow, known = chosen.read(path) if unit is None else read_numbers(path, unit)
    except FileNotFoundError:
        raise FlowError("no such flow file", str(path), "Compute it, or set flow to an estimator such as dis") from None
    except OSError as error:
        raise FlowError(f"cannot be read ({error.strerror or error})", str(path), AGAIN) from None
    _check(path, flow)
    return flow, known


def write_flow(
    path: Path, flow: NDArray[np.floating], valid: NDArray[np.bool_] | None = None, form: str | None = None
) -> None:
    """Write a flow file, completely or not at all.

    Args:
        path: the file; it must have the form's suffix.
        flow: (H, W, 2) in pixels.
        valid: (H, W) mask of known flow; None means all known. ``npy`` cannot store a mask.
        form: one of :data:`FORMS`; None: the suffix decides (``.png`` is KITTI's). Values are rounded to tenths of a
            pixel in ``npy``, to 1/64 in ``kitti`` and to 1/32767 of the size in ``vkitti``. ``unifiedvideoda`` writes
            known flow of zero as 1/64 pixel to the right, so that its reader does not take it for unknown.

    Raises:
        FlowError: the form cannot store a value or the mask; or a value is not a number, or is beyond
            :data:`FARTHEST`.
        DataError: the disk is full, or the folder cannot be written to.
    """
    chosen = _form(path, form)
    known = np.ones(flow.shape[:2], bool) if valid is None else valid
    settled = np.where(known[..., None], flow, 0)
    _check(path, settled)
    content = chosen.encode(path, settled, known)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _form(path: Path, name: str | None) -> Form:
    found = next((form for form in FORMS.values() if form.suffix == path.suffix.lower()), None)
    if found is None:
        raise FlowError(
            f"'{path.suffix}' is not a suffix of flow files", str(path), f"Use one of {', '.join(SUFFIXES)}"
        )
    if name is not None and FORMS[name].suffix != path.suffix.lower():
        wanted = FORMS[name].suffix
        raise FlowError(f"a {name} flow file ends in {wanted}", str(path), f"Name it {path.with_suffix(wanted).name}")
    return found if name is None else FORMS[name]


def _check(path: Path, flow: NDArray[np.floating]) -> None:
    low, high = flow.min(initial=0), flow.max(initial=0)  # either is NaN if any value is
    if np.isnan(low):
        raise FlowError("holds values that are not numbers", str(path), AGAIN)
    if max(-low, high) > FARTHEST:
        raise FlowError(f"holds a motion of {max(-low, high):.3g} pixels", str(path), AGAIN)
