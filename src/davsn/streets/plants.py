"""Builders of plants in many forms: trees and shrubs. Each draws a size and paint from a generator."""

import numpy as np
from numpy.random import Generator

from davsn.streets.categories import Category
from davsn.streets.models import Material, Model, Part, assemble, box, ellipsoid
from davsn.streets.paint import Paint, pick

_PLANT = Category.VEGETATION


def _trunk(bark: Paint, tall: float, radius: float, lean: tuple[float, float] = (0.0, 0.0)) -> Part:
    """An upright or leaning trunk that is thinner at its top."""
    taper = tuple(0.4 * radius + sign * shift for shift in lean for sign in (1, -1))
    return box(_PLANT, bark, (-radius, -radius, 0), (radius, radius, tall), taper)


def _branch(bark: Paint, start: np.ndarray, way: np.ndarray, radius: float) -> Part:
    """A branch from ``start`` by ``way``, which must rise."""
    low, high = start - radius, start + radius
    low[2], high[2] = start[2], start[2] + way[2]
    taper = (0.5 * radius + way[0], 0.5 * radius - way[0], 0.5 * radius + way[1], 0.5 * radius - way[1])
    return box(_PLANT, bark, tuple(low), tuple(high), taper)


def bare_tree(rng: Generator) -> Model:
    """A tree in winter: a trunk, rising branches, and lobes of fine twigs."""
    tall, bark, twigs = rng.uniform(5, 13), pick("winter bark", rng), pick("twigs", rng)
    fork, radius = tall * rng.uniform(0.2, 0.35), 0.03 * tall * rng.uniform(0.4, 0.75)
    parts = [_trunk(bark, tall * 0.7, radius)]
    spread, turn = tall * rng.uniform(0.18, 0.4), rng.uniform(0, 6.28)
    for number in range(int(rng.integers(5, 9))):
        angle, rise = turn + 2.4 * number, rng.uniform(0.25, 0.55) * tall
        way = np.array([np.cos(angle) * spread, np.sin(angle) * spread, rise]) * rng.uniform(0.6, 1.0)
        start = np.array([0, 0, fork + rng.uniform(0, 0.3) * tall])
        parts.append(_branch(bark, start, way, radius * 0.4))
        if number < 4:
            radii = spread * rng.uniform(0.45, 0.75, 3)
            parts.append(ellipsoid(_PLANT, twigs, tuple(start + way), tuple(radii), Material.TWIGS))
    crown = (spread * 0.8, spread * 0.8, tall * 0.28)
    parts.append(ellipsoid(_PLANT, twigs, (0, 0, tall * 0.75), crown, Material.TWIGS))
    return assemble(parts, shadow=0.2)


def _lobes(leaves: Paint, low: float, high: float, spread: float, count: int, rng: Generator) -> list[Part]:
    """Lobes of leaves, wider in the middle of the crown."""
    parts = []
    for number in range(count):
        share = (number + 0.5) / count
        wide = spread * (0.45 + 0.55 * np.sin(np.pi * (0.15 + 0.8 * share)))
        angle, radius = 2.4 * number + rng.uniform(0, 1), wide * rng.uniform(0.5, 0.85)
        x, y = 0.6 * wide * np.cos(angle), 0.6 * wide * np.sin(angle)
        centre = (x, y, low + share * (high - low))
        size = (radius, radius * rng.uniform(0.8, 1.2), radius * rng.uniform(0.7, 1.1))
        parts.append(ellipsoid(_PLANT, leaves, centre, size, Material.FOLIAGE))
    return parts


def full_tree(rng: Generator, autumn: float = 0.0) -> Model:
    """A tree with leaves: round, broad, slender or sparse. ``autumn`` is the probability of autumn colours."""
    leaves = pick("autumn leaves" if rng.random() < autumn else "wild leaves", rng)
    bark, form = pick("winter bark", rng), rng.random()
    if form < 0.2:  # slender, as a poplar
        tall = rng.uniform(6, 14)
        parts = [_trunk(bark, 2.0, 0.18)]
        parts += _lobes(leaves, 1.5, tall, tall * 0.12, 6, rng)
    elif form < 0.5:  # sparse: lobes with gaps, and visible branches
        tall, spread = rng.uniform(5, 10), rng.uniform(1.6, 3.0)
        parts = [_trunk(bark, tall * 0.8, 0.16, (rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)))]
        for number in range(7):
            way = np.array([np.cos(2.4 * number), np.sin(2.4 * number), 0.7]) * spread * rng.uniform(0.6, 1)
            start = np.array([0, 0, tall * rng.uniform(0.35, 0.7)])
            radius = spread * rng.uniform(0.25, 0.45)
            parts.append(_branch(bark, start, way, 0.06))
            parts.append(
                ellipsoid(_PLANT, leaves, tuple(start + way), (radius, radius, 0.7 * radius), Material.FOLIAGE)
            )
    else:
        trunk, spread = rng.uniform(1.5, 3.5), rng.uniform(1.3, 4.0)
        parts = [_trunk(bark, trunk + spread, 0.08 + 0.07 * spread)]
        parts += _lobes(leaves, trunk + 0.4 * spread, trunk + rng.uniform(1.2, 2.4) * spread, spread, 9, rng)
    return assemble(parts, shadow=0.3)


def shrub(rng: Generator, autumn: float = 0.0) -> Model:
    """Low shrubs: leafy, dry or twiggy."""
    dry = rng.random() < 0.25
    leaves = pick("twigs" if dry else "autumn leaves" if rng.random() < autumn else "wild leaves", rng)
    material = Material.TWIGS if dry else Material.FOLIAGE
    parts = []
    for _ in range(int(rng.integers(2, 6))):
        radius = rng.uniform(0.3, 1.3)
        centre = (*rng.uniform(-1.3, 1.3, 2), radius * rng.uniform(0.5, 0.9))
        parts.append(ellipsoid(_PLANT, leaves, centre, (radius, radius * rng.uniform(0.7, 1.3), radius), material))
    return assemble(parts, shadow=0.2)


def clipped_hedge(rng: Generator) -> Model:
    """A hedge of any height, 4 m long."""
    wide, tall = rng.uniform(0.25, 0.8), rng.uniform(0.6, 3.0)
    hedge = box(_PLANT, pick("wild leaves", rng), (-2.05, -wide, 0), (2.05, wide, tall), (0.1,) * 4, Material.FOLIAGE)
    return assemble([hedge], shadow=0.2)


def wood(rng: Generator) -> Model:
    """A stretch of trees far from the road, 12 m long."""
    leaves = pick("wild leaves", rng)
    parts = []
    for place in range(7):
        tall = rng.uniform(3, 8)
        centre = (place * 2.0 - 6, rng.uniform(-2, 2), tall * 0.5)
        parts.append(ellipsoid(_PLANT, leaves, centre, (2.2, 2.2, tall * 0.6), Material.FOLIAGE))
    return assemble(parts)
