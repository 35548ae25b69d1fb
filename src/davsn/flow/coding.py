"""A flow and its mask in few bytes, exact to 1/64 of a pixel; benchmarks/costs/flow_cache.py compares other codings.

Neighbouring flow vectors are nearly equal, and where they differ, they mostly differ as their neighbours do. So what is
written is the difference of every value from the plane through its left, upper and upper left neighbours, which two
running sums undo; high and low bytes apart, deflated.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from davsn.errors import FlowError
from davsn.flow.base import Flow

STEPS = 64
"""Steps in a pixel, as in KITTI's files."""
_LEVEL = 4  # beyond it encoding takes three times as long, for a few per cent of the size
_FARTHEST = 2**31 // STEPS // 4


def rounded(flow: NDArray[np.floating]) -> NDArray[np.float32]:
    """What :func:`decode` gives back of a flow: the nearest 1/64 px, as float32."""
    return np.asarray(np.rint(flow * float(STEPS)) / STEPS, np.float32)


def encode(flow: NDArray[np.floating], valid: NDArray[np.bool_] | None) -> bytes:
    """Bytes for :func:`decode`.

    Args:
        flow: (H, W, 2) pixels.
        valid: (H, W); None means everywhere.

    Raises:
        FlowError: a component that is not finite, or beyond eight million pixels.
    """
    if not (np.isfinite(flow).all() and np.abs(flow).max(initial=0) < _FARTHEST):
        raise FlowError("the estimated flow holds values that are no motion", remedy="Choose another estimator")
    steps = np.rint(flow * float(STEPS)).astype(np.int64).transpose(2, 0, 1)
    kind = np.dtype(np.uint16 if np.abs(steps).max(initial=0) < 2**15 else np.uint32)
    values = steps.astype(kind)  # differences wrap around, and the running sums wrap back
    values[:, :, 1:] -= values[:, :, :-1].copy()
    values[:, 1:] -= values[:, :-1].copy()
    signed = values.view(kind.name[1:])
    folded = ((signed << 1) ^ (signed >> (8 * kind.itemsize - 1))).view(kind)  # small negatives become small numbers
    planes = np.ascontiguousarray(folded, kind.newbyteorder(">")).view(np.uint8).reshape(-1, kind.itemsize).T
    mask = b"" if valid is None else np.packbits(valid).tobytes()
    head = bytes([kind.itemsize, valid is not None])
    return head + zlib.compress(planes.tobytes() + mask, _LEVEL)


def decode(content: bytes, size: tuple[int, int]) -> Flow | None:
    """The flow and mask of :func:`encode`.

    Args:
        content: from anywhere; no more is allocated than the size asks for.
        size: (H, W) that it must have.

    Returns:
        (H, W, 2) float32 and (H, W) bool or None; None for both where the content is none of that size.
    """
    height, width = size
    if len(content) < 2 or content[0] not in (2, 4) or content[1] not in (0, 1):
        return None
    kind, masked = np.dtype(f"u{content[0]}"), bool(content[1])
    length, packed = 2 * height * width * kind.itemsize, (height * width + 7) // 8 * masked
    inflate = zlib.decompressobj()
    try:
        plain = inflate.decompress(content[2:], length + packed + 1)
    except zlib.error:
        return None
    if len(plain) != length + packed or not inflate.eof:
        return None
    folded = np.zeros(2 * height * width, kind)
    for plane in np.frombuffer(plain, np.uint8, length).reshape(kind.itemsize, -1):  # the highest byte first
        folded = folded << 8 | plane
    values = ((folded >> 1) ^ -(folded & 1)).reshape(2, height, width)
    np.cumsum(values, 1, kind, values)
    np.cumsum(values, 2, kind, values)
    flow = values.view(kind.name[1:]).transpose(1, 2, 0).astype(np.float32) / np.float32(STEPS)
    if not masked:
        return flow, None
    bits = np.frombuffer(plain, np.uint8, offset=length)
    return flow, np.unpackbits(bits, count=height * width).reshape(size).astype(bool)
