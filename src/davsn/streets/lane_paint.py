"""Lanes with a surface of their own: bus lanes, cycle lanes and tram tracks. They change colours only."""

import numpy as np

from davsn.streets.camera import Floats
from davsn.streets.noise import sample
from davsn.streets.road import Road
from davsn.streets.spots import Array, bar, bars
from davsn.streets.variety import Variation

GAUGE = 1.435
"""Metres between the rails of a track."""
_SURFACES = np.array([[0.5, 0.2, 0.16], [0.24, 0.42, 0.28], [0.22, 0.34, 0.52], [0.56, 0.4, 0.2]], np.float32)
"""Red, green, blue and ochre surfaces."""


def surface(
    colours: Floats, road: Road, drawn: Variation, style: np.random.Generator, s: Array, lateral: Array, across: Array
) -> None:
    """Give bus lanes, cycle lanes and tram tracks their colours, in place.

    Args:
        colours: (N, 3) colours of points on the road.
        road: the road.
        drawn: what the clip draws.
        style: where colours and forms are drawn from.
        s: (N,) metres along the street.
        lateral: (N,) metres from the centre line.
        across: (N,) metres of a pixel across the road.
    """
    side, worn = np.abs(lateral), np.clip(0.85 + 0.4 * sample(s * 2, lateral * 2), 0.3, 1)
    sides = (lateral > 0) | (style.random() < 0.7)
    outer = road.median + road.lanes * road.lane_width
    kinds = style.integers(len(_SURFACES), size=2)
    apart = road.from_crossing(s) > road.crossing + (4.5 if style.random() < 0.6 else -100)
    stretches = apart & sides & ~road.on_roundabout(s, lateral)
    if drawn.bus_lane > 0 and road.lanes > 1:
        lane = bar(side - outer + 0.5 * road.lane_width, 0.5 * road.lane_width - 0.1, across)
        _cover(colours, lane * worn * stretches * style.uniform(0.6, 1), _SURFACES[kinds[0]])
    elif drawn.cycle_lane > 1:
        wide = min(drawn.cycle_lane, 0.45 * road.lane_width)
        lane = bar(side - outer + 0.5 * wide, 0.5 * wide, across)
        _cover(colours, lane * worn * stretches * style.uniform(0.6, 1), _SURFACES[kinds[1]])
    if drawn.tram > 0:
        _tracks(colours, side - road.median - 0.5 * road.lane_width, s, across, style)


def _cover(colours: Floats, amount: Array, colour: Floats) -> None:
    colours += np.asarray(amount, np.float32)[:, None] * (colour - colours)


def _tracks(colours: Floats, off: Array, s: Array, across: Array, style: np.random.Generator) -> None:
    """Lay a pair of rails with grooves ``off`` metres from the middle of a lane, perhaps on a bed of its own."""
    if style.random() < 0.5:
        slabs = bars(s, style.uniform(1.5, 6), 0.03, across) * 0.5
        grey = np.full(3, style.uniform(0.35, 0.6), np.float32)
        _cover(colours, 0.7 * bar(off, 1.25, across) * (1 - slabs), grey)
    rail = np.abs(off) - GAUGE / 2
    _cover(colours, 0.8 * bar(rail, 0.11, across), np.full(3, 0.2, np.float32))
    _cover(colours, bar(rail - 0.03, 0.035, across), np.full(3, style.uniform(0.5, 0.75), np.float32))
