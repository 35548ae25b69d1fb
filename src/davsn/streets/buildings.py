"""Builders of buildings in many forms. Each draws a size and paint from a generator."""

from numpy.random import Generator

from davsn.streets.categories import Category
from davsn.streets.models import Material, Model, Part, assemble, box
from davsn.streets.paint import Paint, pick

_WHAT = Category.BUILDING


def town_house(rng: Generator, wide: float = 17.5, storeys: float = 4.0) -> Model:
    """A house with many windows, and perhaps a shop, bays, balconies, dormers and chimneys.

    Args:
        rng: where sizes, forms and paints are drawn from.
        wide: metres of the front, at most.
        storeys: the mean number of storeys.
    """
    half, deep = wide * rng.uniform(0.47, 0.505), rng.uniform(4.5, 7.0)
    tall = max(2.9 * round(storeys * rng.uniform(0.6, 1.5)), 2.9) + rng.uniform(0.4, 1.2)
    wall = pick("facade", rng)
    parts = [box(_WHAT, wall, (-half, -deep, 0), (half, deep, tall), material=Material.FACADE)]
    parts += _roof(half, deep, tall, wall, rng)
    if rng.random() < 0.3:
        parts += _front(half, deep, tall, wall, rng)
    return assemble(parts, shadow=0.2)


def _roof(half: float, deep: float, tall: float, wall: Paint, rng: Generator) -> list[Part]:
    roof, rise, form = pick("slate", rng), rng.uniform(1.5, 5.0), rng.random()
    if tall > 16 or form < 0.3:
        edge = rng.uniform(0.0, 0.4)
        return [box(_WHAT, pick("facade", rng), (-half, -deep - edge, tall), (half, deep + edge, tall + 0.6))]
    if form < 0.45:  # the gable faces the street
        top = (half, half, -0.2, -0.2)
        return [box(_WHAT, wall, (-half, -deep, tall), (half, deep, tall + rise), top, Material.FACADE)]
    hip = half * 0.5 if form < 0.6 else 0.0
    eaves = 0.3
    top = (hip, hip, deep + eaves, deep + eaves)
    parts = [box(_WHAT, roof, (-half, -deep - eaves, tall), (half, deep + eaves, tall + rise), top, Material.TILES)]
    for _ in range(int(rng.integers(0, 3))):
        x = rng.uniform(-0.8, 0.8) * half
        parts.append(box(_WHAT, pick("brick", rng), (x - 0.5, -0.4, tall), (x + 0.5, 0.4, tall + rise + 1.3)))
    if rng.random() < 0.35:
        for side in (-1, 1):
            x = rng.uniform(-0.6, 0.6) * half
            low, high = (x - 0.8, side * deep * 0.6 - 1.2, tall), (x + 0.8, side * deep * 0.6 + 1.2, tall + 0.6 * rise)
            parts.append(box(_WHAT, wall, low, high, material=Material.FACADE))
    return parts


def _front(half: float, deep: float, tall: float, wall: Paint, rng: Generator) -> list[Part]:
    """What stands out of both fronts: bays, balconies or an awning."""
    parts, form = [], rng.random()
    for side in (-1, 1):
        near, out = side * deep, side * (deep + rng.uniform(0.6, 1.2))
        low, high = min(near, out), max(near, out)
        if form < 0.4:
            x = rng.uniform(-0.5, 0.5) * half
            top = rng.uniform(0.5, 0.95) * tall
            parts.append(box(_WHAT, wall, (x - 1.4, low, 0), (x + 1.4, high, top), material=Material.FACADE))
        elif form < 0.7:
            paint = pick("facade", rng)
            for level in range(1, min(int(tall / 2.9), 5)):
                floor = 2.9 * level
                parts.append(box(_WHAT, paint, (-0.6 * half, low, floor), (0.6 * half, high, floor + 1.0)))
        else:
            sun = (0.0, 0.0, 0.0, 0.9) if side > 0 else (0.0, 0.0, 0.9, 0.0)
            paint = pick("shop sign", rng)
            parts.append(box(_WHAT, paint, (-0.8 * half, low, 2.5), (0.8 * half, high, 3.1), sun))
    return parts


def hall(rng: Generator) -> Model:
    """A low wide building: a supermarket, a workshop or a row of garages."""
    half, deep, tall = rng.uniform(8, 13), rng.uniform(5, 7), rng.uniform(3.2, 8)
    paint = pick("facade", rng)
    parts = [box(_WHAT, paint, (-half, -deep, 0), (half, deep, tall), material=Material.FACADE)]
    parts.append(box(_WHAT, pick("shop sign", rng), (-half, -deep - 0.3, tall - 1), (half, deep + 0.3, tall)))
    return assemble(parts, shadow=0.2)


def block(rng: Generator, tall: float = 25.0) -> Model:
    """A tall block, about ``tall`` metres high."""
    half, deep, top = rng.uniform(7, 13), rng.uniform(6, 9), tall * rng.uniform(0.4, 1.4)
    parts = [box(_WHAT, pick("facade", rng), (-half, -deep, 0), (half, deep, top), material=Material.FACADE)]
    if rng.random() < 0.4:
        parts.append(box(_WHAT, pick("slate", rng), (-2, -2, top), (2, 2, top + rng.uniform(2, 8))))
    return assemble(parts)


def wall(rng: Generator) -> Model:
    """A free-standing wall, 4 m long."""
    tall, thick = rng.uniform(0.5, 2.8), rng.uniform(0.12, 0.25)
    paint = pick("brick" if rng.random() < 0.5 else "facade", rng)
    parts = [box(Category.OTHER, paint, (-2.02, -thick, 0), (2.02, thick, tall), material=Material.BRICKS)]
    parts.append(box(Category.OTHER, paint, (-2.02, -thick - 0.06, tall), (2.02, thick + 0.06, tall + 0.1)))
    return assemble(parts, shadow=0.2)
