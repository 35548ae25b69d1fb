"""Builders of standing things: houses, trees, fences, poles. Each draws a random size and paint from a generator."""

from numpy.random import Generator

from davsn.streets.categories import Category
from davsn.streets.models import Material, Model, Part, assemble, box, ellipsoid
from davsn.streets.paint import pick


def house(rng: Generator) -> Model:
    """A town house with two to seven storeys, a flat or pitched roof, and a front of 13 to 17.5 m."""
    wide, deep, tall = rng.uniform(13.0, 17.5) / 2, rng.uniform(5.0, 6.5), 3.1 * rng.integers(2, 8) + 0.8
    what = Category.BUILDING
    parts = [box(what, pick("wall", rng), (-wide, -deep, 0), (wide, deep, tall), material=Material.WALL)]
    roof = pick("roof", rng)
    if tall < 15 and rng.random() < 0.6:
        taper = (0.0, 0.0, deep, deep) if rng.random() < 0.6 else (3.0, 3.0, deep - 1, deep - 1)
        parts.append(box(what, roof, (-wide, -deep, tall), (wide, deep, tall + rng.uniform(2, 4.5)), taper))
    else:
        parts.append(box(what, roof, (-wide - 0.2, -deep - 0.2, tall), (wide + 0.2, deep + 0.2, tall + 0.5)))
    return assemble(parts)


def tower(rng: Generator) -> Model:
    """A tall block in the row behind the houses."""
    wide, deep, tall = rng.uniform(8, 12), rng.uniform(6, 9), rng.uniform(12, 38)
    wall = box(Category.BUILDING, pick("wall", rng), (-wide, -deep, 0), (wide, deep, tall), material=Material.WALL)
    return assemble([wall])


def tree(rng: Generator) -> Model:
    """A broad-leaved tree: a trunk and a crown of four to six lobes."""
    trunk, spread = rng.uniform(2.0, 3.0), rng.uniform(1.3, 2.2)
    what, leaves = Category.VEGETATION, pick("leaves", rng)
    parts = [box(what, pick("bark", rng), (-0.17, -0.17, 0), (0.17, 0.17, trunk + 1), (0.06, 0.06, 0.06, 0.06))]
    for _ in range(int(rng.integers(4, 7))):
        x, y = rng.uniform(-0.7, 0.7, 2) * spread
        z, radius = trunk + rng.uniform(0.7, 1.5) * spread, spread * rng.uniform(0.5, 0.9)
        parts.append(ellipsoid(what, leaves, (x, y, z), (radius, radius, radius * 0.9), Material.FOLIAGE))
    return assemble(parts, shadow=0.3)


def conifer(rng: Generator) -> Model:
    """A fir: three pyramids on a trunk."""
    tall, wide = rng.uniform(5, 8.5), rng.uniform(1.2, 1.7)
    what, leaves = Category.VEGETATION, pick("leaves", rng)
    parts = [box(what, pick("bark", rng), (-0.15, -0.15, 0), (0.15, 0.15, 1.3))]
    for level in range(3):
        half, low = wide * (1 - 0.24 * level), 1.0 + level * (tall - 1) * 0.26
        top = tall if level == 2 else low + (tall - 1) * 0.45
        point = (half * 0.93,) * 4
        parts.append(box(what, leaves, (-half, -half, low), (half, half, top), point, Material.FOLIAGE))
    return assemble(parts, shadow=0.3)


def bush(rng: Generator) -> Model:
    """Two or three round shrubs."""
    leaves = pick("leaves", rng)
    parts: list[Part] = []
    for place in range(int(rng.integers(2, 4))):
        radius = rng.uniform(0.5, 0.9)
        centre = (place * 0.9 - 0.9, rng.uniform(-0.3, 0.3), radius * 0.75)
        parts.append(ellipsoid(Category.VEGETATION, leaves, centre, (radius, radius, radius), Material.FOLIAGE))
    return assemble(parts, shadow=0.2)


def hedge(rng: Generator) -> Model:
    """A clipped hedge, 4 m long."""
    size = (2.05, 0.4, rng.uniform(0.9, 1.6))
    leaves = pick("leaves", rng)
    return assemble([box(Category.VEGETATION, leaves, (-size[0], -size[1], 0), size, (0.1,) * 4, Material.FOLIAGE)])


def fence(rng: Generator) -> Model:
    """A fence panel, 4 m long."""
    tall = rng.uniform(1.1, 1.9)
    return assemble(
        [box(Category.FENCE, pick("fence", rng), (-2.02, -0.06, 0), (2.02, 0.06, tall), material=Material.BARS)]
    )


def lamp(rng: Generator) -> Model:
    """A street lamp whose arm reaches over the road."""
    metal, tall = pick("metal", rng), rng.uniform(5.5, 7.5)
    what = Category.POLE
    parts = [
        box(what, metal, (-0.09, -0.09, 0), (0.09, 0.09, tall), (0.03,) * 4),
        box(what, metal, (-0.05, 0, tall - 0.1), (0.05, 1.5, tall)),
        box(what, metal, (-0.1, 1.2, tall - 0.16), (0.1, 1.9, tall + 0.02)),
    ]
    return assemble(parts, shadow=0.15)


def sign(rng: Generator) -> Model:
    """A traffic sign: a disc, a plate or a large board on a pole."""
    metal, paint, centre = pick("metal", rng), pick("plate", rng), rng.uniform(2.2, 2.8)
    pole = box(Category.POLE, metal, (-0.05, -0.05, 0), (0.05, 0.05, centre + 0.3))
    form = rng.random()
    if form < 0.45:
        plate = ellipsoid(Category.SIGN, paint, (-0.09, 0, centre), (0.05, 0.42, 0.42), Material.PLATE)
    else:
        wide, tall = (0.4, 0.4) if form < 0.75 else (0.85, 0.5)
        low, high = (-0.1, -wide, centre - tall), (-0.06, wide, centre + tall)
        plate = box(Category.SIGN, paint, low, high, material=Material.PLATE)
    return assemble([pole, plate], shadow=0.15)


def traffic_light(rng: Generator) -> Model:
    """A traffic light on a pole; in two cases of three there is a second head on an arm over the road."""
    metal, housing = pick("metal", rng), pick("housing", rng)
    head = (-0.22, -0.26, 2.3), (0.12, 0.26, 3.75)
    parts = [
        box(Category.POLE, metal, (-0.08, -0.08, 0), (0.08, 0.08, 3.3)),
        box(Category.LIGHT, housing, *head, material=Material.LAMPS),
    ]
    if rng.random() < 0.65:
        parts += [
            box(Category.POLE, metal, (-0.08, -0.08, 3.55), (0.08, 0.08, 5.9)),
            box(Category.POLE, metal, (-0.06, 0, 5.75), (0.06, 3.4, 5.9)),
            box(Category.LIGHT, housing, (-0.22, 2.85, 4.5), (0.12, 3.4, 6.0), material=Material.LAMPS),
        ]
    return assemble(parts, shadow=0.15)
