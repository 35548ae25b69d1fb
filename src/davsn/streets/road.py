"""The street: a centre line with bends, the zones beside it, and the ego vehicle that carries the camera.

World axes are in metres, with x and y on the ground and z up. ``s`` is the distance along the street. ``lateral`` is
the distance from the centre line, positive to the right.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from davsn.streets.hills import Hills

Array = NDArray[np.floating]

STEP = 0.25
"""Metres between the stored points of the centre line."""
BEFORE = 64.0
"""Metres that the stored line reaches behind the start."""
BEHIND = 16.0
"""Metres along the road, behind the camera, within which things are drawn."""
FORESIGHT = 200.0
"""Metres ahead of the camera within which the ground follows the bends of the line."""
NARROWEST = 4.5
"""Metres. No roundabout has a narrower road."""
APPROACH = 4.0
"""Metres. Vehicles begin to turn at 1.5 times so many metres more than the outer radius from a roundabout's centre."""


@dataclass(frozen=True)
class Pose:
    """A position in metres with angles in radians.

    ``heading`` is anticlockwise from the x axis. ``pitch`` is downwards. ``roll`` is clockwise, seen from behind.
    """

    x: float
    y: float
    heading: float
    z: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Passage:
    """Where the road leads through a tunnel, or beneath a bridge or a house: again and again, at equal distances.

    Attributes:
        middle: the middle of one of them, in metres along the street.
        half: half their length in metres.
        period: metres from one to the next.
    """

    middle: float
    half: float
    period: float

    def inside(self, s: Array | float) -> Array:
        """The metres (…) from ``s`` to the nearer end, positive inside and negative outside."""
        return np.asarray(self.half - np.abs(np.mod(s - self.middle + self.period / 2, self.period) - self.period / 2))


@dataclass(frozen=True, eq=False)
class Road:
    """The course and cross-section of one clip's street, drawn from the clip's own generator.

    Attributes:
        reach: the distance that the line must reach, in metres; nearer points do not depend on it.
        bends: (n, 3) amplitude in radians, wavelength in metres and phase of the sine terms of the heading.
        lanes: the number of traffic lanes in each direction.
        block: metres from one crossing to the next; crossings are at ``(k + 0.5) * block``.
        parking: the width of the strip for parked cars on each side, in metres.
        walk: the width of the pavement on each side, in metres.
        paved: (64, 2) whether the ground behind the pavement is paved, by block and side.
    """

    reach: float
    bends: Array
    lanes: int
    block: float
    parking: float
    walk: float
    paved: NDArray[np.bool_]
    lane_width: float = 3.3
    crossing: float = 4.0
    """Half the width of a crossing street."""
    median: float = 0.0
    """Half the width of the strip between the two directions."""
    verge: float = 0.0
    """The width of the grass between kerb and pavement."""
    island: float = 0.0
    """The radius of the islands of roundabouts, which all crossings are then; 0 for crossings without."""
    passage: Passage | None = None
    """Tunnels, bridges or houses above the road."""
    hills: Hills | None = None
    """The height of the ground; None where it is flat."""

    @property
    def edge(self) -> float:
        """The distance from the centre line to where plots begin, in metres."""
        return self.kerb + self.verge + self.walk

    @property
    def ring(self) -> float:
        """The outer radius of roundabouts, in metres."""
        return self.island + max(self.lanes * self.lane_width, NARROWEST)

    def on_roundabout(self, s: Array, lateral: Array) -> NDArray[np.bool_]:
        """Whether points are on a roundabout: on its road or its island."""
        if not self.island:
            return np.zeros(np.shape(s), bool)
        return np.asarray(np.hypot(self.from_crossing(s), lateral) < self.ring)

    def is_open(self, s: float, lateral: float, half: float) -> bool:
        """Whether something of ``half`` metres' half length can stand there, clear of roundabouts and passages."""
        if self.island and np.hypot(self.from_crossing(np.asarray(s)), lateral) < self.ring + 2.2:
            return False
        return self.passage is None or bool(self.passage.inside(s) < -half - 0.5)

    def track(self, s: float, lateral: float) -> tuple[float, float]:
        """The lateral place of what moves at ``lateral`` when it is at ``s``, and its turn in radians.

        Only roundabouts lead off the straight way. Vehicles drive round their islands, and pedestrians walk round their
        roads. Both deviate by the fourth power of a cosine, so that nothing turns abruptly.
        """
        if not self.island:
            return lateral, 0.0
        side, wide = abs(lateral), self.kerb - self.parking - self.median
        if side < self.kerb:
            share = min(max((side - self.median) / wide, 0.3), 0.8)
            aside = self.island + share * (self.ring - self.island) - side
        else:
            aside = max(self.ring + 0.5 - self.kerb, 0.0)
        reach = min(1.5 * (self.ring + APPROACH), self.block / 2)
        apart = float(np.mod(s, self.block)) - self.block / 2
        phase = np.pi / 2 * min(max(apart / reach, -1.0), 1.0)
        aside *= float(np.sign(lateral))
        slope = -aside * np.pi / reach * np.sin(2 * phase) * np.cos(phase) ** 2
        return float(lateral + aside * np.cos(phase) ** 4), float(-np.arctan(slope))

    @property
    def kerb(self) -> float:
        """The distance of the kerb from the centre line, in metres."""
        return self.lanes * self.lane_width + self.parking + self.median

    @cached_property
    def _line(self) -> tuple[Array, Array, Array]:
        """The x, y and heading of the centre line, every ``STEP`` metres from ``-BEFORE`` on."""
        s = np.arange(int((BEFORE + self.reach) / STEP) + 2) * STEP - BEFORE
        heading = self._bend(s)
        middle = self._bend(s[:-1] + STEP / 2)
        x = np.concatenate([[0.0], np.cumsum(np.cos(middle) * STEP)])
        y = np.concatenate([[0.0], np.cumsum(np.sin(middle) * STEP)])
        return x, y, heading

    def _bend(self, s: Array) -> Array:
        amplitude, wavelength, phase = self.bends.T[:, :, None]
        return np.asarray((amplitude * np.sin(2 * np.pi * s / wavelength + phase)).sum(0))

    def heading(self, s: float) -> float:
        """The heading of the street at ``s``, in radians."""
        return float(self._bend(np.asarray([s]))[0])

    def place(self, s: float, lateral: float, turn: float = 0.0) -> Pose:
        """The pose on the ground at ``s`` and ``lateral``, turned by ``turn`` radians from the street's heading."""
        x, y, _ = self._line
        at = (s + BEFORE) / STEP
        index = min(max(int(at), 0), len(x) - 2)
        share = at - index
        heading = self.heading(s)
        east = x[index] + share * (x[index + 1] - x[index]) + lateral * np.sin(heading)
        north = y[index] + share * (y[index + 1] - y[index]) - lateral * np.cos(heading)
        height = 0.0 if self.hills is None else float(self.hills.height(east, north))
        return Pose(east, north, heading + turn, height)

    def along(self, x: Array, y: Array, start: float) -> tuple[Array, Array]:
        """The ``s`` and ``lateral`` of points on the ground.

        Args:
            x: world coordinates, of any shape.
            y: the same shape.
            start: the ``s`` of the camera, where the search for the nearest point begins.

        Returns:
            two arrays of that shape. Far from the street they continue it in a straight line.
        """
        line_x, line_y, heading = self._line
        cos, sin = np.cos(heading), np.sin(heading)
        first, last = (int((start + edge + BEFORE) / STEP) for edge in (-BEFORE, FORESIGHT))
        s = np.full(x.shape, start)
        for _ in range(4):
            index = np.clip((s + BEFORE) / STEP, first, last).astype(np.int32)
            dx, dy = x - line_x[index], y - line_y[index]
            s = index * STEP - BEFORE + np.clip(dx * cos[index] + dy * sin[index], -150.0, 150.0)
        return s, dx * sin[index] - dy * cos[index]

    def from_crossing(self, s: Array) -> Array:
        """The distance along the street to the middle of the nearest crossing, in metres."""
        return np.asarray(np.abs(np.mod(s, self.block) - self.block / 2))


@dataclass(frozen=True)
class Drive:
    """The motion of the camera along a road: its speed varies around a mean, and it nods and sways a little."""

    road: Road
    lateral: float
    height: float
    pitch: float
    speed: float
    swing: float
    """The share of the speed that varies, 0 to 1."""
    period: float
    """Seconds from one slowdown to the next."""
    phase: float
    roll: float = 0.0
    """Radians."""

    def travelled(self, time: float) -> float:
        """The metres driven along the road after ``time`` seconds; they grow smoothly and never shrink."""
        pace = 2 * np.pi / self.period
        return float(self.speed * (time + self.swing / pace * (np.sin(pace * time + self.phase) - np.sin(self.phase))))

    def pose(self, time: float) -> Pose:
        """The camera's pose at ``time`` seconds."""
        sway = 0.012 * np.sin(1.3 * time + self.phase)
        lateral = self.lateral + 0.15 * np.sin(0.7 * time + 2 * self.phase)
        nod = self.pitch + 0.004 * np.sin(5.1 * time + self.phase)
        s = self.travelled(time)
        if self.road.island:
            lateral, turn = self.road.track(s, lateral)
            sway += turn
        at = self.road.place(s, lateral, sway)
        if self.road.hills is not None:
            nod -= float(self.road.hills.rise(at.x, at.y, at.heading))
        return Pose(at.x, at.y, at.heading, at.z + self.height, nod, self.roll)
