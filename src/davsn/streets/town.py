"""The road, the drive and the lanes of a world that varies from clip to clip."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from davsn.streets import buildings, fleet, furniture, landmarks, people, plants, roadside, vehicles
from davsn.streets.lanes import Builder, Builders, Lane
from davsn.streets.road import BEHIND, FORESIGHT, Drive, Road
from davsn.streets.street import PERIODS, SWINGS
from davsn.streets.variety import Variation

TOP_SPEED = 14.0
"""Metres a second. No camera's mean speed is higher."""


def build(drawn: Variation, rng: Generator, reach: float) -> tuple[Road, Drive, tuple[Lane, ...]]:
    """Build a world as ``drawn``; ``reach`` is the most metres that will be driven in it."""
    wavelengths = rng.uniform(150, 420, 2)
    amplitudes = drawn.bend * rng.uniform(0.1, 0.9, 2) * wavelengths / 700
    road = Road(
        reach=reach + FORESIGHT + 2 * BEHIND,
        bends=np.stack([amplitudes, wavelengths, rng.uniform(0, 2 * np.pi, 2)], 1),
        lanes=max(round(drawn.lanes), 1),
        block=drawn.block,
        parking=drawn.parking if drawn.parking > 1.5 else 0.2,
        walk=drawn.walk if drawn.walk > 0.8 else 0.0,
        paved=rng.random((64, 2)) < rng.uniform(0.1, 0.1 + 0.8 * drawn.variety),
        lane_width=drawn.lane_width,
        crossing=drawn.crossing,
        median=drawn.median if drawn.median > 0.3 else 0.0,
        verge=drawn.verge if drawn.verge > 0.4 else 0.0,
    )
    own = rng.spawn(1)[0]  # leaves what is drawn below as it was before there were landmarks
    road = landmarks.shape(road, drawn, own)
    hand = -1 if drawn.left > 0 else 1
    lane = int(rng.integers(road.lanes)) if drawn.variety > rng.random() else road.lanes - 1
    drive = Drive(
        road,
        lateral=hand * (road.median + road.lane_width * (lane + 0.5) + drawn.aside),
        height=drawn.height,
        pitch=drawn.pitch,
        speed=min(drawn.speed, landmarks.ROUND_SPEED if road.island else TOP_SPEED),
        swing=float(rng.uniform(*SWINGS)),
        period=float(rng.uniform(*PERIODS)),
        phase=float(rng.uniform(0, 2 * np.pi)),
        roll=drawn.roll,
    )
    town = _Town(road, drive, drawn, hand, rng)
    lanes = [lane for side in (1, -1) for fill in (_kerb, _pavement, _border, _plots) for lane in fill(town, side)]
    return road, drive, (*lanes, *_middle(town), *_traffic(town, lane), *landmarks.lanes(road, own))


class _Town(NamedTuple):
    """What lanes are drawn from. ``hand`` is 1 where traffic keeps right and -1 where it keeps left."""

    road: Road
    drive: Drive
    drawn: Variation
    hand: int
    rng: Generator

    def mix(self, plain: Builders, varied: Builders) -> Builders:
        """The builders of today's things and the varied ones; the share of the latter is the variety."""
        weights = [(plain, 1 - self.drawn.variety), (varied, self.drawn.variety)]
        return tuple((build, part * weight) for builders, part in weights for build, weight in builders)

    def trees(self, conifers: float) -> Builders:
        """Trees, with a share of conifers."""
        drawn = self.drawn
        bare = min(drawn.bare, 1.0)
        full = ((partial(plants.full_tree, autumn=drawn.autumn), 1 - bare), (plants.bare_tree, bare))
        plain = ((furniture.tree, 1 - conifers), (furniture.conifer, conifers))
        return self.mix(plain, (*full, (furniture.conifer, 0.3 * conifers)))

    def vehicles(self) -> Builders:
        """Moving motor vehicles."""
        varied = ((fleet.any_car, 0.6), (fleet.van, 0.16), (fleet.any_truck, 0.08), (fleet.any_bus, 0.08))
        return self.mix(vehicles_of_today, (*varied, (people.any_motorcycle, 0.06), (fleet.trailer, 0.02)))

    def facing(self, side: int) -> float:
        """The heading of vehicles on a side of the road."""
        return 0.0 if side == self.hand else np.pi

    def draw(self, low: float, high: float) -> float:
        """A number from a range that is as wide as the variety says, around its middle."""
        middle, half = (low + high) / 2, self.drawn.variety * (high - low) / 2
        return float(self.rng.uniform(middle - half, middle + half))


vehicles_of_today: Builders = (
    (vehicles.car, 0.64),
    (vehicles.truck, 0.14),
    (vehicles.bus, 0.12),
    (vehicles.motorcycle, 0.1),
)


def _full(share: float) -> float:
    """A share that leaves some slots empty."""
    return min(max(share, 0.0), 0.97)


def _kerb(town: _Town, side: int) -> Iterator[Lane]:
    """What stands along the kerb: parked vehicles, trees, lamps, signs, lights, bollards."""
    road, drawn, turn = town.road, town.drawn, 0.0 if side > 0 else np.pi
    kerb, cross, furnished = road.kerb, road.crossing, drawn.furniture
    if road.parking > 1:
        parked = town.mix(
            ((vehicles.car, 0.9), (vehicles.parked_motorcycle, 0.1)),
            (
                (fleet.any_car, 0.72),
                (fleet.van, 0.17),
                (people.any_parked_motorcycle, 0.05),
                (fleet.any_truck, 0.03),
                (fleet.trailer, 0.03),
            ),
        )
        share = _full(drawn.parked * town.draw(0.6, 1.4))
        yield Lane(
            parked, town.draw(5.8, 7.0), side * (kerb - 1.1), share, (0.4, 0.15), town.facing(side), clear=cross + 7
        )
    trees = town.trees(0.0)
    yield Lane(trees, 11.0, side * (kerb + 0.8), _full(0.5 * drawn.greenery), (2, 0.2), turn, clear=cross + 5)
    lamps = town.mix(((furniture.lamp, 1),), ((roadside.any_lamp, 1),))
    yield Lane(lamps, town.draw(14, 32), side * (kerb + 0.5), _full(0.6 * furnished), (1, 0.1), turn, clear=cross + 3)
    signs = town.mix(((furniture.sign, 1),), ((roadside.any_sign, 0.7), (roadside.post, 0.3)))
    yield Lane(
        signs, 17.0 / max(furnished, 1), side * (kerb + 0.6), _full(0.75 * furnished), (5, 0.2), turn, clear=cross
    )
    posts = ((roadside.post, 1.0),)
    if town.rng.random() < 0.35 * drawn.variety:
        yield Lane(posts, town.draw(1.5, 6.0), side * (kerb + 0.35), 0.7, (0.1, 0.05), turn, clear=cross + 1)
    lights = town.mix(((furniture.traffic_light, 1),), ((roadside.any_light, 1),))
    for before in (1, -1):
        start = road.block / 2 - before * (cross + 3.2)
        yield Lane(lights, road.block, side * (kerb + 0.4), 0.9, turn=turn, start=start)
    if town.rng.random() < 0.25 * drawn.variety:
        barrier = ((roadside.railing, 0.6), (roadside.guard_rail, 0.4))
        chosen = (barrier[int(town.rng.random() < 0.4)],)
        yield Lane(chosen, 4.0, side * (kerb + 0.25), 0.9, (0, 0), turn, clear=cross + 4)


def _pavement(town: _Town, side: int) -> Iterator[Lane]:
    """What stands and walks on the pavement: people, parked cycles, ignored things."""
    road, drawn = town.road, town.drawn
    turn, cross, kerb, walk = (0.0 if side > 0 else np.pi), road.crossing, road.kerb + road.verge, max(road.walk, 1.2)
    cycles = town.mix(
        ((vehicles.parked_bicycle, 0.8), (vehicles.parked_motorcycle, 0.2)),
        ((people.any_parked_bicycle, 0.9), (people.any_parked_motorcycle, 0.1)),
    )
    share = _full(0.3 * town.draw(-0.4, 2.4))
    yield Lane(
        cycles, town.draw(1.5, 7.5), side * (kerb + 0.7), share, (0.6, 0.2), turn + 1.2, clear=cross + 2, wobble=0.4
    )
    if drawn.clutter:
        yield Lane(
            ((roadside.clutter, 1.0),),
            5.0,
            side * (kerb + 0.75 * walk),
            _full(drawn.clutter),
            (2, 0.2 * walk),
            turn,
            wobble=1.5,
        )
    someone = town.mix(((vehicles.person, 1),), ((people.walker, 0.9), (people.sitter, 0.1)))
    close, crowd = max(drawn.crowd, 1.0), drawn.crowd
    for place in (0.3, 0.8):
        share = _full(0.12 * crowd)
        yield Lane(someone, 6.0 / close**0.5, side * (kerb + place * walk), share, (2, 0.2 * walk), turn, wobble=3.1)
    for direction, spacing in ((1, 7.0), (-1, 9.0)):
        lateral = side * (kerb + walk * (0.55 if direction > 0 else 0.75))
        pace, heading = direction * float(town.rng.uniform(1.0, 1.6)), 0.0 if direction > 0 else np.pi
        walkers = town.mix(((vehicles.person, 1),), ((people.walker, 1),))
        yield Lane(walkers, spacing / close**0.5, lateral, _full(0.4 * crowd), (2.5, 0.1 * walk), heading, pace)
    if crowd > 1:  # people who step onto the road
        yield Lane(
            someone,
            13.0,
            side * 0.6 * road.kerb,
            _full(0.06 * crowd),
            (4, 0.35 * road.kerb),
            turn + np.pi / 2,
            wobble=0.4,
        )


def _border(town: _Town, side: int) -> Iterator[Lane]:
    """What separates plots from the pavement."""
    road, drawn, turn = town.road, town.drawn, 0.0 if side > 0 else np.pi
    edge = road.kerb + road.verge + road.walk
    varied = [roadside.panel_fence, roadside.railing, buildings.wall, plants.clipped_hedge, roadside.guard_rail]
    weights = town.rng.dirichlet(np.full(5, 0.5))
    plain = ((furniture.fence, 0.7), (furniture.hedge, 0.3))
    borders = town.mix(plain, tuple(zip(varied, weights.tolist(), strict=True)))
    yield Lane(borders, 4.0, side * (edge + 0.35), _full(drawn.borders), (0, 0), turn, clear=road.crossing + 5)


def _plots(town: _Town, side: int) -> Iterator[Lane]:
    """Gardens, houses, and what is behind them."""
    road, drawn, turn = town.road, town.drawn, 0.0 if side > 0 else np.pi
    edge, garden, cross = road.kerb + road.verge + road.walk, drawn.setback * town.draw(0.5, 1.5), road.crossing
    green, built = drawn.greenery, _full(drawn.built + town.draw(-0.3, 0.3))
    shrubs = town.mix(((furniture.bush, 1),), ((partial(plants.shrub, autumn=drawn.autumn), 1),))
    if garden > 1.5:
        yield Lane(
            shrubs, 6.0, side * (edge + 0.6 + garden / 2), _full(0.3 * green), (2, garden / 4), turn, clear=cross + 5
        )
        yield Lane(
            town.trees(0.4),
            7.0,
            side * (edge + 0.8 + garden / 2),
            _full(0.25 * green),
            (2, garden / 4),
            turn,
            clear=cross + 5,
        )
    house = partial(buildings.town_house, wide=drawn.house, storeys=drawn.storeys)
    row = town.mix(((furniture.house, 1),), ((house, 0.9), (buildings.hall, 0.1 if drawn.house > 14 else 0.0)))
    spacing = (1 - drawn.variety) * 17.5 + drawn.variety * drawn.house
    yield Lane(
        row, spacing, side * (edge + garden + 7), built, (0.2, town.draw(0.0, 1.6)), turn, clear=cross + spacing / 2 + 2
    )
    behind = edge + garden + 18
    yield Lane(town.trees(0.5), 8.0, side * behind, _full(0.6 * green), (2.5, 3), turn, clear=cross + 3)
    blocks = town.mix(((furniture.tower, 1),), ((partial(buildings.block, tall=5 * drawn.storeys), 1),))
    yield Lane(blocks, 27.0, side * (behind + 20), _full(0.8 * built), (0.3, 0.8), turn, clear=8)
    if built < 0.5:  # open country
        yield Lane(((plants.wood, 1.0),), 12.0, side * (edge + town.draw(20, 60)), _full(0.5 * green), (3, 5), turn)
        yield Lane(shrubs, 5.0, side * (edge + 3), _full(0.5 * green), (2, 1.5), turn, clear=cross + 3)


def _middle(town: _Town) -> Iterator[Lane]:
    """What stands on the strip between the directions."""
    road, drawn, rng = town.road, town.drawn, town.rng
    if not road.median:
        return
    barrier: Builder = (roadside.guard_rail, roadside.railing, plants.clipped_hedge, buildings.wall)[
        int(rng.integers(4))
    ]
    if rng.random() < 0.6:
        yield Lane(((barrier, 1.0),), 4.0, 0.0, 0.95, clear=road.crossing + 4)
    if road.median > 1:
        yield Lane(town.trees(0.2), 9.0, 0.0, _full(0.4 * drawn.greenery), (2, 0.2), clear=road.crossing + 4)
    yield Lane(((roadside.any_lamp, 1.0),), 26.0, 0.0, 0.6, (1, 0.05), clear=road.crossing + 4)
    yield Lane(((roadside.any_sign, 1.0),), 31.0, 0.0, 0.4, (4, 0.05), clear=road.crossing)


def _traffic(town: _Town, own: int) -> Iterator[Lane]:
    """The moving lanes: motor vehicles and riders. The camera is in lane ``own``, counted from the middle."""
    road, drive, drawn, hand, rng = town
    motor, dense = town.vehicles(), drawn.traffic
    for lane in range(road.lanes):
        lateral = hand * (road.median + road.lane_width * (lane + 0.5))
        speed = float(rng.uniform(0.7, 1.2)) * max(drawn.speed, 4.0)
        yield Lane(motor, town.draw(13, 29), -lateral, _full(0.55 * dense), (3, 0.2), np.pi, -speed)
        if lane != own:
            pace = drive.speed * float(rng.uniform(0.8, 1.1))
            yield Lane(motor, town.draw(13, 29), lateral, _full(0.5 * dense), (3, 0.2), 0.0, pace)
    yield Lane(motor, float(rng.uniform(14, 34)), drive.lateral, _full(0.6 * dense), (2, 0.2), 0.0, None)
    riders = town.mix(
        ((vehicles.bicycle, 0.75), (vehicles.motorcycle, 0.25)),
        ((people.any_bicycle, 0.85), (people.any_motorcycle, 0.15)),
    )
    way = hand * (road.kerb - road.parking - 0.45)
    many = drawn.cyclists
    yield Lane(riders, 26.0 / max(many, 1), way, _full(0.4 * many), (5, 0.15), 0.0, float(rng.uniform(3.5, 5)))
    yield Lane(riders, 19.0 / max(many, 1), -way, _full(0.5 * many), (5, 0.15), np.pi, -float(rng.uniform(3.5, 5)))
