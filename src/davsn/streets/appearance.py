"""The colour of every point: paint, patterns and texture, computed from the point's place on its own surface.

``share`` goes from 0, the palette and light of ``game``, to 1, those of ``camera``. At 0 a point has the same colour
in every frame, so warping by the exact flow turns one frame into another.
"""

import numpy as np
from numpy.typing import NDArray

from davsn.streets import ground, patterns, surfaces, weather
from davsn.streets.camera import Floats
from davsn.streets.casting import CURVED
from davsn.streets.categories import Category
from davsn.streets.models import Material
from davsn.streets.noise import sample
from davsn.streets.paint import shades
from davsn.streets.render import BACKDROP, BONNET, GROUND, PARTS, SKY, View
from davsn.streets.spots import Pattern, Spots

SHADOWS_WITHIN = 40.0
"""Metres beyond which no contact shadow is drawn."""


def colour(view: View, share: float) -> Floats:
    """The colours (H, W, 3) of a frame's surfaces, RGB, nominally in [0, 1], before the effects of the camera."""
    drawn = view.world.variation
    if drawn is not None:
        share = share + (1 - share) * min(drawn.palette, 1.0)
    tables = _Tables(view, share)
    base = tables.paints[view.part]
    if drawn is None:
        _paint_sky(base, view, share)
        _paint_ground(base, view, share)
    else:
        weather.paint_sky(base, view)
        ground.paint(base, view, _ground_table(share), mix(shades("marking")[0], share))
    materials = tables.materials[view.part]
    for material, pattern in _PATTERNS.items():
        seen = np.flatnonzero(materials == material)
        if len(seen):
            _apply(pattern, base.reshape(-1, 3), Spots(view, tables.bounds, tables.seeds, seen), share)
    light, grain = _light(view, tables, share), _grain(view, tables.materials, share)
    if drawn is None:
        base *= (light * grain)[..., None]
        _cast_shadows(base, view)
    else:
        base *= weather.light(view, tables.headings, light) * grain[..., None]
        weather.cast_shadows(base, view)
    return base


_PATTERNS = patterns.PATTERNS | surfaces.PATTERNS


def _apply(pattern: Pattern, base: Floats, spots: Spots, share: float) -> None:
    """Paint a pattern over the base colours (pixels, 3) of the spots, in place."""
    colours, amount = pattern(spots, base[spots.index], mix(shades("glass")[0], share))
    amount = np.asarray(amount, np.float32)[:, None]
    base[spots.index] += amount * (colours - base[spots.index])


def mix(paint: tuple[tuple[float, float, float], tuple[float, float, float]], share: float) -> Floats:
    """A colour (3,) between the two palettes of a paint."""
    game, camera = np.array(paint, np.float32)
    return np.asarray(game + np.float32(share) * (camera - game))


class _Tables:
    """Tables of the properties of a frame's parts, indexed by part number."""

    def __init__(self, view: View, share: float) -> None:
        models = [placed.thing.slot.model for placed in view.placed]
        counts = [len(model.categories) for model in models]
        far = mix(shades("leaves")[2], share) * 0.5 + mix(shades("horizon")[0], share) * 0.5
        first = np.zeros((PARTS, 3), np.float32)
        first[BACKDROP], first[BONNET] = far, 0.06 + 0.2 * (view.world.look % 7 == 0)
        paints = [p.paints[:, 0] + np.float32(share) * (p.paints[:, 1] - p.paints[:, 0]) for p in models]
        blank = np.tile(np.array([[0.0], [1.0]], np.float32), (PARTS, 1, 3))
        self.paints = np.concatenate([first, *paints])
        self.materials = np.concatenate([np.zeros(PARTS, np.uint8), *(model.materials for model in models)])
        self.bounds = np.concatenate([blank, *(model.bounds for model in models)])
        seeds = [placed.thing.identity % 9973 for placed in view.placed]
        headings = [placed.pose.heading for placed in view.placed]
        self.seeds = np.concatenate([np.zeros(PARTS), np.repeat(seeds, counts)]).astype(np.int64)
        self.headings = np.concatenate([np.zeros(PARTS), np.repeat(headings, counts)]).astype(np.float32)


def _grain(view: View, materials: NDArray[np.uint8], share: float) -> Floats:
    """The texture (H, W) as a factor around 1. Foliage is rough in both domains. Detail finer than a pixel fades."""
    x, y, z = view.point
    slant = np.where(view.face == CURVED, 0.6 * z, 0)
    level = (view.face >= 4) | (view.part == GROUND)
    across = (view.face < 2) & (view.part != GROUND)
    u, v = np.where(across, y, x) + slant, np.where(level, y, z) + slant
    leafy = (materials[view.part] == Material.FOLIAGE).astype(np.float32)
    terrain = (view.category == Category.TERRAIN).astype(np.float32)
    strength = 0.06 + 0.3 * leafy + 0.08 * terrain + share * (0.22 - 0.05 * leafy + 0.1 * terrain)
    strength[view.part == SKY] = 0
    strength[view.part == BACKDROP] = 0.03
    texel = np.where(leafy > 0, 0.1, 0.06).astype(np.float32)
    fine = sample(u / texel, v / texel) * np.clip(2.0 - view.footprint / (2 * texel), 0, 1)
    broad = sample(u / (9 * texel) + 57, v / (9 * texel) + 31) * np.clip(2.0 - view.footprint / (20 * texel), 0, 1)
    return np.asarray(1 + strength * (0.55 * fine + 0.75 * broad), np.float32)


def _paint_sky(base: Floats, view: View, share: float) -> None:
    sky = view.part == SKY
    x, y, z = view.point[:, sky]
    height = z / np.hypot(x, y)
    blend = np.clip(height / 0.45, 0, 1)[:, None] ** 0.7
    low, high = mix(shades("horizon")[0], share), mix(shades("sky")[0], share)
    azimuth = np.arctan2(y, x)
    cloud = sample(azimuth * 25 + view.world.look % 251, height * 60)
    cloud = np.clip(cloud * 1.6 - 0.25, 0, 1)[:, None] * (0.55 - 0.2 * share)
    base[sky] = (low + blend * (high - low)) * (1 - cloud) + cloud * np.float32(0.97)


def _paint_ground(base: Floats, view: View, share: float) -> None:
    ground = view.part == GROUND
    s, lateral, _ = view.point[:, ground]
    category = view.category[ground]
    below = _ground_table(share)[category]
    along, across = view.footprint[ground], view.depth[ground] / view.camera.focal
    slabs = patterns.slabs(s, lateral, along, across) * (category == Category.SIDEWALK)
    below *= (1 - 0.16 * slabs)[:, None]
    marks = patterns.markings(view.world.road, s, lateral, along, across) * (category == Category.ROAD)
    marks *= 1 - 0.35 * share
    marking = mix(shades("marking")[0], share)
    base[ground] = below + marks[:, None] * (marking - below)


def _ground_table(share: float) -> Floats:
    """The colour (256, 3) of each category of the ground."""
    table = np.zeros((256, 3), np.float32)
    for kind in (Category.ROAD, Category.SIDEWALK, Category.TERRAIN):
        table[kind] = mix(shades(kind.name.lower())[0], share)
    return table


def _light(view: View, tables: _Tables, share: float) -> Floats:
    """The brightness (H, W) by the direction of a surface: fixed for ``game``, from the sun for ``camera``."""
    flat = np.array([0.9, 0.9, 0.8, 0.8, 0.55, 1.0, 1.0], np.float32)[view.face]
    flat[view.part < PARTS] = 1
    curved = (view.face == CURVED) & (tables.materials[view.part] != Material.PLATE)
    owner_middle, radii = view.shapes
    up = np.zeros_like(flat)
    part = view.part[curved]
    up[curved] = (view.point[2][curved] - owner_middle[2, part]) / radii[2, part]
    flat += np.where(curved, 0.2 * up - 0.2, 0)
    if share == 0:
        return flat
    sun = np.float32(view.world.look % 628 / 100)
    outward = np.array([np.pi, 0, -np.pi / 2, np.pi / 2, 0, 0, 0], np.float32)[view.face] + tables.headings[view.part]
    lit = np.where(
        view.face < 4, 0.5 + 0.55 * np.maximum(np.cos(outward - sun), 0), np.where(view.face == 4, 0.35, 1.0)
    )
    lit = np.where(curved, 0.72 + 0.34 * up, lit)
    lit[view.part < PARTS] = 1
    return np.asarray(flat + np.float32(share) * (lit - flat), np.float32)


def _cast_shadows(base: Floats, view: View) -> None:
    """Darken the ground under and beside things, with soft edges."""
    height, width = view.part.shape
    for thing, _, _, (rows, columns), nearest in view.placed:
        model = thing.slot.model
        if not model.shadow or nearest > SHADOWS_WITHIN:
            continue
        margin = 1 + int(0.5 * view.camera.focal / max(nearest, 1.0))
        top, bottom = rows.start + (rows.stop - rows.start) // 3, min(rows.stop + margin, height)
        area = slice(top, bottom), slice(max(columns.start - margin, 0), min(columns.stop + margin, width))
        s = thing.slot.s + view.world.shift(thing.lane, view.time)
        along = np.abs(view.point[0][area] - s) / (model.high[0] - model.low[0] + 0.4)
        across = np.abs(view.point[1][area] - thing.slot.lateral) / (model.high[1] - model.low[1] + 0.4)
        dark = model.shadow * np.clip((0.62 - np.maximum(along, across)) / 0.2, 0, 1)
        dark[view.part[area] != GROUND] = 0
        base[area] *= (1 - dark)[..., None]
