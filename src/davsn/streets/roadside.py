"""Builders of street furniture in many forms: poles, lamps, signs, fences, and things that no class names."""

import numpy as np
from numpy.random import Generator

from davsn.streets.categories import Category
from davsn.streets.models import Material, Model, Part, assemble, box, ellipsoid
from davsn.streets.paint import Paint, pick


def _pole(paint: Paint, tall: float, radius: float, at: tuple[float, float] = (0.0, 0.0)) -> Part:
    x, y = at
    low, high = (x - radius, y - radius, 0), (x + radius, y + radius, tall)
    return box(Category.POLE, paint, low, high, (0.25 * radius,) * 4)


def any_lamp(rng: Generator) -> Model:
    """A lamp with one arm, two arms or none; from a park lantern to a motorway mast."""
    metal, form = pick("column", rng), rng.random()
    if form < 0.25:
        tall = rng.uniform(3.0, 4.5)
        head = ellipsoid(Category.POLE, pick("marking", rng), (0, 0, tall + 0.2), (0.25, 0.25, 0.3))
        return assemble([_pole(metal, tall, 0.07), head], shadow=0.15)
    tall, reach = rng.uniform(5.5, 11), rng.uniform(0.8, 2.4)
    parts = [_pole(metal, tall, rng.uniform(0.07, 0.13))]
    for side in (1, -1) if form > 0.8 else (1,):
        near, far = sorted((0.0, side * reach))
        parts.append(box(Category.POLE, metal, (-0.05, near, tall - 0.1), (0.05, far, tall)))
        near, far = sorted((side * (reach - 0.2), side * (reach + 0.5)))
        parts.append(box(Category.POLE, metal, (-0.12, near, tall - 0.18), (0.12, far, tall + 0.03)))
    return assemble(parts, shadow=0.15)


def post(rng: Generator) -> Model:
    """A plain pole: a bollard, a telegraph pole with its crossbars, a flag pole or a parking meter."""
    form = rng.random()
    if form < 0.5:
        return assemble([_pole(pick("column", rng), rng.uniform(0.7, 1.2), rng.uniform(0.05, 0.13))], shadow=0.2)
    if form < 0.75:
        wood = pick("winter bark", rng)
        parts = [_pole(wood, rng.uniform(6, 9), 0.13)]
        parts.append(box(Category.POLE, wood, (-0.06, -1, 5.5), (0.06, 1, 5.65)))
        return assemble(parts, shadow=0.15)
    return assemble([_pole(pick("column", rng), rng.uniform(2, 7), rng.uniform(0.03, 0.08))], shadow=0.15)


def _plate(centre: float, wide: float, tall: float, paint: Paint, round_: bool) -> Part:
    if round_:
        return ellipsoid(Category.SIGN, paint, (-0.09, 0, centre), (0.05, wide, tall), Material.PLATE)
    low, high = (-0.11, -wide, centre - tall), (-0.06, wide, centre + tall)
    return box(Category.SIGN, paint, low, high, material=Material.PLATE)


def any_sign(rng: Generator) -> Model:
    """Traffic signs: plates on a pole, a board on two poles, a low keep-left sign, or an arm of a gantry."""
    metal, form = pick("column", rng), rng.random()
    if form < 0.6:
        size, top = rng.uniform(0.28, 0.48), rng.uniform(2.0, 3.2)
        parts = [_pole(metal, top + size, rng.uniform(0.035, 0.06))]
        for number in range(int(rng.integers(1, 4))):
            wide, tall = (size, size) if rng.random() < 0.6 else (size * rng.uniform(0.8, 1.4), 0.5 * size)
            parts.append(_plate(top - 0.95 * number * size * 2, wide, tall, pick("plate", rng), rng.random() < 0.5))
        return assemble(parts, shadow=0.15)
    if form < 0.75:
        wide, tall, low = rng.uniform(0.5, 1.4), rng.uniform(0.3, 0.8), rng.uniform(0.9, 2.4)
        posts = [_pole(metal, low + 2 * tall, 0.05, (0, side * 0.7 * wide)) for side in (-1, 1)]
        return assemble([*posts, _plate(low + tall, wide, tall, pick("board", rng), False)], shadow=0.15)
    if form < 0.9:
        plate = _plate(0.9, 0.3, 0.3, pick("plate", rng), True)
        return assemble([_pole(metal, 1.1, 0.06), plate], shadow=0.15)
    reach = rng.uniform(3, 5)
    arm = box(Category.POLE, metal, (-0.08, 0, 5.8), (0.08, reach, 6.0))
    corners = (-0.2, reach - 2.4, 5.2), (-0.1, reach, 6.6)
    board = box(Category.SIGN, pick("board", rng), *corners, material=Material.PLATE)
    return assemble([_pole(metal, 6.0, 0.12), arm, board], shadow=0.15)


def any_light(rng: Generator) -> Model:
    """Traffic lights: one or two heads on a pole at the kerb, and perhaps one on an arm over the road."""
    metal, housing, low = pick("column", rng), pick("housing", rng), rng.uniform(2.0, 2.6)
    wide = rng.uniform(0.16, 0.28)
    parts = [_pole(metal, low + rng.uniform(1.0, 1.8), rng.uniform(0.05, 0.09))]
    heads = [(0.0, low)]
    if rng.random() < 0.4:
        reach = rng.uniform(2.0, 4.5)
        parts += [_pole(metal, 5.9, 0.09), box(Category.POLE, metal, (-0.06, 0, 5.75), (0.06, reach, 5.9))]
        heads.append((reach - 0.3, 4.7))
    for y, bottom in heads:
        head = (-0.26, y - wide, bottom), (-0.05, y + wide, bottom + rng.uniform(0.85, 1.3))
        parts.append(box(Category.LIGHT, housing, *head, material=Material.LAMPS))
    return assemble(parts, shadow=0.15)


def railing(rng: Generator) -> Model:
    """Pedestrian railings that one can see through, 4 m long."""
    metal, tall = pick("column", rng), rng.uniform(0.9, 1.3)
    what, thin = Category.FENCE, rng.uniform(0.018, 0.04)
    parts = [box(what, metal, (-2.02, -thin, low), (2.02, thin, low + 0.06)) for low in (0.15, tall - 0.06)]
    for x in np.linspace(-2, 2, int(rng.integers(6, 20)))[:-1]:
        parts.append(box(what, metal, (x, -thin, 0), (x + 2 * thin, thin, tall)))
    return assemble(parts, shadow=0.15)


def panel_fence(rng: Generator) -> Model:
    """A fence of boards, slats, wire mesh or hoarding, 4 m long."""
    tall, paint = rng.uniform(0.8, 2.4), pick("fence" if rng.random() < 0.6 else "column", rng)
    material = (Material.BARS, Material.BARS, Material.MESH, Material.PLAIN)[int(rng.integers(4))]
    return assemble([box(Category.FENCE, paint, (-2.02, -0.05, 0), (2.02, 0.05, tall), material=material)], shadow=0.2)


def guard_rail(rng: Generator) -> Model:
    """A crash barrier, 4 m long."""
    metal, what = pick("column", rng), Category.FENCE
    parts = [box(what, metal, (-2.02, -0.06, 0.45), (2.02, 0.06, 0.78))]
    parts += [box(what, metal, (x, -0.05, 0), (x + 0.1, 0.12, 0.7)) for x in (-1.9, 0.1)]
    return assemble(parts, shadow=0.15)


def clutter(rng: Generator) -> Model:
    """Something that no class names: a bin, a table, a pram, a box, a phone box or a bench."""
    what, form = Category.OTHER, int(rng.integers(6))
    paint, dark = pick("shop sign", rng), pick("tyre", rng)
    if form == 0:
        parts = [
            box(what, dark, (-0.3, -0.3, 0), (0.3, 0.3, 1.0), (-0.05,) * 4),
            box(what, paint, (-0.36, -0.36, 1), (0.36, 0.36, 1.1)),
        ]
    elif form == 1:
        parts = [
            ellipsoid(what, paint, (0, 0, 0.74), (0.45, 0.45, 0.03)),
            box(what, dark, (-0.04, -0.04, 0), (0.04, 0.04, 0.72)),
        ]
        parts += [box(what, dark, (x, -0.2, 0), (x + 0.4, 0.2, 0.45)) for x in (-0.95, 0.55)]
        if rng.random() < 0.5:
            parts += [
                ellipsoid(what, paint, (0, 0, 2.3), (1.3, 1.3, 0.35)),
                box(what, dark, (-0.03, -0.03, 0.7), (0.03, 0.03, 2.3)),
            ]
    elif form == 2:
        parts = [
            box(what, paint, (-0.45, -0.25, 0.5), (0.3, 0.25, 0.9), (-0.1, 0, 0, 0)),
            box(what, dark, (0.3, -0.2, 0.7), (0.55, 0.2, 1.0)),
        ]
        parts += [
            ellipsoid(what, dark, (x, y, 0.15), (0.15, 0.04, 0.15), Material.WHEEL)
            for x in (-0.35, 0.3)
            for y in (-0.25, 0.25)
        ]
    elif form == 3:
        wide, tall = rng.uniform(0.3, 0.8), rng.uniform(0.8, 1.6)
        parts = [box(what, pick("column", rng), (-0.2, -wide, 0), (0.2, wide, tall))]
    elif form == 4:
        parts = [box(what, paint, (-0.45, -0.45, 0), (0.45, 0.45, 2.4), material=Material.COACH)]
    else:
        parts = [
            box(what, paint, (-0.3, -0.9, 0.42), (0.3, 0.9, 0.5)),
            box(what, paint, (-0.3, -0.9, 0.5), (-0.22, 0.9, 0.95)),
        ]
        parts += [box(what, dark, (-0.25, y, 0), (0.25, y + 0.08, 0.42)) for y in (-0.8, 0.7)]
    return assemble(parts, shadow=0.35)
