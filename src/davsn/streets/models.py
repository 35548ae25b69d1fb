"""Solid models made of tapered boxes and ellipsoids. Each shape has a category, a paint and a material.

In local axes, x points forward, y left and z up. The origin is on the ground, below the middle.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from davsn.streets.categories import Category
from davsn.streets.paint import Paint

Array = NDArray[np.floating]

LIFTED = 0.05
"""Metres. A box whose lowest corner is higher does not stand on the ground."""


class Material(IntEnum):
    """The pattern on a part's surface, which depends on the point in local axes."""

    PLAIN = 0
    WALL = 1
    GLASS = 2
    FOLIAGE = 3
    BARS = 4
    LAMPS = 5
    PLATE = 6
    BODY = 7
    COACH = 8
    WHEEL = 9
    FACADE = 10
    TILES = 11
    BRICKS = 12
    TWIGS = 13
    MESH = 14
    CLOTH = 15
    GLOSS = 16
    CARGO = 17
    SPOKES = 18


@dataclass(frozen=True, eq=False)
class Part:
    """One shape: a tapered box if ``planes`` are given, otherwise the ellipsoid that fills ``bounds``.

    Attributes:
        bounds: (2, 3) lowest and highest corner.
        planes: (6, 4) outward normals and offsets. A point is inside where ``n·p + offset <= 0``. The order of faces is
            back, front, right, left, bottom, top.
    """

    category: Category
    paint: Paint
    material: Material
    bounds: Array
    planes: Array | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """A model: its parts as arrays, P boxes first, then Q ellipsoids.

    Attributes:
        planes: (P, 6, 4) planes of the boxes.
        bounds: (P + Q, 2, 3) lowest and highest corners.
        categories: (P + Q,) categories.
        paints: (P + Q, 2, 3) colours in [0, 1] in the palettes of ``game`` and ``camera``.
        materials: (P + Q,) materials.
        low: (3,) lowest corner of all parts.
        high: (3,) highest corner of all parts.
        shadow: the strength of the contact shadow on the ground; 0 for none.
    """

    planes: Array
    bounds: Array
    categories: NDArray[np.uint8]
    paints: Array
    materials: NDArray[np.uint8]
    low: Array
    high: Array
    shadow: float


def deepened(model: Model, slope: float) -> Model:
    """The model for sloping ground: what stands on the ground reaches as far below it as the slope asks for.

    Args:
        model: a model.
        slope: the steepest slope of the ground, as a tangent.
    """
    depth = slope * float(np.hypot(*np.maximum(-model.low, model.high)[:2]))
    planes, bounds = model.planes.copy(), model.bounds.copy()
    standing = np.flatnonzero(bounds[: len(planes), 0, 2] < LIFTED)
    bounds[standing, 0, 2] -= depth
    planes[standing, 4, 3] -= depth
    for face in range(4):
        axis, side = divmod(face, 2)
        normal = planes[standing, face]
        wider = np.maximum(normal[:, 2] / np.abs(normal[:, axis]), 0) * depth
        bounds[standing, side, axis] += (2 * side - 1) * wider
    low = np.minimum(model.low, bounds[:, 0].min(0))
    return replace(model, planes=planes, bounds=bounds, low=low, high=np.maximum(model.high, bounds[:, 1].max(0)))


def box(
    category: Category,
    paint: Paint,
    low: Sequence[float],
    high: Sequence[float],
    taper: Sequence[float] = (0, 0, 0, 0),
    material: Material = Material.PLAIN,
) -> Part:
    """A box whose top is narrower by ``taper`` metres at the back, front, right and left; wider where negative."""
    # Plain numbers: a world has tens of thousands of boxes, and arrays of three numbers cost more than the arithmetic.
    corners = [*map(float, low)], [*map(float, high)]
    tall = corners[1][2] - corners[0][2]
    planes = [[0.0] * 4 for _ in range(4)]
    for face, narrower in enumerate(taper):
        axis, side = divmod(face, 2)
        outward = (2.0 * side - 1.0) * tall
        length = math.sqrt(outward * outward + narrower * narrower)
        planes[face][axis], planes[face][2] = outward / length, narrower / length
        planes[face][3] = -(planes[face][axis] * corners[side][axis] + planes[face][2] * corners[0][2])
    planes += [[0.0, 0.0, -1.0, corners[0][2]], [0.0, 0.0, 1.0, -corners[1][2]]]
    for axis, (back, front) in enumerate((taper[:2], taper[2:])):
        corners[0][axis] += min(back, 0.0)
        corners[1][axis] -= min(front, 0.0)
    return Part(category, paint, material, np.array(corners), np.array(planes))


def ellipsoid(
    category: Category,
    paint: Paint,
    centre: Sequence[float],
    radii: Sequence[float],
    material: Material = Material.PLAIN,
) -> Part:
    """An ellipsoid whose axes are parallel to the local axes."""
    middle, half = np.array(centre, np.float64), np.array(radii, np.float64)
    return Part(category, paint, material, np.array([middle - half, middle + half]))


def assemble(parts: Sequence[Part], shadow: float = 0.0) -> Model:
    """Assemble a model from parts."""
    ordered = [p for p in parts if p.planes is not None] + [p for p in parts if p.planes is None]
    bounds = np.array([part.bounds for part in ordered])
    planes = [part.planes for part in ordered if part.planes is not None]
    return Model(
        planes=np.array(planes, np.float32).reshape(-1, 6, 4),
        bounds=bounds.astype(np.float32),
        categories=np.array([part.category for part in ordered], np.uint8),
        paints=np.array([part.paint for part in ordered], np.float32),
        materials=np.array([part.material for part in ordered], np.uint8),
        low=bounds[:, 0].min(0),
        high=bounds[:, 1].max(0),
        shadow=shadow,
    )
