"""Builders of moving things: vehicles, cycles, people. Each draws a random size and paint from a generator."""

from numpy.random import Generator

from davsn.streets.categories import Category
from davsn.streets.models import Material, Model, Part, assemble, box, ellipsoid
from davsn.streets.paint import pick


def _wheels(
    category: Category, axles: tuple[float, ...], half_width: float, radius: float, rng: Generator
) -> list[Part]:
    tyre = pick("tyre", rng)
    return [
        ellipsoid(category, tyre, (axle, side * half_width, radius), (radius, 0.14, radius), Material.WHEEL)
        for axle in axles
        for side in (-1, 1)
    ]


def car(rng: Generator) -> Model:
    """A saloon, an estate or a small off-roader."""
    length, width, tall = rng.uniform(3.9, 4.7), rng.uniform(1.7, 1.9), rng.uniform(1.42, 1.75)
    paint, half, side = pick("car", rng), length / 2, width / 2
    belt, tail = 0.55 * tall + 0.05, rng.uniform(0.05, 0.9)
    cabin = (-half + tail, -side + 0.06, belt), (half - 1.15, side - 0.06, tall)
    parts = [
        box(Category.CAR, paint, (-half, -side, 0.26), (half, side, belt), (0.08, 0.15, 0.05, 0.05), Material.BODY),
        box(Category.CAR, paint, *cabin, (0.45, 0.65, 0.18, 0.18), Material.GLASS),
        *_wheels(Category.CAR, (-0.3 * length, 0.31 * length), side - 0.08, 0.33, rng),
    ]
    return assemble(parts, shadow=0.55)


def truck(rng: Generator) -> Model:
    """A lorry with a box body."""
    length, width, tall = rng.uniform(6.5, 8.5), 2.35, rng.uniform(2.9, 3.5)
    half, side, cab = length / 2, width / 2, pick("car", rng)
    parts = [
        box(Category.TRUCK, cab, (half - 1.9, -side + 0.05, 0.5), (half, side - 0.05, 1.45), material=Material.BODY),
        box(
            Category.TRUCK,
            cab,
            (half - 1.9, -side + 0.08, 1.45),
            (half, side - 0.08, 2.45),
            (0, 0.3, 0.1, 0.1),
            Material.GLASS,
        ),
        box(Category.TRUCK, pick("cargo", rng), (-half, -side, 0.95), (half - 2.05, side, tall)),
        box(Category.TRUCK, pick("tyre", rng), (-half + 0.2, -side + 0.4, 0.5), (half - 1.9, side - 0.4, 0.95)),
        *_wheels(Category.TRUCK, (-half + 1.3, half - 1.2), side - 0.1, 0.48, rng),
    ]
    return assemble(parts, shadow=0.6)


def bus(rng: Generator) -> Model:
    """A city bus with a band of windows."""
    length, width, tall = rng.uniform(9.5, 11.5), 2.5, rng.uniform(2.95, 3.2)
    half, side = length / 2, width / 2
    parts = [
        box(
            Category.BUS,
            pick("bus", rng),
            (-half, -side, 0.32),
            (half, side, tall),
            (0.05, 0.12, 0.06, 0.06),
            Material.COACH,
        ),
        *_wheels(Category.BUS, (-0.26 * length, 0.32 * length), side - 0.06, 0.48, rng),
    ]
    return assemble(parts, shadow=0.6)


def person(rng: Generator) -> Model:
    """A pedestrian."""
    tall = rng.uniform(1.5, 1.88) * (0.72 if rng.random() < 0.1 else 1.0)
    stride = rng.uniform(0.05, 0.16)
    shirt, trousers, skin = pick("shirt", rng), pick("trousers", rng), pick("skin", rng)
    who, hip, neck = Category.PERSON, 0.48 * tall, 0.84 * tall
    parts = [
        box(who, trousers, (-0.08 + stride, 0.01, 0), (0.1 + stride, 0.17, hip), (-stride, stride, 0, 0)),
        box(who, trousers, (-0.1 - stride, -0.17, 0), (0.08 - stride, -0.01, hip), (stride, -stride, 0, 0)),
        box(who, shirt, (-0.14, -0.23, hip), (0.14, 0.23, neck), (0.02, 0.02, 0.04, 0.04)),
        box(who, shirt, (-0.07, 0.23, hip + 0.05), (0.08, 0.31, neck - 0.04), (0, 0, 0, 0.05)),
        box(who, shirt, (-0.07, -0.31, hip + 0.05), (0.08, -0.23, neck - 0.04), (0, 0, 0.05, 0)),
        ellipsoid(who, skin, (0.01, 0, 0.92 * tall), (0.11, 0.1, 0.085 * tall)),
    ]
    return assemble(parts, shadow=0.35)


def _rider(seat: float, lean: float, rng: Generator) -> list[Part]:
    who, shirt = Category.RIDER, pick("shirt", rng)
    return [
        box(who, pick("trousers", rng), (-0.15, -0.18, 0.35), (0.28, 0.18, seat + 0.08), (0, 0.1, 0.04, 0.04)),
        box(who, shirt, (-0.2, -0.2, seat), (0.08, 0.2, seat + 0.56), (lean, -lean, 0.02, 0.02)),
        box(who, shirt, (-0.02, -0.28, seat + 0.12), (0.42, -0.2, seat + 0.44), (lean, 0.1, 0, 0)),
        box(who, shirt, (-0.02, 0.2, seat + 0.12), (0.42, 0.28, seat + 0.44), (lean, 0.1, 0, 0)),
        ellipsoid(who, pick("helmet", rng), (lean - 0.02, 0, seat + 0.7), (0.14, 0.11, 0.145)),
    ]


def bicycle(rng: Generator, ridden: bool = True) -> Model:
    """A bicycle, with or without its rider."""
    what, frame = Category.BICYCLE, pick("frame", rng)
    parts = [
        ellipsoid(what, pick("tyre", rng), (-0.52, 0, 0.34), (0.34, 0.045, 0.34), Material.WHEEL),
        ellipsoid(what, pick("tyre", rng), (0.52, 0, 0.34), (0.34, 0.045, 0.34), Material.WHEEL),
        box(what, frame, (-0.22, -0.035, 0.28), (0.16, 0.035, 0.86), (0.05, -0.26, 0, 0)),
        box(what, frame, (0.46, -0.04, 0.3), (0.54, 0.04, 0.95), (-0.1, 0.1, 0, 0)),
        box(what, frame, (0.36, -0.26, 0.92), (0.44, 0.26, 1.02)),
    ]
    return assemble([*parts, *(_rider(0.85, 0.24, rng) if ridden else [])], shadow=0.3)


def parked_bicycle(rng: Generator) -> Model:
    """A bicycle without a rider."""
    return bicycle(rng, ridden=False)


def motorcycle(rng: Generator, ridden: bool = True) -> Model:
    """A motorcycle, with or without its rider."""
    what = Category.MOTORCYCLE
    parts = [
        ellipsoid(what, pick("tyre", rng), (-0.68, 0, 0.32), (0.32, 0.1, 0.32), Material.WHEEL),
        ellipsoid(what, pick("tyre", rng), (0.7, 0, 0.32), (0.32, 0.1, 0.32), Material.WHEEL),
        box(what, pick("car", rng), (-0.85, -0.2, 0.36), (0.62, 0.2, 0.86), (0.05, 0.25, 0.04, 0.04), Material.BODY),
        box(what, pick("metal", rng), (0.42, -0.36, 0.86), (0.56, 0.36, 1.08), (0, 0.06, 0.1, 0.1)),
    ]
    return assemble([*parts, *(_rider(0.86, 0.14, rng) if ridden else [])], shadow=0.4)


def parked_motorcycle(rng: Generator) -> Model:
    """A motorcycle without a rider."""
    return motorcycle(rng, ridden=False)
