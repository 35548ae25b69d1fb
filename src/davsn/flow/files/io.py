"""Flow in files. A flow here is (H, W, 2), x right then y down, in pixels of the file's own resolution."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import FlowError
from davsn.core.files.writing import replacing
from davsn.flow.estimator import Flow
from davsn.flow.files.forms import AGAIN, FORMS, PIXEL_LIMIT, Form

__all__ = ["FARTHEST", "FORMS", "PIXEL_LIMIT", "SUFFIXES", "Flow", "read_flow", "write_flow"]

SUFFIXES = tuple(dict.fromkeys(form.suffix for form in FORMS.values()))
"""Of the files that are read and written."""

FARTHEST = 1e5
"""No content moves by more pixels than this: a file that says so is damaged, or is no flow."""


def read_flow(path: Path, form: str | None = None) -> Flow:
    """Read a flow file.

    ==================  ==============================================================================================
    ``npy``             (H, W, 2) integers, tenths of a pixel, as the DA-VSN family stores them; float64 array / 10
    ``flo``             Middlebury and Sintel, float32; what is beyond 1e9 is unknown
    ``kitti``           PNG of three 16-bit channels: (value − 32768) / 64 for x and y, then known or not; float32
    ``vkitti``          PNG of three 16-bit channels: 0 to 65535 for −(size − 1) to size − 1, x by the width and y by
                        the height; then 0 where unknown
    ``unifiedvideoda``  as ``kitti``, and (0, 0) is unknown, as that project takes it. Its own files say in their third
                        channel what is known: read them as ``kitti`` and what stands still stays known
    ``packed``          ours: the cache's coding in a file, exact to 1/64 pixel, a tenth to a fifth of ``npy``'s size
    ==================  ==============================================================================================

    Args:
        path: the file.
        form: one of :data:`FORMS`; None goes by the suffix, and refuses a PNG that may not be KITTI's.

    Returns:
        the flow, 0 where it is unknown, and where it is known (None: everywhere).

    Raises:
        FlowError: no such file, another form, a length that does not fit its header, or values that are no motion:
            not a number, or beyond :data:`FARTHEST`.
    """
    chosen = _form(path, form)
    try:
        flow, known = chosen.read(path)
    except FileNotFoundError:
        raise FlowError("no such flow file", str(path), "Compute it, or set flow to an estimator such as dis") from None
    except OSError as error:
        raise FlowError(f"cannot be read ({error.strerror or error})", str(path), AGAIN) from None
    _check(path, flow)
    return flow, known


def write_flow(
    path: Path, flow: NDArray[np.floating], valid: NDArray[np.bool_] | None = None, form: str | None = None
) -> None:
    """Write a flow, whole or not at all.

    Args:
        path: its suffix is the form's.
        flow: (H, W, 2) pixels.
        valid: (H, W) where the flow is known; None means everywhere. ``npy`` has no place for it.
        form: one of :data:`FORMS`; None goes by the suffix (``.png`` is KITTI's). Values are rounded to tenths of a
            pixel in ``npy``, to 1/64 in ``kitti`` and to 1/32767 of the size in ``vkitti``; ``unifiedvideoda`` moves
            what stands still by 1/64 pixel to the right, so that its reader does not take it for unknown.

    Raises:
        FlowError: a value that the form cannot hold, or that is no motion, or a mask that it cannot hold.
        DataError: the disk is full or the folder cannot be written to.
    """
    chosen = _form(path, form)
    known = np.ones(flow.shape[:2], bool) if valid is None else valid
    settled = np.where(known[..., None], flow, 0)
    _check(path, settled)
    content = chosen.encode(path, settled, known)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _form(path: Path, name: str | None) -> Form:
    found = next((form for form in FORMS.values() if form.suffix == path.suffix), None)
    if found is None:
        raise FlowError(f"'{path.suffix}' is no flow file's suffix", str(path), f"Use one of {', '.join(SUFFIXES)}")
    if name is not None and FORMS[name].suffix != path.suffix:
        wanted = FORMS[name].suffix
        raise FlowError(f"a {name} flow file ends in {wanted}", str(path), f"Name it {path.with_suffix(wanted).name}")
    return found if name is None else FORMS[name]


def _check(path: Path, flow: NDArray[np.floating]) -> None:
    low, high = flow.min(initial=0), flow.max(initial=0)  # either is NaN if any value is
    if np.isnan(low):
        raise FlowError("holds values that are not numbers", str(path), AGAIN)
    if max(-low, high) > FARTHEST:
        raise FlowError(f"holds a motion of {max(-low, high):.3g} pixels", str(path), AGAIN)
