"""The world of one clip, made from a seed: the road, the drive, and lanes of things that stand or move.

Everything on and beside the road is in a *lane*: a row of slots at equal distances along the street. Each slot is
empty or holds one thing, drawn from the slot's own generator. A lane stands still, moves at its own constant speed, or
follows the camera. So the world has no end, and a thing's place depends on time alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from davsn.streets import street, town
from davsn.streets.camera import Lens
from davsn.streets.lanes import Lane
from davsn.streets.models import Model, deepened
from davsn.streets.road import BEHIND, Drive, Pose, Road
from davsn.streets.variety import Home, Variation, draw

AHEAD = 150.0
"""Metres along the road, ahead of the camera, within which things are drawn."""


class WorldKey(NamedTuple):
    """The key from which a clip's world is drawn.

    Attributes:
        seed: the seed.
        split: 0 for train, 1 for val.
        clip: the number of the clip.
        reach: the most metres that will be driven; the world does not depend on it.
        variety: how much clips differ, 0 to 1.
        home: the world of variety 0.
    """

    seed: int
    split: int
    clip: int
    reach: int
    variety: float = 0.0
    home: Home = "street"


def fastest(seconds: float) -> float:
    """The most metres that any camera drives in the given time."""
    return max(street.SPEEDS[1], town.TOP_SPEED) * (seconds + street.SWINGS[1] * street.PERIODS[1] / np.pi)


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
    """The world of one clip: its road, drive and lanes, and what varies; None for a street of variety 0."""

    key: WorldKey
    road: Road
    drive: Drive
    lanes: tuple[Lane, ...]
    variation: Variation | None

    @cached_property
    def lens(self) -> Lens:
        """The lens of the clip's camera."""
        drawn = self.variation
        return Lens() if drawn is None else Lens(drawn.focal, drawn.distortion, drawn.bonnet)

    @cached_property
    def look(self) -> int:
        """A seed for the clip's own weather and light."""
        return int(np.random.default_rng([*self.key[:3], 77]).integers(2**31))

    def shift(self, lane: Lane, time: float) -> float:
        """The metres that a lane has moved along the street at ``time`` seconds."""
        if lane.speed is None:
            return self.drive.travelled(time) + 3.0 * float(np.sin(0.35 * time + lane.spacing))
        return lane.speed * time

    def track(self, thing: Thing, time: float) -> tuple[float, float, float]:
        """The ``s`` and ``lateral`` of a thing at ``time`` seconds, and its heading relative to the street's."""
        s, lateral, turn = thing.slot.s + self.shift(thing.lane, time), thing.slot.lateral, thing.slot.turn
        if thing.slot.fixed is None and self.road.island:
            lateral, more = self.road.track(s, lateral)
            turn += more
        return s, lateral, turn

    def pose(self, thing: Thing, time: float) -> Pose:
        """The pose of a thing at ``time`` seconds."""
        return thing.slot.fixed or self.road.place(*self.track(thing, time))

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


@lru_cache(maxsize=256)
def world(key: WorldKey) -> World:
    """Make the world of a key. Equal keys give equal worlds, in any process."""
    rng = np.random.default_rng([*key[:3], 1])
    if key.home == "street" and key.variety == 0:
        return World(key, *street.build(rng, key.reach), None)
    variation = draw(key[:3], key.home, key.variety)
    return World(key, *town.build(variation, rng, key.reach), variation)


@lru_cache(maxsize=32768)
def _slot(key: WorldKey, number: int, index: int) -> Slot | None:
    lane = world(key).lanes[number]
    rng = np.random.default_rng([*key[:3], 2, number, index + (1 << 20)])
    along, across = rng.uniform(-1, 1, 2) * lane.jitter
    s = lane.start + index * lane.spacing + float(along)
    road = world(key).road
    if rng.random() >= lane.share or road.from_crossing(np.asarray(s)) < lane.clear:
        return None
    if lane.speed == 0 and not lane.special and not road.is_open(s, lane.lateral, lane.spacing / 2):
        return None
    weights = np.array([weight for _, weight in lane.builders])
    build = lane.builders[int(rng.choice(len(weights), p=weights / weights.sum()))][0]
    model, lateral = build(rng), lane.lateral + float(across)
    if road.hills is not None:
        model = deepened(model, road.hills.steepest)
    turn = lane.turn + (float(rng.uniform(-1, 1)) * lane.wobble if lane.wobble else 0.0)
    return Slot(model, s, lateral, turn, road.place(s, lateral, turn) if lane.speed == 0 else None)
