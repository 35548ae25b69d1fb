"""The sky and the light of varied clips: sun, clouds, dusk, night, cast shadows. They change colours only."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from davsn.streets.camera import Floats
from davsn.streets.casting import CURVED
from davsn.streets.noise import sample
from davsn.streets.render import BACKDROP, BONNET, GROUND, PARTS, SKY, View
from davsn.streets.road import Passage, Pose
from davsn.streets.sight import Placed
from davsn.streets.variety import Variation

_CELL = 0.125
"""Metres of a cell of the map of shadows."""
_REACH, _BACK, _WIDE = 70.0, 10.0, 20.0
"""Metres ahead of and behind the camera, and to each side of the street's middle, that the map of shadows spans."""
_DETAILED = 30.0
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
    shade = facing[..., None] * sunlight.astype(np.float32) + (0.72 + 0.28 * up)[..., None] * skylight.astype(
        np.float32
    )
    shade = flat[..., None] * (1 - drawn.variety) + np.float32(drawn.variety) * shade
    if drawn.night:
        shade = shade * (1 - np.float32(drawn.night) * np.array([0.92, 0.9, 0.85], np.float32)) + _headlights(
            view, drawn
        )
    if view.world.road.passage is not None:
        shade *= _beneath(view, view.world.road.passage)[..., None]
    shade[(view.part == SKY) | (view.part == BACKDROP)] = 1
    return np.asarray(shade, np.float32)


def _beneath(view: View, passage: Passage) -> Floats:
    """The light (H, W) that is left beneath what is above the road: less, the further in."""
    tracks = [view.world.track(item.thing, view.time)[0] for item in view.placed]
    above = [item.thing.lane.special for item in view.placed]
    owner = view.owner()[view.part]
    s = np.where(view.part == GROUND, view.point[0], np.array([*tracks, 0.0], np.float32)[owner])
    s += np.array([*above, False])[owner] * view.point[0]
    inside = np.where((owner >= 0) | (view.part == GROUND), passage.inside(s), 0)
    lamps = 0.06 * np.cos(2 * np.pi / 8 * (s - passage.middle))
    return np.asarray(1 - (0.68 + lamps) * (1 - np.exp(-np.maximum(inside, 0) / 4)), np.float32)


def _strengths(drawn: Variation) -> tuple[float, float]:
    """The strengths of sun and sky."""
    clear = 1 - min(drawn.overcast, 1.0)
    return 1.2 * clear, 0.95 - 0.35 * clear


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
    """Darken the ground (H, W, 3) beneath things and in the sun's shadows, and light it below lamps, in place."""
    drawn = _drawn(view)
    here = view.world.drive.travelled(view.time)
    ground = np.flatnonzero(view.part.reshape(-1) == GROUND)
    s, lateral = view.point.reshape(3, -1)[:2, ground]
    s = s - np.float32(here)
    casters = [item for item in view.placed if item.thing.slot.model.shadow and item.nearest < _REACH]
    contact = _Map()
    places = [_place(view, item, here) for item in casters]
    models = [item.thing.slot.model for item in casters]
    whole = np.array([[model.low, model.high] for model in models]).reshape(-1, 2, 3)
    for hull, model in zip(_hulls(places, whole, 0.15, np.zeros((len(models), 2))), models, strict=True):
        contact.fill(hull, model.shadow)
    factor = 1 - contact.read(s, lateral, 9)
    direct, ambient = _strengths(drawn)
    lost = direct * drawn.elevation / np.hypot(1, drawn.elevation)
    sunny = lost / (lost + ambient) * drawn.variety * (1 - drawn.night)
    if sunny > 0.05:
        factor *= 1 - np.float32(sunny) * _sun_shadows(view, casters, places, here).read(s, lateral, 3)
    colours = base.reshape(-1, 3)
    if drawn.night:
        pools = _Map()
        for place, model in zip(places, models, strict=True):
            if model.high[2] > 4.5 and model.high[1] < 3:
                pools.pool(place.x, place.y, 5.0)
        glow = pools.read(s, lateral, 31)[:, None] * np.array([7.0, 5.4, 3.2], np.float32)
        colours[ground] *= 1 + np.float32(drawn.night) * glow
    colours[ground] *= factor[:, None]


def _place(view: View, item: Placed, here: float) -> Pose:
    """The place of a thing: x is along the street from the camera, y is lateral; the heading is the street's own."""
    s, lateral, turn = view.world.track(item.thing, view.time)
    return Pose(s - here, lateral, turn)


def _sun_shadows(view: View, casters: Sequence[Placed], places: Sequence[Pose], here: float) -> "_Map":
    """The map of the sun's shadows: every part casts its own where the thing is near."""
    drawn, shadows = _drawn(view), _Map()
    owners, bounds = [], []
    for number, item in enumerate(casters):
        model = item.thing.slot.model
        own = model.bounds if item.nearest < _DETAILED else np.array([[model.low, model.high]])
        own = own[np.ptp(own, axis=1)[:, :2].max(1) > 0.1]
        owners += [number] * len(own)
        bounds.append(own)
    if not owners:
        return shadows
    headings = np.array([view.world.road.heading(place.x + here) for place in places])[owners]
    angle = drawn.azimuth - headings
    away = -np.stack([np.cos(angle), -np.sin(angle)], 1) / drawn.elevation
    for hull in _hulls([places[owner] for owner in owners], np.concatenate(bounds), 0.0, away):
        shadows.fill(hull, 1.0)
    return shadows


def _hulls(
    places: Sequence[Pose], bounds: NDArray[np.floating], more: float, away: NDArray[np.floating]
) -> NDArray[np.int32]:
    """The corners (N, 8, 2) of boxes, cast on the ground: in cells of the map with four bits of fraction.

    Args:
        places: N places.
        bounds: (N, 2, 3) in the axes of the places.
        more: metres by which boxes are larger on each side.
        away: (N, 2) metres that a point moves on the ground for each metre above it.
    """
    x, y, turn = np.array([(place.x, place.y, place.heading) for place in places]).reshape(-1, 3).T[:, :, None]
    low, high = bounds[:, 0, :2] - more, bounds[:, 1, :2] + more
    ahead = np.stack([low[:, 0], high[:, 0], high[:, 0], low[:, 0]], 1)
    left = np.stack([low[:, 1], low[:, 1], high[:, 1], high[:, 1]], 1)
    cos, sin = np.cos(turn), np.sin(turn)
    corners = np.stack([cos * ahead - sin * left + x + _BACK, y - sin * ahead - cos * left + _WIDE], 2)
    cast = [corners + (away * bounds[:, level, 2, None])[:, None] for level in (0, 1)]
    return np.asarray((np.concatenate(cast, 1) / _CELL * 16).clip(-30000, 60000), np.int32)


class _Map:
    """A map of the ground ahead of the camera: how dark or bright it is, in cells of ``_CELL`` metres."""

    def __init__(self) -> None:
        self.cells = np.zeros((int(2 * _WIDE / _CELL), int((_REACH + _BACK) / _CELL)), np.uint8)

    def fill(self, corners: NDArray[np.int32], strength: float) -> None:
        """Fill the hull of corners (8, 2), as :func:`_hulls` has them."""
        cv2.fillConvexPoly(self.cells, cv2.convexHull(corners), int(255 * strength), cv2.LINE_8, 4)

    def pool(self, x: float, lateral: float, radius: float) -> None:
        """Fill a disc."""
        centre = int((x + _BACK) / _CELL), int((lateral + _WIDE) / _CELL)
        cv2.circle(self.cells, centre, int(radius / _CELL), 255, -1)

    def read(self, x: Floats, lateral: Floats, blur: int) -> Floats:
        """The values (N,) at places, 0 to 1, blurred over ``blur`` cells; 0 outside the map."""
        if not x.size:
            return x
        smooth = cv2.blur(self.cells, (blur, blur))
        rows = -(-x.size // 256)
        u, v = (
            np.resize((value + np.float32(offset)) * np.float32(1 / _CELL), (rows, 256))
            for value, offset in ((x, _BACK), (lateral, _WIDE))
        )
        found = cv2.remap(smooth, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        return np.asarray(found.reshape(-1)[: x.size] * np.float32(1 / 255))
