"""Patterns on surfaces: windows, lane markings, slats, lamps. Their edges are blurred over the width of a pixel."""

import numpy as np

from davsn.streets.camera import Floats
from davsn.streets.casting import CURVED
from davsn.streets.models import Material
from davsn.streets.road import Road
from davsn.streets.spots import Array, Spots, bar, bars


def markings(road: Road, s: Array, lateral: Array, along: Array, across: Array) -> Array:
    """How white (N,) the road markings make points, where pixels are ``along`` by ``across`` metres large."""
    apart = road.from_crossing(s)
    open_road = apart > road.crossing + 4.2
    dashes = bars(s, 6.0, 1.5, along)
    white = bar(lateral, 0.07, across) * (dashes if road.lanes == 1 else 1.0)
    for lane in range(1, road.lanes):
        white = np.maximum(white, bar(np.abs(lateral) - lane * road.lane_width, 0.07, across) * dashes)
    white = np.maximum(white, bar(np.abs(lateral) - road.lanes * road.lane_width, 0.06, across)) * open_road
    zebra = bars(lateral, 1.1, 0.28, across) * bar(apart - road.crossing - 2.0, 1.4, along)
    stop = bar(apart - road.crossing - 4.2, 0.22, along)
    return np.where(np.abs(lateral) < road.kerb - 0.3, np.maximum(white, np.maximum(zebra, stop)), 0)


def slabs(s: Array, lateral: Array, along: Array, across: Array) -> Array:
    """How dark (N,) the joints between paving slabs make points."""
    return np.maximum(bars(s, 1.2, 0.03, along), bars(lateral, 0.9, 0.03, across))


def _wall(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    wide, storey = 2.3, 3.1
    height, tall = spots.point[2], spots.pixel
    upper = bars(spots.along, wide, 0.55 + 0.1 * (spots.seed[0] % 3), tall) * bars(height - 0.2, storey, 0.75, tall)
    shop = bars(spots.along, 3.45, 1.35, tall) * bar(height - 1.45, 1.15, tall)
    panes = np.where(height < storey, np.where(spots.seed % 3 == 0, shop, upper), upper)
    cell = np.floor(spots.along / wide) * 31 + np.floor((height - 0.2) / storey) * 17 + spots.seed * 7
    bright = (np.mod(cell * 0.61803, 1.0) * 0.7 + 0.65)[:, None]
    return glass * bright, panes * (spots.face < 4) * 0.92


def _glass(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    x, _, z = spots.relative
    frame = np.where(spots.face < 2, 0.0, np.abs(x - 0.52) < 0.03)
    return np.broadcast_to(glass, base.shape), (spots.face < 4) * (z < 0.86) * (1 - frame) * 0.95


def _foliage(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    return base * 0.62, (1 - spots.relative[2]) * 0.85


def _slats(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    gaps = bars(spots.along, 0.36, 0.07, spots.pixel)
    rail = (np.abs(spots.relative[2] - 0.2) < 0.06) | (np.abs(spots.relative[2] - 0.8) < 0.06)
    return base * 0.42, gaps * ~rail * (spots.face < 4)


def _lamps(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    y, z = spots.relative[1], spots.relative[2]
    place = np.clip(np.floor((1 - z) * 3), 0, 2).astype(np.int64)
    lamp = np.array([[1.0, 0.16, 0.12], [1.0, 0.72, 0.1], [0.15, 0.95, 0.45]], np.float32)[place]
    lit = place == np.array([0, 2, 2, 0, 1])[spots.seed % 5]
    disc = np.hypot(y - 0.5, ((1 - z) * 3 - place - 0.5) * 0.8) < 0.36
    return np.where(lit[:, None], lamp, lamp * 0.28), disc * (spots.face < 2)


def _plate(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    y, z = np.abs(spots.relative[1] - 0.5), np.abs(spots.relative[2] - 0.5)
    inner = np.where(spots.face == CURVED, np.hypot(y, z) < 0.33, np.maximum(y, z) < 0.4)
    front = spots.point[0] < spots.bounds[spots.part][:, :, 0].mean(1)
    white = np.float32(0.93) * (spots.seed % 2 == 0)[:, None] + base * (spots.seed % 2 == 1)[:, None]
    dark_bar = (z < 0.09) & (y < 0.25) & (spots.face != CURVED)
    odd = (spots.seed % 2 == 1)[:, None]
    inside = np.where(dark_bar[:, None], np.where(odd, np.float32(0.93), base * 0.4), white)
    return np.where(front[:, None], inside, np.float32(0.5)), np.where(front, inner, 1.0)


def _body(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    _, y, z = spots.relative
    lights = (np.abs(y - 0.5) > 0.33) & (z > 0.5) & (z < 0.85) & (spots.face < 2)
    number_plate = (np.abs(y - 0.5) < 0.13) & (np.abs(z - 0.35) < 0.12) & (spots.face < 2)
    lamp = np.where(spots.face[:, None] == 0, np.array([0.86, 0.08, 0.1]), np.array([0.98, 0.97, 0.88]))
    plate = np.where(number_plate[:, None], np.float32(0.88), base * 0.55)
    sill = (z < 0.16) & (spots.face < 4)
    return np.where(lights[:, None], lamp, plate), lights | number_plate | sill


def _wheel(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    radius = np.hypot(spots.relative[0] - 0.5, spots.relative[2] - 0.5)
    return np.broadcast_to(np.float32(0.62), base.shape), 0.85 * np.clip((0.33 - radius) * 12 + 0.5, 0, 1)


def _coach(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    _, y, z = spots.relative
    pillars = bars(spots.along, 1.5, 0.08, spots.pixel) * (spots.face >= 2)
    low = np.where(spots.face == 1, 0.3, 0.45)
    panes = (z > low) & (z < 0.84) & (spots.face < 4) & (np.abs(y - 0.5) < np.where(spots.face < 2, 0.44, 1))
    lights = (np.abs(y - 0.5) > 0.36) & (z > 0.1) & (z < 0.22) & (spots.face < 2)
    lamp = np.where(spots.face[:, None] == 0, np.array([0.86, 0.08, 0.1]), np.array([0.98, 0.97, 0.88]))
    return np.where(lights[:, None], lamp, glass), np.where(lights, 1.0, panes * (1 - pillars) * 0.95)


PATTERNS = {
    Material.WALL: _wall,
    Material.GLASS: _glass,
    Material.FOLIAGE: _foliage,
    Material.BARS: _slats,
    Material.LAMPS: _lamps,
    Material.PLATE: _plate,
    Material.BODY: _body,
    Material.COACH: _coach,
    Material.WHEEL: _wheel,
}
"""The pattern of every material of today's things: spots, base colours and glass to colours and their amounts."""
