"""What only some clips have: hills, roundabouts, and passages beneath bridges and houses or through tunnels."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.random import Generator

from davsn.streets import passages
from davsn.streets.hills import Hills
from davsn.streets.lanes import Lane
from davsn.streets.paint import pick
from davsn.streets.road import Passage, Road
from davsn.streets.variety import Variation

ROUND_SPEED = 4.5
"""Metres a second. No camera's mean speed is higher where there are roundabouts."""


def shape(road: Road, drawn: Variation, rng: Generator) -> Road:
    """The road with hills, roundabouts and passages, as drawn."""
    if drawn.hills > 0.01:
        road = replace(road, hills=_hills(drawn.hills, rng))
    if drawn.island > 1:
        wide = replace(road, crossing=max(road.crossing, 5.0))
        room = float(np.hypot(wide.crossing + 2, wide.edge)) - wide.ring
        if room > 1:
            road = replace(wide, island=min(drawn.island, room))
    if drawn.passage > 0:
        road = replace(road, passage=_passage(road, rng))
    return road


def _hills(steepest: float, rng: Generator) -> Hills:
    """Two long waves, one of them about along the street, whose slopes together are at most ``steepest``."""
    lengths, directions = rng.uniform((140, 90), (320, 200)), rng.uniform((-0.4, -1.5), (0.4, 1.5))
    shares, pace = np.array([0.7, 0.3]), 2 * np.pi / lengths
    waves = [
        steepest * shares / pace,
        pace * np.cos(directions),
        pace * np.sin(directions),
        rng.uniform(0, 2 * np.pi, 2),
    ]
    return Hills(np.stack(waves, 1))


def _passage(road: Road, rng: Generator) -> Passage | None:
    """A passage between two crossings: short, or a tunnel where the ground is flat."""
    room = road.block - 2 * max(road.crossing + 9, road.ring + 6 if road.island else 0.0)
    if room < 6:
        return None
    half = min(float(rng.uniform(3, 7)), room / 2)
    segments = int(min(room, rng.uniform(20, 90)) / passages.SEGMENT)
    if rng.random() < 0.4 and segments > 1 and road.hills is None:
        half = segments * passages.SEGMENT / 2
    middle = road.block * int(rng.integers(2)) + float(rng.uniform(-1, 1)) * (room / 2 - half)
    return Passage(middle, half, 3 * road.block)


def lanes(road: Road, rng: Generator) -> Iterator[Lane]:
    """The lanes of what stands on islands and above the road."""
    if road.island:
        things = ((partial(passages.island, radius=road.island), 1.0),)
        yield Lane(things, road.block, 0.0, 1.0, start=road.block / 2, special=True)
    place = road.passage
    if place is None:
        return
    above = Lane((), place.period, 0.0, 1.0, start=place.middle, special=True)
    if place.half < passages.SEGMENT:
        build = passages.gateway if rng.random() < 0.4 else passages.bridge
        yield replace(above, builders=((partial(build, edge=road.edge, half=place.half), 1.0),))
        return
    tall, wall, ceiling = float(rng.uniform(5, 6.5)), pick("concrete", rng), pick("concrete", rng)
    segment = partial(passages.tunnel, edge=road.edge, tall=tall, wall=wall, ceiling=ceiling)
    for number in range(round(2 * place.half / passages.SEGMENT)):
        start = place.middle - place.half + (number + 0.5) * passages.SEGMENT
        yield replace(above, builders=((segment, 1.0),), start=start)
    for end in (-1, 1):
        wide = partial(passages.portal, edge=road.edge, tall=tall, wall=wall, back=end > 0)
        yield replace(above, builders=((wide, 1.0),), start=place.middle + end * (place.half + 0.5))
