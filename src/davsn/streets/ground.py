"""The colours of the ground of varied clips: markings of many kinds, wear, patches, puddles, leaves, snow."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from davsn.streets import lane_paint
from davsn.streets.camera import Floats
from davsn.streets.categories import Category
from davsn.streets.noise import sample
from davsn.streets.render import GROUND, View
from davsn.streets.road import Road
from davsn.streets.spots import Array, bar, bars
from davsn.streets.variety import Variation

_SYMBOL = 0.05
"""Metres of a pixel of the symbols that are painted on the road."""


def paint(base: Floats, view: View, table: Floats, marking: Floats) -> None:
    """Paint the ground, in place.

    Args:
        base: (H, W, 3) colours.
        view: the geometry of the frame.
        table: (256, 3) colours of categories.
        marking: (3,) colour of road markings.
    """
    drawn = view.world.variation
    assert drawn is not None
    style = np.random.default_rng([view.world.look, 4])
    ground = view.part == GROUND
    s, lateral, _ = view.point[:, ground]
    category = view.category[ground]
    along, across = view.footprint[ground], view.depth[ground] / np.float32(view.camera.focal)
    tint = style.uniform(-1, 1, (3, 1)) * 0.25 + style.uniform(-1, 1, (3, 3)) * 0.06
    table = table.copy()
    for row, kind in enumerate((Category.ROAD, Category.SIDEWALK, Category.TERRAIN)):
        table[kind] *= (1 + drawn.variety * tint[row]).astype(np.float32)
    colours = table[category]
    road, walk = category == Category.ROAD, category == Category.SIDEWALK
    colours *= _paving(style, s, lateral, along, across, walk)[:, None]
    if max(drawn.bus_lane, drawn.cycle_lane - 1, drawn.tram) > 0:
        lanes, on_road = np.random.default_rng([view.world.look, 8]), colours[road]
        lane_paint.surface(on_road, view.world.road, drawn, lanes, s[road], lateral[road], across[road])
        colours[road] = on_road
    colours *= _wear(drawn, style, s, lateral, along, across, road)[:, None]
    marks = _markings(view, style, s, lateral, along, across) * road
    rubbed = np.clip(0.9 + 0.5 * sample(s * 3, lateral * 3), 0.25, 1) if drawn.wear else 1.0
    marks *= rubbed * style.uniform(0.6, 1.0)
    yellow = np.float32(style.random() < 0.3 * drawn.variety) * (np.abs(lateral) > view.world.road.kerb - 1)
    paints = marking * (1 - yellow[:, None] * np.array([0.1, 0.25, 0.75], np.float32))
    colours += marks[:, None] * (paints - colours)
    kerb = bar(np.abs(lateral) - view.world.road.kerb, 0.1, across) * style.uniform(-0.2, 0.4)
    if view.world.road.island:
        kerb *= ~view.world.road.on_roundabout(s, lateral)
    colours *= 1 + (kerb * ~road)[:, None].astype(np.float32)
    _litter(colours, drawn, style, s, lateral, road)
    base[ground] = colours


def _paving(style: np.random.Generator, s: Array, lateral: Array, along: Array, across: Array, walk: Array) -> Floats:
    """The tone (N,) of pavements: slabs of any size with joints, each in its own tone."""
    long, wide = style.uniform(0.3, 1.6), style.uniform(0.2, 1.2)
    joints = np.maximum(bars(s, long, 0.02, along), bars(lateral, wide, 0.02, across))
    tone = np.mod(np.sin(np.floor(s / long) * 12.99 + np.floor(lateral / wide) * 78.2) * 43758.5, 1.0) - 0.5
    fine = np.clip(1.5 - along / long, 0, 1)
    return np.asarray(1 + walk * (0.2 * tone * fine - 0.2 * joints), np.float32)


def _wear(
    drawn: Variation, style: np.random.Generator, s: Array, lateral: Array, along: Array, across: Array, road: Array
) -> Floats:
    """The tone (N,) of worn ground: wheel tracks, patches, cracks, stains, puddles, manholes."""
    broad = sample(s * 1.3 + 40, lateral * 2.1)
    tone = 0.18 * broad
    patch = np.sin(np.floor(s / 7.3) * 5.13 + np.floor(lateral / 2.1) * 3.7) > style.uniform(0.5, 1.2)
    tone += road * patch * style.uniform(-0.3, 0.2)
    cracks = np.clip(0.07 - np.abs(sample(s * 2.2, lateral * 2.2 + 9)), 0, 1) * 14 * np.clip(1.5 - along / 0.5, 0, 1)
    tone -= road * 0.3 * cracks * style.random()
    lane = np.mod(np.abs(lateral), drawn.lane_width) / drawn.lane_width
    tone += road * style.uniform(-0.12, 0.12) * np.cos(2 * np.pi * 2 * lane)
    seam = bars(lateral, drawn.lane_width * 1.02, 0.03, across) * style.random()
    tone -= road * 0.25 * seam
    cover = np.hypot(np.mod(s, 31.0) - 15, lateral - style.uniform(-4, 4)) < 0.35
    tone -= 0.35 * cover * road
    puddle = np.clip(sample(s * 0.9, lateral * 1.7 + 120) * 3 - 2.2 + 1.6 * drawn.wet, 0, 1)
    tone -= 0.35 * road * puddle * (drawn.wet > 0)
    return np.asarray(np.clip(1 + drawn.wear * tone - 0.25 * drawn.wet * road, 0.2, 1.6), np.float32)


def _markings(view: View, style: np.random.Generator, s: Array, lateral: Array, along: Array, across: Array) -> Floats:
    """How white (N,) the paint on the road is: lane lines of several kinds, edge lines, zebras, symbols, boxes."""
    road = view.world.road
    side, apart = np.abs(lateral), road.from_crossing(s)
    period, half = style.uniform(3, 12), style.uniform(0.04, 0.1)
    dashes = bars(s, period, period * style.uniform(0.15, 0.4), along)
    solid, double = style.random() < 0.25, style.random() < 0.35
    middle = np.maximum(bar(lateral, half, across), 0) * (1.0 if solid else dashes) * (style.random() < 0.8)
    white = middle if road.median == 0 else bar(side - road.median - 0.25, half, across)
    for lane in range(1, road.lanes):
        white = np.maximum(white, bar(side - road.median - lane * road.lane_width, half, across) * dashes)
    if style.random() < 0.6:
        edge = road.kerb - 0.35 if road.parking < 1 else road.kerb - road.parking
        white = np.maximum(white, bar(side - edge, 0.05, across))
        if double:
            white = np.maximum(white, bar(side - edge + 0.25, 0.05, across))
    if road.parking > 1 and style.random() < 0.4:
        bays = bars(s, 6.4, 0.05, along) * (side > road.kerb - road.parking)
        white = np.maximum(white, bays)
    white = white * (apart > road.crossing + 4.2)
    if style.random() < 0.7:
        zebra = bars(lateral, 1.1, 0.28, across) * bar(apart - road.crossing - 2.0, 1.4, along)
        white = np.maximum(white, zebra)
    white = np.maximum(white, bar(apart - road.crossing - 4.2, 0.15, along))
    if style.random() < 0.2:
        box = np.maximum(bars(s + lateral, 1.6, 0.05, along), bars(s - lateral, 1.6, 0.05, along))
        white = np.maximum(white, box * (apart < road.crossing))
    for number in range(2):
        where = style.uniform(0, 60), (number + 0.5) * road.lane_width * style.choice([-1, 1])
        shape, period = int(style.integers(len(_symbols()))), style.uniform(25, 60)
        if style.random() < 0.7:
            white = np.maximum(white, _stamp(shape, np.mod(s - where[0], period), lateral - where[1], along))
    white = np.where(side < road.kerb - 0.1, white, 0)
    return np.asarray(_roundabout(white, road, style, s, lateral, along) if road.island else white, np.float32)


def _roundabout(white: Array, road: Road, style: np.random.Generator, s: Array, lateral: Array, along: Array) -> Array:
    """The markings (N,) of roundabouts in place of those of crossings: give-way lines, and perhaps a circle."""
    circle = np.hypot(road.from_crossing(s), lateral)
    give_way = bar(circle - road.ring, 0.15, along) * bars(lateral, 0.9, 0.3, along)
    white = np.where(circle < road.ring, 0, white)
    white = np.maximum(white, give_way * (np.abs(lateral) < road.kerb - 0.1))
    return np.maximum(white, bar(circle - road.island - 0.3, 0.07, along) * (style.random() < 0.5))


def _stamp(shape: int, s: Array, lateral: Array, along: Array) -> Floats:
    """How white (N,) a symbol is whose lower edge is at ``s`` 0 and whose middle is at ``lateral`` 0."""
    symbol = _symbols()[shape]
    height, width = symbol.shape
    row = (height - s / (_SYMBOL * 1.6)).astype(np.int32)
    column = (lateral / _SYMBOL + width / 2).astype(np.int32)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width) & (along < 0.8)
    return np.asarray(symbol[row.clip(0, height - 1), column.clip(0, width - 1)] * inside)


@cache
def _symbols() -> list[Floats]:
    """Symbols (H, W) that are painted on roads: a bicycle, arrows, and words."""
    found = []
    bicycle = np.zeros((56, 40), np.uint8)
    for x in (9, 30):
        cv2.circle(bicycle, (x, 42), 8, 255, 2)
    for a, b in (
        ((9, 42), (16, 26)),
        ((16, 26), (28, 26)),
        ((28, 26), (20, 42)),
        ((20, 42), (9, 42)),
        ((30, 42), (27, 20)),
        ((23, 20), (30, 18)),
        ((13, 23), (20, 23)),
    ):
        cv2.line(bicycle, a, b, 255, 2)
    found.append(bicycle)
    for turn in (-12, 0, 12):
        arrow = np.zeros((60, 40), np.uint8)
        cv2.line(arrow, (20, 58), (20, 28), 255, 3)
        cv2.arrowedLine(arrow, (20, 28), (20 + turn, 8 + abs(turn)), 255, 3, tipLength=0.5)
        found.append(arrow)
    for word in ("SLOW", "BUS", "30", "STOP", "KEEP CLEAR"):
        plate = np.zeros((40, 16 * len(word) + 8), np.uint8)
        cv2.putText(plate, word, (2, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 3)
        found.append(plate)
    return [np.asarray(symbol, np.float32) * np.float32(1 / 255) for symbol in found]


def _litter(
    colours: Floats, drawn: Variation, style: np.random.Generator, s: Array, lateral: Array, road: NDArray[np.bool_]
) -> None:
    """Strew leaves and snow over the ground's colours (N, 3), in place."""
    if drawn.autumn:
        leaves = np.clip(sample(s * 9, lateral * 9) * 4 - 2.6 + drawn.autumn, 0, 1) * (sample(s * 0.7, lateral) > 0)
        brown = np.array([0.55, 0.38, 0.16], np.float32) * style.uniform(0.7, 1.3)
        colours += (0.8 * leaves)[:, None] * (brown.astype(np.float32) - colours)
    if drawn.snow:
        lane = np.mod(np.abs(lateral), drawn.lane_width) / drawn.lane_width
        track = road * (0.35 + 0.5 * np.abs(np.cos(2 * np.pi * lane)))
        cover = np.clip((drawn.snow * 2.2 - track) * 1.5 + sample(s * 2, lateral * 2), 0, 1)
        colours += (0.9 * cover)[:, None].astype(np.float32) * (np.array([0.93, 0.95, 0.98], np.float32) - colours)
