"""Builders of what the road leads beneath: bridges, houses with a passage, and tunnels.

Published class tables ignore bridges and tunnels, so they are :attr:`Category.OTHER`. The models lie across the street.
``edge`` is the distance in metres from the street's middle to where they may stand on the ground.
"""

from numpy.random import Generator

from davsn.streets.categories import Category
from davsn.streets.models import Material, Model, Part, assemble, box, ellipsoid
from davsn.streets.paint import Paint, pick

SEGMENT = 8.0
"""Metres of a tunnel that are one thing; the street bends from one to the next."""
_WIDE = 30.0
"""Metres that bridges and portals reach to each side, beyond the edge."""


def _both_sides(
    what: Category, paint: Paint, along: float, across: tuple[float, float], tall: float, material: Material
) -> list[Part]:
    """A box on each side of the street."""
    near, far = across
    return [
        box(what, paint, (-along, min(side * near, side * far), 0), (along, max(side * near, side * far), tall),
            material=material)
        for side in (-1, 1)
    ]  # fmt: skip


def bridge(rng: Generator, edge: float, half: float) -> Model:
    """A bridge across the street, ``2 * half`` metres broad, on walls with embankments or on columns."""
    what, paint, low = Category.OTHER, pick("concrete", rng), rng.uniform(4.8, 6.2)
    thick, wide = rng.uniform(0.7, 1.6), edge + _WIDE
    top = low + thick
    parts = [box(what, paint, (-half, -wide, low), (half, wide, top))]
    rail = pick("concrete" if rng.random() < 0.6 else "column", rng)
    for x in (-half, half - 0.2):
        parts.append(box(what, rail, (x, -wide, top), (x + 0.2, wide, top + rng.uniform(0.8, 1.3))))
    if rng.random() < 0.5:
        for place in (0.5, 10, 20):
            parts += _both_sides(what, paint, 0.7, (edge + place, edge + place + 1.0), low, Material.PLAIN)
        return assemble(parts, shadow=0.4)
    wall = pick("brick", rng) if rng.random() < 0.5 else paint
    parts += _both_sides(what, wall, half, (edge + 0.3, edge + 3), low, Material.BRICKS)
    grass = pick("wild leaves", rng)
    for side in (-1, 1):
        near, far = sorted((side * (edge + 3), side * wide))
        corners = (-half - 4, near, 0), (half + 4, far, low)
        parts.append(box(Category.TERRAIN, grass, *corners, (4.0, 4.0, 0, 0), Material.FOLIAGE))
    return assemble(parts, shadow=0.4)


def gateway(rng: Generator, edge: float, half: float) -> Model:
    """A house above the street, ``2 * half`` metres deep, which stands on both sides of it."""
    what, wall, low = Category.BUILDING, pick("facade", rng), rng.uniform(4.8, 5.5)
    tall, wide = low + 2.9 * int(rng.integers(2, 5)), edge + rng.uniform(6, 12)
    parts = _both_sides(what, wall, half, (edge + 0.2, wide), low, Material.FACADE)
    parts.append(box(what, wall, (-half, -wide, low), (half, wide, tall), material=Material.FACADE))
    roof = (-half - 0.3, -wide - 0.3, tall), (half + 0.3, wide + 0.3, tall + rng.uniform(0.5, 3))
    parts.append(box(what, pick("slate", rng), *roof, (half, half, 0, 0), Material.TILES))
    return assemble(parts, shadow=0.4)


def tunnel(rng: Generator, edge: float, tall: float, wall: Paint, ceiling: Paint) -> Model:
    """A segment of a tunnel: two walls, a ceiling, and lamps in a row.

    Args:
        rng: unused; segments of a tunnel are alike.
        edge: metres from the street's middle to the walls.
        tall: metres of the ceiling above the street.
        wall: the paint of the walls.
        ceiling: the paint of the ceiling.
    """
    what, half = Category.OTHER, 0.5 * SEGMENT + 0.5
    parts = _both_sides(what, wall, half, (edge + 0.3, edge + 1.3), tall, Material.BRICKS)
    parts.append(box(what, ceiling, (-half, -edge - 1.3, tall), (half, edge + 1.3, tall + 1)))
    parts.append(box(what, pick("marking", rng), (-1.2, -0.15, tall - 0.12), (1.2, 0.15, tall)))
    return assemble(parts, shadow=0.4)


def portal(rng: Generator, edge: float, tall: float, wall: Paint, back: bool) -> Model:
    """The end of a tunnel: a wall with the opening, beneath bushes; ``back`` is the end that vehicles leave by."""
    what, top = Category.OTHER, tall + rng.uniform(1.2, 3.0)
    near, far = (0.0, 0.8) if not back else (-0.8, 0.0)
    parts = [box(what, wall, (near, -edge - 0.4, tall), (far, edge + 0.4, top), material=Material.BRICKS)]
    for side in (-1, 1):
        low, high = sorted((side * (edge + 0.25), side * (edge + _WIDE)))
        parts.append(box(what, wall, (near, low, 0), (far, high, top), material=Material.BRICKS))
    leaves = pick("wild leaves", rng)
    for _ in range(int(rng.integers(8, 16))):
        y, radius = rng.uniform(-1, 1) * (edge + _WIDE - 2), rng.uniform(1, 3.5)
        height = max(top + rng.uniform(-0.3, 0.4) * radius, tall + radius)
        middle = (far + radius if not back else near - radius, y, height)
        parts.append(ellipsoid(Category.VEGETATION, leaves, middle, (radius, radius, radius), Material.FOLIAGE))
    return assemble(parts)


def island(rng: Generator, radius: float) -> Model:
    """What stands on the island of a roundabout of some radius: grass with a keep-left sign, bushes or a mast."""
    metal, form = pick("column", rng), rng.random()
    parts = []
    for turn in range(2):
        x = (radius - 0.7) * (1 - 2 * turn)
        parts.append(box(Category.POLE, metal, (x - 0.05, -0.05, 0), (x + 0.05, 0.05, 1.1)))
        plate = (x - 0.14, -0.4, 0.6), (x - 0.06, 0.4, 1.1)
        parts.append(box(Category.SIGN, pick("plate", rng), *plate, material=Material.PLATE))
    if form < 0.6 and radius > 1.5:
        leaves = pick("wild leaves", rng)
        for _ in range(int(rng.integers(2, 6))):
            size = rng.uniform(0.4, 0.9)
            x, y = (0.5 * (radius - 1) * value for value in rng.uniform(-1, 1, 2))
            parts.append(
                ellipsoid(Category.VEGETATION, leaves, (x, y, 0.5 * size), (size, size, size), Material.FOLIAGE)
            )
    elif form < 0.8:
        parts.append(box(Category.POLE, metal, (-0.1, -0.1, 0), (0.1, 0.1, rng.uniform(5, 10)), (0.05,) * 4))
    return assemble(parts, shadow=0.2)
