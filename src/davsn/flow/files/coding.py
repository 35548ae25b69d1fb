"""A compact coding of a flow and its mask, exact to 1/64 of a pixel; benchmarks/flow_cache.py compares other codings.

Neighbouring flow vectors are nearly equal, and differences change little from one pixel to the next. So the coding
stores how far each value is from the plane through its left, upper and upper left neighbours. Two running sums undo
that. High and low bytes are stored apart, and all is deflated.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import FlowError
from davsn.flow.estimator import Flow

STEPS = 64
"""Steps in a pixel, as in KITTI's files."""
_LEVEL = 4  # a higher level takes three times as long and saves only a few per cent of the size
_FARTHEST = 2**31 // STEPS // 4


def rounded(flow: NDArray[np.floating]) -> NDArray[np.float32]:
    """The flow as :func:`decode` returns it: rounded to the nearest 1/64 px, as float32."""
    return np.asarray(np.rint(flow * float(STEPS)) / STEPS, np.float32)


def encode(flow: NDArray[np.floating], valid: NDArray[np.bool_] | None) -> bytes:
    """Encode a flow and its mask as bytes that :func:`decode` reads.

    Args:
        flow: (H, W, 2) in pixels.
        valid: (H, W) mask; None means valid everywhere.

    Raises:
        FlowError: a component is not finite, or is beyond eight million pixels.
    """
    if not (np.isfinite(flow).all() and np.abs(flow).max(initial=0) < _FARTHEST):
        raise FlowError(
            "the estimated flow holds values that are not finite or too large", remedy="Choose another estimator"
        )
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
    """Decode the flow and mask that :func:`encode` wrote.

    Args:
        content: untrusted bytes. No more memory is allocated than ``size`` needs.
        size: the (H, W) that the flow must have.

    Returns:
        (H, W, 2) float32 flow, and (H, W) bool mask or None. The result is None if the content is no flow of that size.
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
