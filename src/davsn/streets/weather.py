"""The sky and the light of varied clips: sun, clouds, dusk, night with lamps, and cast shadows. They change colours only."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davsn.streets.camera import Floats
from davsn.streets.casting import CURVED
from davsn.streets.noise import sample
from davsn.streets.render import BACKDROP, BONNET, GROUND, PARTS, SKY, View
from davsn.streets.road import Pose
from davsn.streets.variety import Variation

_CELL = 0.125
"""Metres of a cell of the map of shadows."""
_REACH, _WIDE = 80.0, 24.0
"""Metres ahead of the camera, and to each side of the street's middle, that the map of shadows spans."""
_DETAILED = 40.0
"""Metres within which every part of a thing casts its own shadow."""


def _drawn(view: View) -> Variation:
    assert view.world.variation is not None
    return view.world.variation


def sky_colours(drawn: Variation) -> tuple[Floats, Floats]:
    """The colours (3,) of the sky at the horizon and high above."""
    grey, low = min(drawn.overcast, 1.0), np.clip(1 - drawn.elevation / 0.5, 0, 1)
    clear_low = np.array([0.72, 0.84, 0.97]) * (1 - low) + np.array([0.98, 0.76, 0.54]) * low
    clear_high = np.array([0.32, 0.55, 0.9]) * (1 - low) + np.array([0.42, 0.5, 0.7]) * low
    dull = 1.0 - 0.35 * np.clip(drawn.overcast - 1, 0, 1)
    horizon = clear_low * (1 - grey) + np.array([0.9, 0.91, 0.92]) * grey * dull
    zenith = clear_high * (1 - grey) + np.array([0.72, 0.75, 0.79]) * grey * dull
    whiter = 0.55 * min(max(drawn.palette, 0.0), 1.0)
    horizon, zenith = horizon + whiter * (1 - horizon), zenith + 0.7 * whiter * (0.95 - zenith)
    dark = drawn.night * np.array([0.93, 0.92, 0.87])
    return (horizon * (1 - dark)).astype(np.float32), (zenith * (1 - dark)).astype(np.float32)


def horizon(view: View) -> Floats:
    """The colour (3,) of the sky near the horizon, as surfaces mirror it, before the light is applied."""
    drawn = _drawn(view)
    return np.asarray(sky_colours(drawn)[0] / np.float32(max(1 - 0.8 * drawn.night, 0.2)))


def paint_sky(base: Floats, view: View) -> None:
    """Paint sky, clouds and the line of far trees, in place."""
    drawn, sky = _drawn(view), view.part == SKY
    low, high = sky_colours(drawn)
    x, y, z = view.point[:, sky]
    height = z / np.hypot(x, y)
    blend = np.clip(height / 0.6, 0, 1)[:, None] ** 0.7
    azimuth = np.arctan2(y, x)
    scale = 1.0 + view.world.look % 5
    cloud = sample(azimuth * 12 * scale + view.world.look % 251, height * 30 * scale)
    amount = np.clip(cloud * 1.6 + 0.9 * min(drawn.overcast, 1.0) - 0.5, 0, 1)[:, None] * 0.7
    shade = np.clip(0.75 + 0.3 * sample(azimuth * 9 + 77, height * 22), 0, 1)[:, None]
    white = (np.float32(0.98) * shade + (1 - shade) * low * 0.75) * (1 - np.float32(0.93 * drawn.night))
    base[sky] = (low + blend * (high - low)) * (1 - amount) + amount * white
    base[view.part == BACKDROP] = 0.6 * base[view.part == BACKDROP] * (1 - drawn.night) + 0.4 * low


def light(view: View, headings: Floats, flat: Floats) -> Floats:
    """The light (H, W, 3) on surfaces; ``flat`` is the light (H, W) of today's streets, which variety replaces."""
    drawn = _drawn(view)
    sun = np.array([np.cos(drawn.azimuth), np.sin(drawn.azimuth), drawn.elevation])
    sun /= np.linalg.norm(sun)
    facing, up = _facing(view, headings, sun.astype(np.float32))
    direct, ambient = _strengths(drawn)
    ground = ambient + direct * sun[2]
    warm = np.clip(1 - drawn.elevation / 0.6, 0, 1) * 0.25
    sunlight = direct / ground * np.array([1 + warm, 1.0, 1 - warm])
    skylight = ambient / ground * np.array([1 - 0.4 * warm, 1.0, 1 + 0.4 * warm])
    shade = facing[..., None] * sunlight.astype(np.float32) + (0.72 + 0.28 * up)[..., None] * skylight.astype(np.float32)
    shade = flat[..., None] * (1 - drawn.variety) + np.float32(drawn.variety) * shade
    if drawn.night:
        shade = shade * (1 - np.float32(drawn.night) * np.array([0.92, 0.9, 0.85], np.float32)) + _headlights(view, drawn)
    shade[(view.part == SKY) | (view.part == BACKDROP)] = 1
    return np.asarray(shade, np.float32)


def _strengths(drawn: Variation) -> tuple[float, float]:
    """The strengths of sun and sky."""
    clear = 1 - min(drawn.overcast, 1.0)
    return 1.5 * clear, 0.95 - 0.5 * clear


def _headlights(view: View, drawn: Variation) -> Floats:
    x = (np.arange(view.camera.size[0]) - view.camera.centre[0]) / view.camera.focal
    near = np.exp(-np.minimum(view.depth, 300) / 22) * np.exp(-((x[None] / 0.45) ** 2))
    near[view.part == BONNET] = 0.05
    return np.asarray(drawn.night * near[..., None] * np.array([0.75, 0.7, 0.6]), np.float32)


def _facing(view: View, headings: Floats, sun: Floats) -> tuple[Floats, Floats]:
    """How much surfaces (H, W) face the sun, 0 to 1, and how much they face up, -1 to 1."""
    turn = headings[view.part]
    outward = np.array([np.pi, 0, -np.pi / 2, np.pi / 2, 0, 0, 0], np.float32)[view.face] + turn
    up = np.array([0, 0, 0, 0, -1, 1, 0], np.float32)[view.face]
    up[view.part < PARTS] = 1
    level = np.hypot(sun[0], sun[1])
    toward = np.where(up == 0, level * np.cos(outward - np.arctan2(sun[1], sun[0])), up * sun[2])
    index = np.flatnonzero((view.face == CURVED) & (view.part >= PARTS))
    middle, radii = view.shapes
    part = view.part.reshape(-1)[index]
    x, y, z = (view.point.reshape(3, -1)[:, index] - middle[:, part]) / radii[:, part] ** 2
    cos, sin, length = np.cos(turn.reshape(-1)[index]), np.sin(turn.reshape(-1)[index]), np.sqrt(x**2 + y**2 + z**2)
    toward.reshape(-1)[index] = ((cos * x - sin * y) * sun[0] + (sin * x + cos * y) * sun[1] + z * sun[2]) / length
    up.reshape(-1)[index] = z / length
    return np.maximum(toward, 0).astype(np.float32), up


def cast_shadows(base: Floats, view: View) -> None:
    """Darken the ground (H, W, 3) beneath things and where the sun does not reach, and light it below lamps, in place."""
    drawn = _drawn(view)
    here = view.world.drive.travelled(view.time)
    sun, contact, pools = _Map(), _Map(), _Map()
    direct, ambient = _strengths(drawn)
    lost = direct * drawn.elevation / np.hypot(1, drawn.elevation)
    sunny = lost / (lost + ambient) * drawn.variety * (1 - drawn.night)
    for placed in view.placed:
        thing, nearest = placed.thing, placed.nearest
        model, slot = thing.slot.model, thing.slot
        if not model.shadow or nearest > _REACH:
            continue
        s = slot.s + view.world.shift(thing.lane, view.time)
        place = Pose(s - here, slot.lateral, slot.turn)
        contact.add(place, _corners(model.low, model.high, 0.15), model.shadow)
        if sunny > 0.05:
            angle = drawn.azimuth - view.world.road.heading(s)
            away = -np.array([np.cos(angle), -np.sin(angle)]) / drawn.elevation
            for low, high in model.bounds if nearest < _DETAILED else [(model.low, model.high)]:
                sun.add(place, _corners(low, high, 0.0), 1.0, (away * low[2], away * high[2]))
        if drawn.night and model.high[2] > 4.5 and model.high[1] < 3:
            pools.pool(s - here, slot.lateral, 5.0)
    ground = np.flatnonzero(view.part.reshape(-1) == GROUND)
    s, lateral = view.point.reshape(3, -1)[:2, ground]
    factor = 1 - contact.read(s - here, lateral, 9)
    if sunny > 0.05:
        factor *= 1 - np.float32(sunny) * sun.read(s - here, lateral, 3)
    colours = base.reshape(-1, 3)
    if drawn.night:
        glow = pools.read(s - here, lateral, 31)[:, None] * np.array([7.0, 5.4, 3.2], np.float32)
        colours[ground] *= 1 + np.float32(drawn.night) * glow
    colours[ground] *= factor[:, None]


def _corners(low: NDArray[np.floating], high: NDArray[np.floating], more: float) -> NDArray[np.floating]:
    """The corners (4, 2) of a rectangle on the ground, which is larger by ``more`` metres on each side."""
    (x, y), (far_x, far_y) = low[:2] - more, high[:2] + more
    return np.array([[x, y], [far_x, y], [far_x, far_y], [x, far_y]])


class _Map:
    """A map of the ground ahead of the camera: how dark or bright it is, in cells of ``_CELL`` metres."""

    def __init__(self) -> None:
        self.cells = np.zeros((int(2 * _WIDE / _CELL), int((_REACH + 10) / _CELL)), np.uint8)
        self.offset = np.array([10.0, _WIDE])

    def add(
        self,
        place: Pose,
        corners: NDArray[np.floating],
        strength: float,
        shifts: tuple[NDArray[np.floating], ...] = (np.zeros(2),),
    ) -> None:
        """Add the hull of a thing's corners, each moved by all ``shifts``; x is along the street, y is lateral."""
        cos, sin = np.cos(place.heading), np.sin(place.heading)
        x, y = corners.T
        turned = np.stack([cos * x - sin * y, -(sin * x + cos * y)], 1) + (place.x, place.y)
        points = np.concatenate([turned + shift for shift in shifts]) + self.offset
        hull = cv2.convexHull((points / _CELL * 16).clip(-30000, 60000).astype(np.int32))
        cv2.fillConvexPoly(self.cells, hull, int(255 * strength), cv2.LINE_8, 4)

    def pool(self, x: float, lateral: float, radius: float) -> None:
        """Add a disc."""
        centre = ((np.array([x, lateral]) + self.offset) / _CELL).astype(int)
        cv2.circle(self.cells, tuple(centre.tolist()), int(radius / _CELL), 255, -1)

    def read(self, x: Floats, lateral: Floats, blur: int) -> Floats:
        """The values (N,) at places, 0 to 1, blurred over ``blur`` cells; 0 outside the map."""
        smooth = cv2.blur(self.cells, (blur, blur))
        rows = -(-x.size // 256)
        u, v = (
            np.resize((value + offset) / np.float32(_CELL), (rows, 256)).astype(np.float32)
            for value, offset in ((x, self.offset[0]), (lateral, self.offset[1]))
        )
        found = cv2.remap(smooth, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        return np.asarray(found.reshape(-1)[: x.size] / np.float32(255))

