"""Builders of people and cycles in many forms. Each draws a body, a pose and clothes from a generator."""

import numpy as np
from numpy.random import Generator

from davsn.streets.categories import Category
from davsn.streets.models import Material, Model, Part, assemble, box, ellipsoid
from davsn.streets.paint import Paint, pick

Pair = tuple[float, float]


def _limb(what: Category, paint: Paint, at: Pair, span: Pair, size: Pair, lean: float) -> Part:
    """An upright limb from one height to another, whose top is moved forward by ``lean``."""
    (x, y), (low, high), (deep, wide) = at, span, size
    return box(what, paint, (x - deep, y - wide, low), (x + deep, y + wide, high), (lean, -lean, 0.0, 0.0))


def _body(what: Category, tall: float, girth: float, rng: Generator) -> list[Part]:
    """Legs, trunk, arms and head of someone who stands or walks."""
    shirt, trousers, skin = pick("clothes", rng), pick("clothes", rng), pick("skin", rng)
    hip, neck, stride = rng.uniform(0.45, 0.52) * tall, rng.uniform(0.81, 0.85) * tall, rng.uniform(0.0, 0.3)
    wide, leg = girth * rng.uniform(0.19, 0.25), girth * rng.uniform(0.065, 0.1)
    parts = []
    coat = rng.random()
    bottom = hip * (0.35 if coat < 0.12 else 0.7 if coat < 0.4 else 1.0)
    for side, step in ((1, stride), (-1, -stride)):
        parts.append(_limb(what, trousers, (step, side * 0.45 * wide), (0, hip), (leg, leg), -step))
        hand = -1.1 * step + rng.uniform(-0.12, 0.12), side * (wide + 0.05)
        reach = hip * rng.uniform(0.9, 1.15), neck - 0.03
        parts.append(_limb(what, shirt, hand, reach, (0.055, 0.05), -hand[0]))
    flare = rng.uniform(-0.03, 0.06)
    parts.append(
        box(
            what,
            shirt,
            (-0.7 * wide, -wide, bottom),
            (0.7 * wide, wide, neck),
            (0.03, 0.03, flare, flare),
            Material.CLOTH,
        )
    )
    parts.append(ellipsoid(what, skin, (0.02, 0, 0.92 * tall), (0.1, 0.085, 0.075 * tall)))
    parts.append(ellipsoid(what, pick("hair", rng), (-0.025, 0, 0.945 * tall), (0.105, 0.1, 0.07 * tall)))
    if rng.random() < 0.45:
        parts.append(_bag(what, wide, hip, neck, rng))
    return parts


def _bag(what: Category, wide: float, hip: float, neck: float, rng: Generator) -> Part:
    """A backpack, a handbag or a shopping bag."""
    paint, form = pick("clothes", rng), rng.random()
    if form < 0.5:
        return box(what, paint, (-0.7 * wide - 0.2, -0.8 * wide, hip + 0.05), (-0.6 * wide, 0.8 * wide, neck - 0.05))
    side = 1 if form < 0.75 else -1
    low, high = sorted((side * (wide + 0.08), side * (wide + 0.2)))
    return box(what, paint, (-0.17, low, 0.45 * hip), (0.17, high, 0.95 * hip))


def walker(rng: Generator) -> Model:
    """A pedestrian of any age, build and dress, alone or with a companion beside them."""
    parts = _body(Category.PERSON, *_build(rng), rng)
    if rng.random() < 0.3:
        shift = np.array([rng.uniform(-0.3, 0.3), rng.choice([-1, 1]) * rng.uniform(0.55, 0.75), 0])
        parts += [_moved(part, shift) for part in _body(Category.PERSON, *_build(rng), rng)]
    return assemble(parts, shadow=0.35)


def _build(rng: Generator) -> tuple[float, float]:
    """Height in metres and girth as a factor."""
    child = rng.random() < 0.15
    return float(rng.uniform(1.0, 1.4) if child else rng.uniform(1.5, 1.95)), float(
        rng.uniform(0.8, 1.3) * (0.75 if child else 1)
    )


def _moved(part: Part, shift: np.ndarray) -> Part:
    """A part, moved by (3,) metres."""
    if part.planes is None:
        return Part(part.category, part.paint, part.material, part.bounds + shift)
    planes = part.planes.copy()
    planes[:, 3] -= planes[:, :3] @ shift
    return Part(part.category, part.paint, part.material, part.bounds + shift, planes)


def sitter(rng: Generator) -> Model:
    """Somebody who sits on a low wall or a chair."""
    shirt, trousers = pick("clothes", rng), pick("clothes", rng)
    who, tall = Category.PERSON, rng.uniform(0.8, 0.95)
    parts = [
        box(who, trousers, (-0.1, -0.18, 0.4), (0.45, 0.18, 0.58)),
        box(who, trousers, (0.33, -0.17, 0), (0.45, 0.17, 0.45)),
        box(who, shirt, (-0.15, -0.22, 0.45), (0.12, 0.22, 0.45 + 0.7 * tall), (0, 0, 0.04, 0.04), Material.CLOTH),
        ellipsoid(who, pick("skin", rng), (0.02, 0, 0.5 + 0.87 * tall), (0.1, 0.09, 0.13)),
        ellipsoid(who, pick("hair", rng), (-0.03, 0, 0.53 + 0.87 * tall), (0.1, 0.1, 0.12)),
    ]
    return assemble(parts, shadow=0.35)


def _frame(rng: Generator) -> tuple[list[Part], float]:
    """A bicycle, and the height of its saddle."""
    what, frame, radius = Category.BICYCLE, pick("frame", rng), rng.uniform(0.28, 0.36)
    tyre, saddle, thin = pick("tyre", rng), rng.uniform(0.8, 1.0), rng.uniform(0.02, 0.04)
    base = rng.uniform(0.48, 0.56)
    parts = [ellipsoid(what, tyre, (x, 0, radius), (radius, 0.04, radius), Material.SPOKES) for x in (-base, base)]
    parts += [
        box(what, frame, (-0.2, -thin, 0.3), (-0.14, thin, saddle), (-0.06, 0.06, 0, 0)),
        box(what, frame, (-0.16, -thin, 0.28), (-0.08, thin, saddle - 0.1), (0.55, -0.5, 0, 0)),
        box(what, frame, (base - 0.04, -thin, radius), (base + 0.03, thin, saddle + 0.1), (-0.14, 0.14, 0, 0)),
        box(what, frame, (-0.2, -thin, saddle - 0.16), (0.4, thin, saddle - 0.1)),
        box(what, pick("tyre", rng), (-0.34, -0.07, saddle), (-0.1, 0.07, saddle + 0.06)),
        box(what, frame, (0.28, -0.26, saddle + 0.08), (0.38, 0.26, saddle + 0.14)),
    ]
    if rng.random() < 0.35:
        parts.append(box(what, pick("column", rng), (0.45, -0.2, saddle - 0.15), (0.8, 0.2, saddle + 0.1)))
    return parts, saddle


def _rider(seat: float, reach: float, rng: Generator) -> list[Part]:
    who, shirt, lean = Category.RIDER, pick("clothes", rng), rng.uniform(0.02, 0.35)
    trousers, wide = pick("clothes", rng), rng.uniform(0.16, 0.23)
    chest = seat + rng.uniform(0.48, 0.6)
    head = pick("helmet" if rng.random() < 0.4 else "hair", rng)
    parts = [
        box(who, trousers, (-0.12, 0.03, rng.uniform(0.2, 0.5)), (0.05, 0.16, seat + 0.08), (0.08, -0.08, 0, 0)),
        box(who, trousers, (0.02, -0.16, rng.uniform(0.2, 0.5)), (0.18, -0.03, seat + 0.08), (0.2, -0.2, 0, 0)),
        box(who, shirt, (-0.25, -wide, seat), (0.0, wide, chest), (lean, -lean, 0.02, 0.02), Material.CLOTH),
        ellipsoid(who, pick("skin", rng), (lean - 0.06, 0, chest + 0.14), (0.1, 0.09, 0.13)),
        ellipsoid(who, head, (lean - 0.09, 0, chest + 0.18), (0.13, 0.11, 0.12)),
    ]
    for side in (-1, 1):
        low, high = sorted((side * wide, side * (wide + 0.08)))
        parts.append(
            box(
                who,
                shirt,
                (reach - 0.14, low, seat + 0.14),
                (reach, high, chest - 0.05),
                (lean - reach, reach - lean, 0, 0),
            )
        )
    return parts


def any_bicycle(rng: Generator) -> Model:
    """A bicycle with its rider."""
    parts, saddle = _frame(rng)
    return assemble([*parts, *_rider(saddle + 0.04, 0.36, rng)], shadow=0.3)


def any_parked_bicycle(rng: Generator) -> Model:
    """A bicycle without a rider."""
    return assemble(_frame(rng)[0], shadow=0.3)


def any_motorcycle(rng: Generator, ridden: bool = True) -> Model:
    """A motorcycle or a scooter, with or without its rider."""
    what, paint, tyre = Category.MOTORCYCLE, pick("coachwork", rng), pick("tyre", rng)
    radius, scooter = rng.uniform(0.22, 0.34), rng.random() < 0.4
    parts = [ellipsoid(what, tyre, (x, 0, radius), (radius, 0.09, radius), Material.WHEEL) for x in (-0.65, 0.68)]
    parts.append(box(what, paint, (-0.85, -0.2, 0.38), (0.1, 0.2, 0.84), (0.1, 0.0, 0.06, 0.06), Material.GLOSS))
    if scooter:
        parts.append(box(what, paint, (0.1, -0.2, 0.25), (0.5, 0.2, 0.36)))
        parts.append(box(what, paint, (0.45, -0.25, 0.25), (0.6, 0.25, 1.0), (0, 0.1, 0.08, 0.08)))
    else:
        parts.append(box(what, paint, (0.0, -0.22, 0.5), (0.55, 0.22, 0.95), (0.1, 0.2, 0.1, 0.1), Material.GLOSS))
        parts.append(box(what, tyre, (-0.2, -0.24, 0.2), (0.35, 0.24, 0.55)))
    parts.append(box(what, pick("column", rng), (0.42, -0.38, 0.98), (0.52, 0.38, 1.06)))
    return assemble([*parts, *(_rider(0.86, 0.45, rng) if ridden else [])], shadow=0.4)


def any_parked_motorcycle(rng: Generator) -> Model:
    """A motorcycle or a scooter without a rider."""
    return any_motorcycle(rng, ridden=False)
