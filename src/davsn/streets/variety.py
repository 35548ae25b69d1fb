"""What differs from clip to clip: one draw of camera, light, layout and class shares, from the clip's own seed.

Every quantity is uniform in a range. ``variety`` moves the ends of the range from those of the home world (0) to the
widest ones (1). A clip's place within the ranges does not depend on ``variety``.
"""

from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

import numpy as np

Home = Literal["street", "dashcam"]
"""The world whose ranges hold at variety 0: the street of ``game`` and ``camera``, or that of ``dashcam``."""


@dataclass(frozen=True)
class Variation:
    """One clip's draw. Shares are 0 to 1; factors multiply the shares of the home world.

    Quantities that most clips lack, such as rain, are 0 there: their ranges begin below 0, and the draw is cut at 0.
    """

    variety: float
    """The share of things that are built by the varied builders."""
    # The things.
    crowd: float
    """Factor of pedestrians."""
    traffic: float
    """Factor of moving vehicles."""
    cyclists: float
    """Factor of riders."""
    parked: float
    """Share of the slots beside the road that hold parked vehicles."""
    furniture: float
    """Factor of poles, lamps and signs."""
    clutter: float
    """Share of slots with ignored things, such as bins."""
    greenery: float
    """Factor of trees and bushes."""
    bare: float
    """Share of trees without leaves."""
    autumn: float
    """Share of autumn colours among leaves."""
    borders: float
    """Share of plots with a wall, a fence, a railing, a guard rail or a hedge."""
    shops: float
    """Share of houses with a shop."""
    # The layout.
    built: float
    """Share of plots with a house."""
    house: float
    """Metres from house to house along the street."""
    storeys: float
    """The mean number of storeys."""
    setback: float
    """Metres between pavement and houses."""
    lanes: float
    """Traffic lanes in each direction, rounded to a whole number."""
    lane_width: float
    """Metres."""
    median: float
    """Half the width in metres of the strip between the directions; 0 for none."""
    parking: float
    """Metres of the strip for parked vehicles; below 1.5 there is no strip."""
    walk: float
    """Metres of the pavement; below 0.8 there is no pavement."""
    verge: float
    """Metres of grass between kerb and pavement."""
    block: float
    """Metres between crossings."""
    crossing: float
    """Half the width of crossing streets, in metres."""
    bend: float
    """Factor of the curvature."""
    left: float
    """Traffic keeps left where this is above 0."""
    # The camera.
    speed: float
    """Metres a second."""
    height: float
    """Metres above the road."""
    pitch: float
    """Radians, downwards."""
    roll: float
    """Radians."""
    focal: float
    """Widths of the image."""
    distortion: float
    """The coefficient of the barrel distortion."""
    bonnet: float
    """The share of the image's height that the ego vehicle covers."""
    aside: float
    """Metres from the middle of the lane."""
    # Light, weather and sensor: they change the image only.
    palette: float
    """The palette of paints, from 0 (``game``) to 1 (``camera``)."""
    azimuth: float
    """The direction of the sun in radians."""
    elevation: float
    """The tangent of the sun's elevation."""
    overcast: float
    """0: full sun, 1: no sun and a grey sky."""
    night: float
    """0: day, 1: night with lamps."""
    fog: float
    """Inverse of the distance in metres over which fog replaces 1 - 1/e of a colour."""
    wet: float
    """The strength of reflections in the road."""
    rain: float
    """The strength of rain streaks."""
    snow: float
    """Share of the ground under snow."""
    wear: float
    """The strength of patches, cracks, stains, leaves and puddles."""
    exposure: float
    """Stops."""
    contrast: float
    """The exponent of the tone curve, as a logarithm to base 2."""
    warmth: float
    """White balance."""
    vignette: float
    """Darkening in the corners."""
    dirt: float
    """The strength of smears on the lens."""
    shutter: float
    """Seconds that the shutter is open; for that time, the camera's own motion blurs the image."""
    swings: float
    """Stops by which the exposure swings around ``exposure`` in the course of a clip."""


class _Ranges(NamedTuple):
    street: tuple[float, float]
    dashcam: tuple[float, float]
    widest: tuple[float, float]
    least: float = -np.inf


# fmt: off
_RANGES = {
    "crowd": _Ranges((1, 1), (0.1, 0.6), (-0.8, 2.0), 0),
    "traffic": _Ranges((1, 1), (1.0, 1.7), (0.0, 1.8)),
    "cyclists": _Ranges((1, 1), (0.0, 0.4), (-1.0, 2.0), 0),
    "parked": _Ranges((0.15, 0.6), (0.5, 0.95), (-0.4, 0.9), 0),
    "furniture": _Ranges((1, 1), (1.2, 1.8), (0.3, 2.2)),
    "clutter": _Ranges((0, 0), (0.1, 0.4), (-0.3, 0.7), 0),
    "greenery": _Ranges((0.8, 1.2), (0.3, 0.7), (0.0, 2.0)),
    "bare": _Ranges((0, 0), (0.3, 0.8), (-0.4, 1.4), 0),
    "autumn": _Ranges((0, 0), (0, 0), (-0.6, 0.8), 0),
    "borders": _Ranges((0.4, 0.4), (0.3, 0.6), (-0.2, 1.2), 0),
    "shops": _Ranges((0.33, 0.33), (0.5, 0.9), (-0.3, 1.1), 0),
    "built": _Ranges((0.86, 0.86), (0.6, 0.8), (0.2, 1.5), 0),
    "house": _Ranges((17.5, 17.5), (8, 12), (5.5, 19)),
    "storeys": _Ranges((4.5, 4.5), (3, 5), (1.2, 7)),
    "setback": _Ranges((2.5, 9), (0.3, 2.5), (-4, 5), 0.1),
    "lanes": _Ranges((1, 1.6), (1.6, 2.4), (0.1, 1.95)),
    "lane_width": _Ranges((3.3, 3.3), (2.9, 3.1), (2.5, 3.7)),
    "median": _Ranges((0, 0), (0.8, 1.5), (-4, 2.5), 0),
    "parking": _Ranges((2.1, 2.5), (1.9, 2.1), (-1.0, 3.0)),
    "walk": _Ranges((3.2, 5), (2.0, 2.8), (1.0, 7.5), 0),
    "verge": _Ranges((0, 0), (0, 0), (-6.0, 2.0), 0),
    "block": _Ranges((64, 96), (45, 60), (40, 220)),
    "crossing": _Ranges((4, 4), (5, 6.5), (2.5, 7)),
    "bend": _Ranges((1, 1), (0.1, 0.4), (0, 1.5)),
    "left": _Ranges((-1, 0), (0.1, 1), (-1, 1)),
    "speed": _Ranges((6.5, 11), (3, 7), (2, 14)),
    "height": _Ranges((1.4, 1.9), (1.15, 1.3), (1.05, 2.6)),
    "pitch": _Ranges((0.02, 0.06), (-0.03, 0.0), (-0.06, 0.14)),
    "roll": _Ranges((0, 0), (-0.01, 0.01), (-0.03, 0.03)),
    "focal": _Ranges((0.72, 0.72), (0.56, 0.6), (0.56, 1.3)),
    "distortion": _Ranges((0, 0), (0.12, 0.18), (-0.25, 0.2), 0),
    "bonnet": _Ranges((0, 0), (0.08, 0.13), (-0.2, 0.15), 0),
    "aside": _Ranges((0, 0), (-0.3, 0.3), (-0.7, 0.7)),
    "palette": _Ranges((0, 0), (0, 0), (0.0, 1.25)),
    "azimuth": _Ranges((-3.14, 3.14), (-3.14, 3.14), (-3.14, 3.14)),
    "elevation": _Ranges((1.2, 1.2), (0.8, 1.5), (0.25, 2.0)),
    "overcast": _Ranges((0.8, 0.8), (0.5, 1.0), (-0.4, 1.6), 0),
    "night": _Ranges((0, 0), (0, 0), (-7.0, 1.0), 0),
    "fog": _Ranges((0, 0), (0, 0.004), (-0.03, 0.015), 0),
    "wet": _Ranges((0, 0), (0, 0.3), (-0.9, 0.7), 0),
    "rain": _Ranges((0, 0), (0, 0), (-2.5, 1.0), 0),
    "snow": _Ranges((0, 0), (0, 0), (-9.0, 1.0), 0),
    "wear": _Ranges((0, 0), (0.5, 1.0), (0.0, 1.2)),
    "exposure": _Ranges((0, 0), (-0.2, 0.2), (-0.5, 0.6)),
    "contrast": _Ranges((0, 0), (-0.2, 0.1), (-0.6, 0.3)),
    "warmth": _Ranges((0, 0), (-0.5, 0.5), (-1, 1)),
    "vignette": _Ranges((0, 0), (0.1, 0.3), (-0.3, 0.5), 0),
    "dirt": _Ranges((0, 0), (0.0, 0.5), (-1.0, 1.0), 0),
    "shutter": _Ranges((0, 0), (0, 0), (-0.015, 0.02), 0),
    "swings": _Ranges((0, 0), (0, 0), (-0.4, 0.5), 0),
}
# fmt: on
"""The ranges of every quantity: at variety 0 by home, and at variety 1."""


def draw(key: tuple[int, int, int], home: Home, variety: float) -> Variation:
    """Draw a clip's variation.

    Args:
        key: seed, split and clip.
        home: whose ranges hold at variety 0.
        variety: 0 to 1.
    """
    rng = np.random.default_rng([*key, 5, int(home == "dashcam")])
    drawn = {}
    for name, ranges in _RANGES.items():
        near = ranges.dashcam if home == "dashcam" else ranges.street
        low, high = ((1 - variety) * a + variety * b for a, b in zip(near, ranges.widest, strict=True))
        drawn[name] = float(max(low + rng.random() * (high - low), ranges.least))
    return Variation(variety=1.0 if home == "dashcam" else variety, **drawn)


assert [field.name for field in fields(Variation)][1:] == list(_RANGES)
