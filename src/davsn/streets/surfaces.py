"""Patterns on the surfaces of varied things: house fronts, bricks, twigs, mesh, cloth, coachwork."""

import numpy as np

from davsn.streets.camera import Floats
from davsn.streets.models import Material
from davsn.streets.noise import sample
from davsn.streets.spots import Array, Spots, bar, bars
from davsn.streets.weather import horizon


def _hue(number: Array) -> Array:
    """Bright colours (N, 3) from numbers in [0, 1)."""
    phases = np.array([0.0, 0.33, 0.67], np.float32)
    return np.asarray(0.5 + 0.42 * np.cos(6.2832 * (number[:, None] + phases)))


def _cell(spots: Spots, u: Array, v: Array) -> Array:
    """Numbers (N,) in [0, 1) that look random, one for each cell of a grid on a thing."""
    mixed = np.sin(np.floor(u) * 12.9898 + np.floor(v) * 78.233 + spots.vary(9) * 37.7) * 4375.85
    return np.asarray(np.mod(mixed, 1.0))


def _letters(spots: Spots, height: Array, size: float) -> Array:
    """Where (N,) a line of illegible letters is, whose middle is at ``height`` 0."""
    strokes = bars(spots.along + 0.11 * np.floor(spots.along * 3.1), 0.55 * size, 0.17 * size, spots.pixel)
    gaps = _cell(spots, spots.along / (0.6 * size), np.zeros_like(height)) > 0.25
    return strokes * gaps * (np.abs(height) < 0.5 * size)


def _facade(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    along, height, pixel = spots.along, spots.point[2], spots.pixel
    variation = spots.view.world.variation
    assert variation is not None
    pitch, storey = 1.2 + 2.4 * spots.vary(1) ** 1.5, 2.6 + 0.7 * spots.vary(2)
    half, tall = pitch * (0.2 + 0.24 * spots.vary(3)), storey * (0.2 + 0.2 * spots.vary(4))
    rows = height - 0.2 * storey * spots.vary(5)
    panes = bars(along, pitch, half, pixel) * bars(rows, storey, tall, pixel)
    framed = bars(along, pitch, half + 0.1, pixel) * bars(rows, storey, tall + 0.1, pixel)
    cell = _cell(spots, along / pitch, rows / storey)
    pale = spots.vary(6)[:, None] > 0.45
    colours = base + framed[:, None] * (np.where(pale, np.float32(0.9), base * 0.6) - base)
    course = bars(rows - 0.5 * storey, storey, 0.09, pixel) * (spots.vary(7) > 0.6)
    colours = colours * (1 + 0.25 * course[:, None])
    mirrored = np.clip(np.sin(6.28 * cell) * 0.5, 0, 0.5)[:, None]
    inside = glass * (0.45 + 0.9 * cell[:, None]) * (1 - mirrored) + mirrored * horizon(spots.view)
    inside = np.where((cell > 0.78)[:, None], 0.35 * inside + np.float32(0.42), inside)
    lit = (cell < 0.35) * variation.night
    inside += lit[:, None] * np.array([4.2, 3.2, 1.7], np.float32)
    cross = np.maximum(bars(along - 0.5 * pitch, pitch, 0.035, pixel), bars(rows - 0.5 * storey, storey, 0.035, pixel))
    panes = panes * (1 - 0.8 * cross * (spots.vary(8) > 0.5))
    colours += panes[:, None] * (inside - colours)
    shop = (spots.vary(10) < variation.shops) & (height < 3.5) & (spots.bounds[spots.part][:, 1, 2] > 3.4)
    chosen = np.flatnonzero(shop)
    if len(chosen):
        colours[chosen] = _shop(spots.at(chosen), base[chosen], glass, variation.night)
    return colours, np.asarray(spots.face < 4, np.float32)


def _shop(spots: Spots, base: Floats, glass: Floats, night: float) -> Array:
    """The colours (N, 3) of a shop front: display windows with goods and reflections, below a sign with letters."""
    along, height, pixel = spots.along, spots.point[2], spots.pixel
    wide = 2.2 + 3.0 * spots.vary(11)
    colours = base * 0.4 + 0.35 * _hue(spots.vary(12)) * np.where(spots.vary(13) > 0.5, 1.0, 0.3)[:, None]
    window = bars(along, wide, 0.42 * wide, pixel) * bar(height - 1.4, 1.05, pixel)
    goods = _cell(spots, along / 0.45, height / 0.5)
    low = (np.clip(1.7 - height, 0, 1) * (0.2 + 0.8 * spots.vary(14)))[:, None]
    inside = glass * (0.3 + 0.8 * goods[:, None]) + low * (0.6 * _hue(goods * 3.7) - 0.1)
    mirrored = np.clip(0.25 * height - 0.2, 0, 0.45)[:, None]
    inside = inside * (1 - mirrored) + mirrored * horizon(spots.view) + night * np.array([2.4, 2.1, 1.5], np.float32)
    colours += window[:, None] * (inside - colours)
    sign = bar(height - 2.95, 0.32, pixel)[:, None]
    board = np.where(
        (spots.vary(15) > 0.4)[:, None], 0.85 * _hue(spots.vary(16)), 0.15 + 0.75 * spots.vary(17)[:, None]
    )
    text = _letters(spots, height - 2.95, 0.4)[:, None]
    board = board + text * (np.where(board.mean(1, keepdims=True) > 0.45, np.float32(0.1), np.float32(0.95)) - board)
    return np.asarray(colours + sign * (board * (1 + 2 * night) - colours))


def _tiles(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    return base * 0.75, bars(spots.point[2], 0.3, 0.05, spots.pixel) * (spots.face < 4)


def _bricks(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    height = spots.point[2]
    course = np.floor(height / 0.22)
    joints = np.maximum(
        bars(height, 0.22, 0.016, spots.pixel), bars(spots.along + 0.25 * course, 0.5, 0.016, spots.pixel)
    )
    tone = 0.75 + 0.5 * _cell(spots, (spots.along + 0.25 * course) / 0.5, course)
    fine = np.clip(1.5 - spots.pixel / 0.12, 0, 1)
    colours = base * (1 + fine * (tone - 1))[:, None]
    return colours + (0.6 * fine * joints)[:, None] * (np.float32(0.62) - colours), (spots.face < 4).astype(np.float32)


def _twigs(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    """Twigs before the sky: what is between them is painted, so the whole crown is labelled as a plant."""
    x, y, z = spots.point * np.float32(9)
    lines = np.abs(sample(x + 3 * spots.vary(1) + 0.6 * z, z + 0.6 * y))
    edge = np.abs(spots.relative - 0.5).max(0)
    fine = np.clip(1.6 - spots.pixel / 0.12, 0.0, 1)
    open_ = np.clip((lines - 0.16 + 0.2 * (edge - 0.3)) * 5, 0, 1) * fine + 0.5 * (1 - fine)
    return np.broadcast_to(horizon(spots.view), base.shape), open_ * 0.85


def _mesh(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    """Wire mesh, or slats with wide gaps; what is behind them is painted as grey."""
    wire = np.maximum(bars(spots.along, 0.12, 0.012, spots.pixel), bars(spots.point[2], 0.12, 0.012, spots.pixel))
    posts = np.maximum(bars(spots.along, 2.0, 0.05, spots.pixel), bar(spots.relative[2] - 0.97, 0.03, np.float32(0.02)))
    return 0.35 * horizon(spots.view) + 0.2 * base, (1 - np.maximum(wire, posts)) * (spots.face < 4) * 0.9


def _cloth(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    form, height = spots.vary(1), spots.point[2]
    stripes = bars(height, 0.16, 0.04, spots.pixel) * (form < 0.15)
    opened = (np.abs(spots.point[1]) < 0.05) * (spots.face == 1) * (form > 0.6)
    folds = np.clip(sample(spots.along * 40, height * 14), 0, 1) * 0.5
    other = np.where((form > 0.6)[:, None], np.float32(0.75), base * 0.55)
    return other, np.maximum(np.maximum(stripes, opened), folds * 0.6 * (form <= 0.6))


def _gloss(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    """Coachwork: it mirrors the sky above and the road below, and has lights, a number plate and seams."""
    variation = spots.view.world.variation
    assert variation is not None
    _, y, z = spots.relative
    ends = spots.face < 2
    colours = base * (0.55 + 0.55 * z[:, None])
    sheen = np.clip(1.2 - np.abs(z - 0.78) * 8, 0, 0.3)[:, None]
    colours += sheen * (horizon(spots.view) - colours)
    seams = bars(spots.point[0], 1.15, 0.012, spots.pixel) * ~ends
    colours *= 1 - 0.5 * seams[:, None]
    colours = np.where((z < 0.18)[:, None], base * 0.3, colours)
    inner = 0.27 + 0.12 * spots.vary(2)
    lights = (np.abs(y - 0.5) > inner) & (np.abs(z - 0.55 - 0.2 * spots.vary(3)) < 0.16) & ends
    rear = (spots.face == 0)[:, None]
    glow = 1 + 5 * variation.night
    lamp = np.where(
        rear, np.array([0.62, 0.07, 0.08], np.float32) * glow, np.array([0.88, 0.88, 0.84], np.float32) * glow
    )
    colours = np.where(lights[:, None], lamp, colours)
    plate = (np.abs(y - 0.5) < 0.14) & (np.abs(z - 0.36) < 0.09) & ends
    paper = np.where(rear, np.array([0.85, 0.72, 0.2], np.float32), np.float32(0.85))
    colours = np.where(plate[:, None], paper, colours)
    grille = (np.abs(y - 0.5) < 0.22) & (np.abs(z - 0.62) < 0.1) & (spots.face == 1)
    return np.where(grille[:, None], base * 0.35, colours), (spots.face < 4).astype(np.float32)


def _cargo(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    z, form = spots.relative[2], spots.vary(1)
    other = 0.8 * _hue(spots.vary(2))
    band = (np.abs(z - 0.3) < 0.08) * (form < 0.4)
    text = _letters(spots, spots.point[2] - spots.bounds[spots.part][:, :, 2].mean(1) - 0.2, 0.7) * (form > 0.25)
    seams = bars(spots.along, 1.2, 0.012, spots.pixel) * 0.5
    shade = np.where((band + text > seams)[:, None], other, base * 0.6)
    return shade, np.maximum(np.maximum(band, text), seams) * (spots.face < 4)


def _spokes(spots: Spots, base: Floats, glass: Floats) -> tuple[Array, Array]:
    x, z = spots.relative[0] - 0.5, spots.relative[2] - 0.5
    radius = np.hypot(x, z)
    spokes = np.abs(np.sin(7 * np.arctan2(z, x))) < 0.25
    return np.broadcast_to(np.float32(0.5), base.shape), 0.75 * np.clip((0.4 - radius) * 12 + 0.5, 0, 1) * ~spokes


PATTERNS = {
    Material.FACADE: _facade,
    Material.TILES: _tiles,
    Material.BRICKS: _bricks,
    Material.TWIGS: _twigs,
    Material.MESH: _mesh,
    Material.CLOTH: _cloth,
    Material.GLOSS: _gloss,
    Material.CARGO: _cargo,
    Material.SPOKES: _spokes,
}
"""The pattern of every material of varied things: spots, base colours and glass to colours and their amounts."""
