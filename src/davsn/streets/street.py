"""Today's street: the road, the drive and the lanes of a world of variety 0."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from davsn.streets import furniture, vehicles
from davsn.streets.lanes import Builders, Lane
from davsn.streets.road import BEHIND, FORESIGHT, Drive, Road

SPEEDS, SWINGS, PERIODS = (6.5, 11.0), (0.2, 0.75), (5.0, 12.0)
"""The ranges of a drive's mean speed in metres a second, its variation, and the time between slowdowns."""


def build(rng: Generator, reach: float) -> tuple[Road, Drive, tuple[Lane, ...]]:
    """Build a street of variety 0; ``reach`` is the most metres that will be driven in it."""
    wavelengths = rng.uniform(150, 420, 2)
    bends = np.stack([rng.uniform(0.1, 0.9, 2) * wavelengths / 700, wavelengths, rng.uniform(0, 2 * np.pi, 2)], 1)
    lanes = int(rng.choice([1, 2], p=[0.75, 0.25]))
    road = Road(
        reach=reach + FORESIGHT + 2 * BEHIND,
        bends=bends,
        lanes=lanes,
        block=float(rng.uniform(64, 96)),
        parking=float(rng.uniform(2.1, 2.5)) if rng.random() < 0.7 else 0.2,
        walk=float(rng.uniform(3.2, 5.0)),
        paved=rng.random((64, 2)) < 0.2,
    )
    drive = Drive(
        road,
        lateral=road.lane_width * (lanes - 0.5),
        height=float(rng.uniform(1.4, 1.9)),
        pitch=float(rng.uniform(0.02, 0.06)),
        speed=float(rng.uniform(*SPEEDS)),
        swing=float(rng.uniform(*SWINGS)),
        period=float(rng.uniform(*PERIODS)),
        phase=float(rng.uniform(0, 2 * np.pi)),
    )
    return road, drive, tuple(_standing(road, rng)) + tuple(_moving(road, drive, rng))


def _standing(road: Road, rng: Generator) -> Iterator[Lane]:
    """The standing lanes on each side of the street: parked vehicles, street furniture, gardens, houses."""
    kerb, walk, cross = road.kerb, road.walk, road.crossing
    green = float(rng.uniform(0.8, 1.2))
    for side, turn in ((1, 0.0), (-1, np.pi)):
        garden = float(rng.uniform(2.5, 9.0))
        if road.parking > 1:
            share = float(rng.uniform(0.15, 0.6))
            yield Lane(_PARKED, 6.4, side * (kerb - 1.1), share, (0.4, 0.1), turn, clear=cross + 7)
        edge = Lane(((furniture.tree, 1),), 11.0, side * (kerb + 0.7), 0.5 * green, (2, 0.1), turn, clear=cross + 5)
        yield edge
        yield replace(edge, builders=((furniture.lamp, 1),), spacing=23.0, share=0.8, jitter=(1, 0.05))
        yield replace(edge, builders=((furniture.sign, 1),), spacing=17.0, share=0.75, jitter=(5, 0.1), clear=cross)
        for before in (1, -1):
            start = road.block / 2 - before * (cross + 3.2)
            yield Lane(((furniture.traffic_light, 1),), road.block, side * (kerb + 0.4), 0.9, turn=turn, start=start)
        yield replace(edge, builders=_PARKED_CYCLES, spacing=4.5, share=0.3, jitter=(1, 0.2), turn=turn + 1.2)
        standing = ((vehicles.person, 1),)
        yield Lane(standing, 6.0, side * (kerb + 1.7), 0.25, (2, 0.6), turn + np.pi / 2)
        plot = kerb + walk
        border = ((furniture.fence, 0.55), (furniture.hedge, 0.2)) if rng.random() < 0.7 else ((furniture.hedge, 1),)
        yield Lane(border, 4.0, side * (plot + 0.5), 0.4, (0, 0), turn, clear=cross + 5)
        plants = ((furniture.bush, 0.5), (furniture.tree, 0.35), (furniture.conifer, 0.25))
        yield Lane(plants, 6.0, side * (plot + 0.6 + garden / 2), 0.45 * green, (2, garden / 4), turn, clear=cross + 5)
        row = Lane(((furniture.house, 1),), 17.5, side * (plot + garden + 7), 0.86, (0.3, 0.8), turn, clear=cross + 11)
        yield row
        trees = ((furniture.tree, 0.5), (furniture.conifer, 0.5))
        yield Lane(trees, 8.0, side * (plot + garden + 18), 0.6, (2.5, 3), turn, clear=cross + 3)
        yield replace(
            row, builders=((furniture.tower, 1),), spacing=27.0, lateral=side * (plot + garden + 38), share=0.7, clear=8
        )


def _moving(road: Road, drive: Drive, rng: Generator) -> Iterator[Lane]:
    """The moving lanes: traffic, cyclists and pedestrians."""
    cycle_way = road.kerb - road.parking - 0.45
    for lane in range(road.lanes):
        lateral = road.lane_width * (lane + 0.5)
        speed = float(rng.uniform(6, 11))
        yield Lane(_TRAFFIC, 21.0, -lateral, 0.55, (4, 0.2), np.pi, -speed)
        if lane + 1 < road.lanes:
            yield Lane(_TRAFFIC, 21.0, lateral, 0.5, (4, 0.2), 0.0, drive.speed * float(rng.uniform(0.8, 1.1)))
    yield Lane(_TRAFFIC, float(rng.uniform(17, 30)), drive.lateral, 0.6, (2, 0.2), 0.0, None)
    riders = ((vehicles.bicycle, 0.75), (vehicles.motorcycle, 0.25))
    yield Lane(riders, 26.0, cycle_way, 0.4, (5, 0.15), 0.0, float(rng.uniform(3.5, 5)))
    yield Lane(riders, 19.0, -cycle_way, 0.5, (5, 0.15), np.pi, -float(rng.uniform(3.5, 5)))
    for side in (1, -1):
        for direction, spacing in ((1, 7.0), (-1, 9.0)):
            lateral = side * (road.kerb + road.walk * (0.55 if direction > 0 else 0.75))
            pace = direction * float(rng.uniform(1.0, 1.6))
            yield Lane(
                ((vehicles.person, 1),), spacing, lateral, 0.4, (2.5, 0.3), 0.0 if direction > 0 else np.pi, pace
            )


_PARKED: Builders = ((vehicles.car, 0.9), (vehicles.parked_motorcycle, 0.1))
_PARKED_CYCLES: Builders = ((vehicles.parked_bicycle, 0.8), (vehicles.parked_motorcycle, 0.2))
_TRAFFIC: Builders = (
    (vehicles.car, 0.64),
    (vehicles.truck, 0.14),
    (vehicles.bus, 0.12),
    (vehicles.motorcycle, 0.1),
)
