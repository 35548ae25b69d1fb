"""From colours to an image: ``game`` shows them unchanged, ``camera`` adds the effects of air, lens and sensor."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davsn.streets.camera import Floats
from davsn.streets.optics import through_air_and_glass
from davsn.streets.render import View

HAZE_DISTANCE = 90.0
"""Metres over which the haze of ``camera`` replaces 1 - 1/e of a colour, at most."""


def develop(colours: Floats, view: View, share: float) -> NDArray[np.uint8]:
    """Make the image (H, W, 3) uint8 of a frame from the colours of its surfaces.

    Args:
        colours: (H, W, 3) colours from :func:`appearance.colour`; changed in place.
        view: the geometry of the frame.
        share: the strength of haze, lens and sensor: 0 for ``game``, up to 1 for ``camera``.
    """
    if view.world.variation is not None:
        colours = through_air_and_glass(colours, view)
    if share > 0:
        colours = _photograph(colours, view, share)
    return (np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)


def _photograph(colours: Floats, view: View, share: float) -> Floats:
    look = np.random.default_rng([view.world.look, 3])
    thickness, warmth, tint = look.uniform(0.5, 1.0), look.uniform(-1, 1), look.uniform(-1, 1)
    phase, level = look.uniform(0, 2 * np.pi), look.uniform(-1, 1)
    hazy = 1 - np.exp(-np.minimum(view.depth, 400) / HAZE_DISTANCE)
    hazy = (0.75 * share * thickness * hazy)[..., None].astype(np.float32)
    colours = colours * (1 - hazy) + hazy * np.array([0.80, 0.81, 0.82], np.float32)
    width, height = view.camera.size
    x = (np.arange(width) - view.camera.centre[0]) / (width / 2)
    y = (np.arange(height) - view.camera.centre[1]) / (width / 2)
    vignette = 1 - 0.38 * share * (x[None] ** 2 + y[:, None] ** 2)
    drift = np.sin(0.8 * view.time + phase) + 0.5 * np.sin(2.3 * view.time + 2 * phase)
    exposure = 2 ** (share * (0.28 * drift + 0.22 * level))
    balance = np.array([1 + 0.09 * warmth, 1 + 0.04 * tint, 1 - 0.11 * warmth]) * share + (1 - share)
    colours = colours * (vignette[..., None] * (exposure * balance)).astype(np.float32)
    colours = cv2.GaussianBlur(colours, (0, 0), max(0.75 * share * width / 256, 0.05))
    sensor = np.random.default_rng([view.world.look, round(view.time * 1000)])
    noise = sensor.standard_normal(colours.shape, np.float32)
    return np.asarray(colours + noise * np.float32(0.035 * share) * (0.5 + colours))
