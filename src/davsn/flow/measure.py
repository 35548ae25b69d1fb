"""Measures of a flow's accuracy: against exact flow where there is some, otherwise on the frames alone.

The measures of several pairs are pooled over pixels: every function returns a :class:`Tally`, and tallies can be added.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from davsn.core.clip import IGNORE
from davsn.flow.consistency import consistent
from davsn.ops.arrays import to_tensor
from davsn.ops.warp import warp

OUTLIER = 3.0, 0.05
"""An outlier has an error of more than 3 pixels and more than 5 %, as in KITTI 2015 (Menze and Geiger, "Object Scene
Flow", CVPR 2015)."""

SPEEDS = {"s0-10": (0.0, 10.0), "s10-40": (10.0, 40.0), "s40+": (40.0, np.inf)}
"""Groups of motion in pixels, each from its first value to below its second, as in MPI-Sintel (Butler et al., ECCV
2012)."""

EDGE = 5
"""Pixels from an edge within which a pixel counts as near it."""

_JUMP = 1.0
"""Pixels. There is an edge where the exact flow of two neighbours differs by more."""


@dataclass(frozen=True)
class Tally:
    """Sums over pixels, by the name of the measure.

    Attributes:
        sums: name → (sum of the values, number of pixels).
    """

    sums: Mapping[str, tuple[float, int]] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        names = dict.fromkeys([*self.sums, *other.sums])
        none = (0.0, 0)
        pairs = {name: (self.sums.get(name, none), other.sums.get(name, none)) for name in names}
        return Tally({name: (mine[0] + its[0], mine[1] + its[1]) for name, (mine, its) in pairs.items()})

    def means(self) -> dict[str, float | None]:
        """The mean of each measure over its pixels, by name; None if there were no pixels."""
        return {name: total / pixels if pixels else None for name, (total, pixels) in self.sums.items()}


def against_exact(
    flow: NDArray[np.floating],
    exact: NDArray[np.floating],
    valid: NDArray[np.bool_] | None = None,
    label: NDArray[np.uint8] | None = None,
) -> Tally:
    """Compare a flow with the exact one.

    Args:
        flow: (H, W, 2) in pixels.
        exact: the same shape.
        valid: (H, W) mask, True where the exact flow is known and its content is visible; None means everywhere.
        label: (H, W) class ids, 255 = ignore; borders between classes count as edges too.

    Returns:
        ``end-point error`` in pixels; ``outliers`` in percent (:data:`OUTLIER`); the end-point error by the size of
        the motion (:data:`SPEEDS`); and the end-point error ``near edges``, within :data:`EDGE` pixels of a jump of
        the exact flow or a border between classes.
    """
    known = np.ones(exact.shape[:2], bool) if valid is None else valid
    error = np.linalg.norm(flow.astype(np.float64) - exact, axis=-1)
    speed = np.linalg.norm(exact.astype(np.float64), axis=-1)
    outlier = (error > OUTLIER[0]) & (error > OUTLIER[1] * speed)
    groups = {name: (speed >= low) & (speed < high) for name, (low, high) in SPEEDS.items()}
    groups["near edges"] = near_edges(exact, known, label)
    measured = {"end-point error": (error, known), "outliers": (100.0 * outlier, known)}
    measured |= {name: (error, known & group) for name, group in groups.items()}
    return Tally({name: _sum(values, where) for name, (values, where) in measured.items()})


def without_exact(
    frame_a: NDArray[np.uint8],
    frame_b: NDArray[np.uint8],
    flow_ab: NDArray[np.floating],
    flow_ba: NDArray[np.floating] | None = None,
) -> Tally:
    """Measure a flow on the frames alone. A small error proves little: in areas without texture any flow fits.

    Args:
        frame_a: (H, W, 3) RGB.
        frame_b: the same shape.
        flow_ab: (H, W, 2) in pixels.
        flow_ba: the backward flow, if there is one.

    Returns:
        ``photometric error``, the mean difference between frame a and frame b moved onto it by the flow, in 8-bit
        levels; and ``photometric error at rest``, between both frames as they are. Both count pixels whose flow stays
        inside the frame. With ``flow_ba`` also ``round trip`` in pixels, the distance between the start of A→B→A and
        its end, and ``comes home``, the percentage of pixels that pass
        :func:`~davsn.flow.consistency.consistent`.
    """
    a, b, there = (to_tensor([array]).float() for array in (frame_a, frame_b, flow_ab))
    moved, within = warp(b, there)
    inside = within.numpy()
    tally = {
        "photometric error": _sum((a - moved).abs().mean(1).numpy(), inside),
        "photometric error at rest": _sum((a - b).abs().mean(1).numpy(), inside),
    }
    if flow_ba is not None:
        back = to_tensor([flow_ba]).float()
        tally["round trip"] = _sum((there + warp(back, there)[0]).norm(dim=1).numpy(), inside)
        tally["comes home"] = _sum(100.0 * consistent(there, back).numpy(), np.ones_like(inside))
    return Tally(tally)


def near_edges(
    exact: NDArray[np.floating], known: NDArray[np.bool_], label: NDArray[np.uint8] | None = None
) -> NDArray[np.bool_]:
    """A mask (H, W), True within :data:`EDGE` pixels of a jump of the known flow or of a border between classes."""
    edge = np.zeros(known.shape, np.uint8)
    for a, b in _neighbours():
        jump = (np.abs(exact[a] - exact[b]).max(-1) > _JUMP) & known[a] & known[b]
        if label is not None:
            jump |= (label[a] != label[b]) & (label[a] != IGNORE) & (label[b] != IGNORE)
        edge[a] |= jump
        edge[b] |= jump
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * EDGE + 1, 2 * EDGE + 1))
    return np.asarray(cv2.dilate(edge, disc) > 0)


def _neighbours() -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Slices of a map's pixels and of their right neighbours, then of pixels and of the neighbours below."""
    whole, first, rest = slice(None), slice(None, -1), slice(1, None)
    yield (whole, first), (whole, rest)
    yield (first, whole), (rest, whole)


def _sum(values: NDArray[np.floating], where: NDArray[np.bool_]) -> tuple[float, int]:
    return float(values[where].sum(dtype=np.float64)), int(where.sum())
