"""Builders of vehicles in many forms. Each draws a form, a size and paint from a generator."""

from numpy.random import Generator

from davsn.streets.categories import Category
from davsn.streets.models import Material, Model, Part, assemble, box, ellipsoid
from davsn.streets.paint import Paint, pick


def _wheels(what: Category, axles: tuple[float, ...], side: float, radius: float, rng: Generator) -> list[Part]:
    tyre = pick("tyre", rng)
    return [
        ellipsoid(what, tyre, (axle, sign * side, radius), (radius, 0.14, radius), Material.WHEEL)
        for axle in axles
        for sign in (-1, 1)
    ]


def _trim(what: Category, half: float, side: float, belt: float, cabin: float, rng: Generator) -> list[Part]:
    """Bumpers and mirrors; ``cabin`` is the place of the mirrors along the car."""
    dark = pick("tyre", rng)
    parts = []
    if rng.random() < 0.6:
        for end in (-half, half):
            parts.append(box(what, dark, (end - 0.06, -side + 0.05, 0.3), (end + 0.06, side - 0.05, 0.52)))
    for sign in (-1, 1):
        low, high = sorted((sign * side, sign * (side + 0.17)))
        parts.append(box(what, dark, (cabin - 0.1, low, belt), (cabin + 0.05, high, belt + 0.16)))
    return parts


def any_car(rng: Generator) -> Model:
    """A hatchback, a saloon, an estate, an off-roader or a sports car."""
    what, paint, form = Category.CAR, pick("coachwork", rng), rng.random()
    length, width, tall = rng.uniform(3.5, 4.9), rng.uniform(1.6, 1.9), rng.uniform(1.38, 1.6)
    if form < 0.2:
        length, width, tall = rng.uniform(4.2, 4.9), rng.uniform(1.8, 2.0), rng.uniform(1.65, 1.95)
    half, side, belt = length / 2, width / 2, tall * rng.uniform(0.57, 0.64)
    nose = rng.uniform(0.75, 1.25)
    saloon = 0.2 <= form < 0.5
    tail = rng.uniform(0.55, 0.95) if saloon else rng.uniform(0.0, 0.12)
    rear = rng.uniform(0.4, 0.75) if saloon else rng.uniform(0.08, 0.6)
    floor = rng.uniform(0.18, 0.3)
    sill = box(what, paint, (-half, -side, floor), (half, side, belt - 0.12), (0.0, 0.1, -0.02, -0.02), Material.GLOSS)
    deck = box(what, paint, (-half + 0.03, -side, belt - 0.12), (half - 0.1, side, belt), (0.06, 0.6, 0.05, 0.05))
    cabin = (-half + tail, -side + 0.06, belt), (half - nose, side - 0.06, tall)
    parts = [sill, deck, box(what, paint, *cabin, (rear, rng.uniform(0.6, 0.95), 0.2, 0.2), Material.GLASS)]
    if form < 0.1 or rng.random() < 0.08:
        parts.append(box(what, pick("clothes", rng), (-0.6, -side + 0.3, tall + 0.08), (0.5, side - 0.3, tall + 0.35)))
    parts += _wheels(what, (-0.3 * length, 0.31 * length), side - 0.08, rng.uniform(0.29, 0.38), rng)
    return assemble([*parts, *_trim(what, half, side, belt, half - nose - 0.5, rng)], shadow=0.55)


def van(rng: Generator) -> Model:
    """A van or a people carrier; published class tables count it as a car."""
    what, paint = Category.CAR, pick("van", rng)
    length, width, tall = rng.uniform(4.3, 6.0), rng.uniform(1.75, 2.05), rng.uniform(1.8, 2.6)
    half, side, belt = length / 2, width / 2, rng.uniform(1.0, 1.25)
    nose, bulkhead = rng.uniform(0.4, 0.9), half - rng.uniform(1.5, 2.0)
    parts = [
        box(what, paint, (-half, -side, 0.28), (half, side, belt), (0.0, nose * 0.6, 0.02, 0.02), Material.GLOSS),
        box(
            what,
            paint,
            (bulkhead, -side + 0.04, belt),
            (half - nose * 0.6, side - 0.04, tall - 0.05),
            (0, nose, 0.1, 0.1),
            Material.GLASS,
        ),
    ]
    load = (-half, -side + 0.02, belt), (bulkhead, side - 0.02, tall)
    material = Material.COACH if rng.random() < 0.3 else Material.CARGO
    parts.append(box(what, paint, *load, (0.08, 0.0, 0.08, 0.08), material))
    parts += _wheels(what, (-0.3 * length, 0.32 * length), side - 0.08, 0.34, rng)
    return assemble([*parts, *_trim(what, half, side, belt, bulkhead + 0.9, rng)], shadow=0.55)


def _cab(what: Category, paint: Paint, half: float, side: float, tall: float, rng: Generator) -> list[Part]:
    front = rng.uniform(0.0, 0.35)
    return [
        box(what, paint, (half - 2.0, -side, 0.45), (half, side, 1.5), material=Material.GLOSS),
        box(what, paint, (half - 2.0, -side, 1.5), (half, side, tall), (0, front, 0.08, 0.08), Material.GLASS),
    ]


def any_truck(rng: Generator) -> Model:
    """A lorry with a box, a flat bed, a tipper or a tank."""
    what, form = Category.TRUCK, rng.random()
    length, side, tall = rng.uniform(5.5, 10.5), rng.uniform(1.05, 1.25), rng.uniform(2.3, 3.9)
    half, cargo, dark = length / 2, pick("cargo" if rng.random() < 0.5 else "coachwork", rng), pick("tyre", rng)
    parts = _cab(what, pick("coachwork", rng), half, side, rng.uniform(2.3, 3.0), rng)
    parts.append(box(what, dark, (-half, -side + 0.3, 0.5), (half - 1.9, side - 0.3, 0.95)))
    if form < 0.6:
        parts.append(box(what, cargo, (-half, -side, 0.95), (half - 2.1, side, tall), material=Material.CARGO))
    elif form < 0.85:
        parts.append(
            box(what, cargo, (-half, -side, 0.95), (half - 2.1, side, rng.uniform(1.2, 2.0)), (0, 0, -0.1, -0.1))
        )
    else:
        parts.append(ellipsoid(what, cargo, (-1.0, 0, 1.9), (half - 1.2, side, 1.0)))
    return assemble([*parts, *_wheels(what, (-half + 1.2, -half + 2.4, half - 1.2), side - 0.1, 0.48, rng)], shadow=0.6)


def any_bus(rng: Generator) -> Model:
    """A bus with one deck or two, or a coach."""
    what, length, side = Category.BUS, rng.uniform(7.0, 12.5), rng.uniform(1.15, 1.28)
    double, half, paint = rng.random() < 0.35, length / 2, pick("bus" if rng.random() < 0.6 else "coachwork", rng)
    lower = rng.uniform(2.2, 2.5) if double else rng.uniform(2.7, 3.5)
    slope = (0.05, rng.uniform(0.05, 0.4), 0.05, 0.05)
    parts = [box(what, paint, (-half, -side, 0.32), (half, side, lower), (0.02, 0.06, 0, 0), Material.COACH)]
    if double:
        parts.append(box(what, paint, (-half, -side, lower), (half - 0.06, side, lower + 2.0), slope, Material.COACH))
    parts += _wheels(what, (-0.28 * length, 0.32 * length), side - 0.06, 0.48, rng)
    return assemble(parts, shadow=0.6)


def trailer(rng: Generator) -> Model:
    """A caravan or a trailer without its vehicle, which no class names."""
    what, half, side = Category.OTHER, rng.uniform(1.3, 2.6), rng.uniform(0.8, 1.1)
    tall = rng.uniform(0.9, 2.5)
    parts = [box(what, pick("van", rng), (-half, -side, 0.45), (half, side, tall), (0.1, 0.2, 0, 0), Material.CARGO)]
    parts.append(box(what, pick("tyre", rng), (half, -0.06, 0.45), (half + 1.1, 0.06, 0.55)))
    return assemble([*parts, *_wheels(what, (-0.2,), side, 0.32, rng)], shadow=0.5)
