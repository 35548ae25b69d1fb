"""The world of one clip, made from a seed: the road, the drive, and lanes of things that stand or move.

Everything on and beside the road is in a *lane*: a row of slots at equal distances along the street. Each slot is
empty or holds one thing, drawn from the slot's own generator. A lane stands still, moves at its own constant speed, or
follows the camera. So the world has no end, and a thing's place depends on time alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from davsn.streets import furniture, vehicles
from davsn.streets.models import Model
from davsn.streets.road import FORESIGHT, Drive, Pose, Road

BEHIND, AHEAD = 16.0, 150.0
"""Metres along the road, behind and ahead of the camera, within which things are drawn."""

_SPEEDS, _SWINGS, _PERIODS = (6.5, 11.0), (0.2, 0.75), (5.0, 12.0)

Builder = Callable[[Generator], Model]


class WorldKey(NamedTuple):
    """The key from which a clip's world is drawn; ``reach`` is only the most metres that will be driven in it."""

    seed: int
    split: int
    clip: int
    reach: int


def fastest(seconds: float) -> float:
    """The most metres that any camera drives in the given time."""
    return _SPEEDS[1] * (seconds + _SWINGS[1] * _PERIODS[1] / np.pi)


@dataclass(frozen=True)
class Lane:
    """A row of slots along the street.

    Attributes:
        builders: the builders of things for the slots, with their weights.
        spacing: metres between slots.
        lateral: metres from the centre line, positive to the right.
        share: the share of slots that are filled, 0 to 1.
        jitter: half the range of random displacement along and across the street, in metres.
        turn: the heading relative to the street's, in radians.
        speed: metres per second along the street; None: the lane follows the camera.
        clear: slots nearer than this many metres to the middle of a crossing stay empty.
        start: the position of slot 0, in metres along the street.
    """

    builders: tuple[tuple[Builder, float], ...]
    spacing: float
    lateral: float
    share: float
    jitter: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    speed: float | None = 0.0
    clear: float = 0.0
    start: float = 0.0


class Slot(NamedTuple):
    """The content of a filled slot: a model, and its place in the lane; ``fixed`` is its pose if the lane stands."""

    model: Model
    s: float
    lateral: float
    turn: float
    fixed: Pose | None


class Thing(NamedTuple):
    """One thing in the world.

    Attributes:
        identity: a number above 15 that is unique in the world and the same at all times.
        lane: the lane that it belongs to.
        slot: its model and its place in the lane.
    """

    identity: int
    lane: Lane
    slot: Slot


@dataclass(frozen=True, eq=False)
class World:
    """The world of one clip: its road, drive and lanes."""

    key: WorldKey
    road: Road
    drive: Drive
    lanes: tuple[Lane, ...]

    @cached_property
    def look(self) -> int:
        """A seed for the clip's own weather and light."""
        return int(np.random.default_rng([*self.key[:3], 77]).integers(2**31))

    def shift(self, lane: Lane, time: float) -> float:
        """The metres that a lane has moved along the street at ``time`` seconds."""
        if lane.speed is None:
            return self.drive.travelled(time) + 3.0 * float(np.sin(0.35 * time + lane.spacing))
        return lane.speed * time

    def pose(self, thing: Thing, time: float) -> Pose:
        """The pose of a thing at ``time`` seconds."""
        if thing.slot.fixed is not None:
            return thing.slot.fixed
        s = thing.slot.s + self.shift(thing.lane, time)
        return self.road.place(s, thing.slot.lateral, thing.slot.turn)

    def things(self, time: float) -> Iterator[Thing]:
        """All things near the camera at ``time`` seconds."""
        here = self.drive.travelled(time)
        for number, lane in enumerate(self.lanes):
            start = here - self.shift(lane, time) - lane.start
            first, last = (int(np.floor((start + edge) / lane.spacing)) for edge in (-BEHIND, AHEAD))
            for index in range(1 if lane.speed is None else first, last + 1):
                slot = _slot(self.key, number, index)
                if slot is not None:
                    yield Thing((number + 1 << 32) + index, lane, slot)


@lru_cache(maxsize=6)
def world(key: WorldKey) -> World:
    """Make the world of a key. Equal keys give equal worlds, in any process."""
    rng = np.random.default_rng([*key[:3], 1])
    wavelengths = rng.uniform(150, 420, 2)
    bends = np.stack([rng.uniform(0.1, 0.9, 2) * wavelengths / 700, wavelengths, rng.uniform(0, 2 * np.pi, 2)], 1)
    lanes = int(rng.choice([1, 2], p=[0.75, 0.25]))
    road = Road(
        reach=key.reach + FORESIGHT + 2 * BEHIND,
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
        speed=float(rng.uniform(*_SPEEDS)),
        swing=float(rng.uniform(*_SWINGS)),
        period=float(rng.uniform(*_PERIODS)),
        phase=float(rng.uniform(0, 2 * np.pi)),
    )
    return World(key, road, drive, tuple(_standing(road, rng)) + tuple(_moving(road, drive, rng)))


@lru_cache(maxsize=8192)
def _slot(key: WorldKey, number: int, index: int) -> Slot | None:
    lane = world(key).lanes[number]
    rng = np.random.default_rng([*key[:3], 2, number, index + (1 << 20)])
    along, across = rng.uniform(-1, 1, 2) * lane.jitter
    s = lane.start + index * lane.spacing + float(along)
    if rng.random() >= lane.share or world(key).road.from_crossing(np.asarray(s)) < lane.clear:
        return None
    weights = np.array([weight for _, weight in lane.builders])
    build = lane.builders[int(rng.choice(len(weights), p=weights / weights.sum()))][0]
    model, lateral = build(rng), lane.lateral + float(across)
    return Slot(model, s, lateral, lane.turn, world(key).road.place(s, lateral, lane.turn) if lane.speed == 0 else None)


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


_PARKED: tuple[tuple[Builder, float], ...] = ((vehicles.car, 0.9), (vehicles.parked_motorcycle, 0.1))
_PARKED_CYCLES: tuple[tuple[Builder, float], ...] = ((vehicles.parked_bicycle, 0.8), (vehicles.parked_motorcycle, 0.2))
_TRAFFIC: tuple[tuple[Builder, float], ...] = (
    (vehicles.car, 0.64),
    (vehicles.truck, 0.14),
    (vehicles.bus, 0.12),
    (vehicles.motorcycle, 0.1),
)
