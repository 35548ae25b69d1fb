"""What weather, glass and sensor do to the image of a varied clip. They change colours only."""

import cv2
import numpy as np

from davsn.streets.camera import Floats
from davsn.streets.noise import sample
from davsn.streets.render import BONNET, GROUND, View
from davsn.streets.variety import Variation
from davsn.streets.weather import sky_colours


def through_air_and_glass(colours: Floats, view: View) -> Floats:
    """The image (H, W, 3) of a varied clip, from the colours of its surfaces."""
    drawn = view.world.variation
    assert drawn is not None
    if drawn.wet:
        colours = _reflections(colours, view, drawn)
    if drawn.fog:
        thick = 1 - np.exp(-np.minimum(view.depth, 400) * np.float32(drawn.fog))
        colours = colours + thick[..., None] * (sky_colours(drawn)[0] - colours)
    if drawn.rain or drawn.snow > 0.3:
        colours = _fall(colours, view, drawn)
    if drawn.shutter:
        colours = _motion_blur(colours, view, drawn)
    x, y = _plane(view)
    if drawn.dirt:
        colours = _smears(colours, view, drawn, x, y)
    darker = 1 - np.float32(drawn.vignette) * (x**2 + y**2)
    warm = np.array([1 + 0.1 * drawn.warmth, 1.0, 1 - 0.14 * drawn.warmth], np.float32)
    stops = drawn.exposure + drawn.swings * np.sin(1.1 * view.time + view.world.look % 6)
    lit = colours * (darker[..., None] * warm * np.float32(2**stops))
    if drawn.contrast:
        lit = np.clip(lit, 0, 1.5) ** np.float32(2**drawn.contrast)
    return np.asarray(lit, np.float32)


def _plane(view: View) -> tuple[Floats, Floats]:
    """The place (1, W) and (H, 1) of pixels in half widths from the centre."""
    width, height = view.camera.size
    x = (np.arange(width, dtype=np.float32) - view.camera.centre[0])[None] / (width / 2)
    y = (np.arange(height, dtype=np.float32) - view.camera.centre[1])[:, None] / (width / 2)
    return x, y


def _motion_blur(colours: Floats, view: View, drawn: Variation) -> Floats:
    """Average the image along the motion that the camera's own drive gives each pixel while the shutter is open.

    A point at depth z moves away from the point that the camera drives to, by ``driven / z`` of its distance from it.
    """
    width, height = view.camera.size
    across, goal = view.camera.centre
    goal -= view.camera.focal * np.tan(view.camera.pose.pitch)
    moved = np.minimum(np.float32(drawn.speed * drawn.shutter) / view.depth, np.float32(0.1)) * (view.part != BONNET)
    u, v = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    way = ((u - np.float32(across)) * moved, (v - np.float32(goal)) * moved)
    shifts, edge = np.linspace(-0.5, 0.5, 5, dtype=np.float32), cv2.BORDER_REPLICATE
    seen = [cv2.remap(colours, u + t * way[0], v + t * way[1], cv2.INTER_LINEAR, borderMode=edge) for t in shifts]
    return np.asarray(np.mean(seen, 0), np.float32)


def _reflections(colours: Floats, view: View, drawn: Variation) -> Floats:
    """Mirror what is above the horizon in the wet ground, blurred along the columns."""
    width, height = view.camera.size
    axis = view.camera.axes
    middle = view.camera.centre[1] - view.camera.focal * np.tan(view.camera.pose.pitch)
    rows = np.clip(2 * middle - np.arange(height, dtype=np.float32), 0, height - 1)
    u, v = np.meshgrid(np.arange(width, dtype=np.float32), rows)
    tall = max(int(height * 0.05) | 1, 3)
    above = cv2.blur(colours, (3, tall))
    mirrored = cv2.remap(above, u, v.astype(np.float32), cv2.INTER_LINEAR)
    grazing = np.clip(1 - np.abs(axis[0][2]) - 1.2 / np.maximum(view.depth, 1), 0.15, 0.9)
    s, lateral = view.point[0], view.point[1]
    pools = np.clip(0.6 + 0.9 * sample(s * 0.9, lateral * 1.7 + 120), 0.1, 1)
    amount = drawn.wet * grazing * pools * (view.part == GROUND)
    return np.asarray(colours + amount[..., None].astype(np.float32) * (mirrored - colours), np.float32)


def _fall(colours: Floats, view: View, drawn: Variation) -> Floats:
    """Streaks of rain, or flakes of snow; other ones in every frame."""
    width, height = view.camera.size
    rng = np.random.default_rng([view.world.look, round(view.time * 1000), 6])
    layer = np.zeros((height, width), np.float32)
    many = int(width * height / 500 * max(drawn.rain, drawn.snow))
    slant = rng.uniform(-0.2, 0.2)
    for x, y, long in rng.uniform((0, 0, 0.3), (width, height, 1), (many, 3)).tolist():
        reach = 0.0 if drawn.snow > 0.3 else long * height * 0.12
        start, end = (int(x), int(y)), (int(x + slant * reach), int(y + reach))
        cv2.line(layer, start, end, long, 1 if reach else 1 + int(width > 400))
    layer = cv2.blur(layer, (3, 3)) * np.float32(0.5)
    return np.asarray(colours + layer[..., None] * (np.float32(0.9 - 0.6 * drawn.night) - colours), np.float32)


def _smears(colours: Floats, view: View, drawn: Variation, x: Floats, y: Floats) -> Floats:
    """Blur and lighten the image where the glass is dirty; the dirt stays where it is for the whole clip."""
    place = float(view.world.look % 199)
    u, v = np.broadcast_arrays(x * 22 + place, y * 22 + place)
    dirt = np.clip(sample(u, v) * 2 - 0.6, 0, 1) * drawn.dirt
    dirt[view.part == BONNET] = 0
    soft = cv2.blur(colours, (9, 9))
    dirt = (0.6 * dirt)[..., None].astype(np.float32)
    return np.asarray(colours + dirt * (0.8 * soft + np.float32(0.12) - colours), np.float32)
