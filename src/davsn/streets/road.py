"""The street's course: a centre line with bends, the zones across it, and the car that carries the camera.

World axes are metres, x and y on the ground and z up. Along the street, ``s`` is the way driven and
``lateral`` the distance from the centre line, positive to the right.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

STEP = 0.25
"""Distance in metres between the stored points of the centre line."""
BEFORE = 64.0
"""How far the stored line reaches behind the start."""
FORESIGHT = 200.0
"""How far before the camera the ground follows the line's bends."""


@dataclass(frozen=True)
class Pose:
    """A place on the ground with a heading, radians anticlockwise from the x axis; ``pitch`` is downward."""

    x: float
    y: float
    heading: float
    z: float = 0.0
    pitch: float = 0.0


@dataclass(frozen=True, eq=False)
class Road:
    """Course and cross-section of one clip's street, drawn from the clip's own generator.

    Attributes:
        reach: how far the line must reach, in metres; points before it do not depend on it.
        bends: (n, 3) amplitude in radians, wavelength in metres and phase of the heading's sine terms.
        lanes: traffic lanes in each direction.
        block: metres from one crossing to the next; crossings are at ``(k + 0.5) * block``.
        parking: width of the strip for parked cars, each side.
        walk: width of the pavement, each side.
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

    @property
    def kerb(self) -> float:
        """Distance of the kerb from the centre line."""
        return self.lanes * self.lane_width + self.parking

    @cached_property
    def _line(self) -> tuple[Array, Array, Array]:
        """x, y and heading every ``STEP`` metres from ``-BEFORE``."""
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
        """Heading of the street at ``s``."""
        return float(self._bend(np.asarray([s]))[0])

    def place(self, s: float, lateral: float, turn: float = 0.0) -> Pose:
        """The pose at ``s`` and ``lateral``, turned by ``turn`` against the street's heading."""
        x, y, _ = self._line
        at = (s + BEFORE) / STEP
        index = min(max(int(at), 0), len(x) - 2)
        share = at - index
        heading = self.heading(s)
        return Pose(
            x[index] + share * (x[index + 1] - x[index]) + lateral * np.sin(heading),
            y[index] + share * (y[index + 1] - y[index]) - lateral * np.cos(heading),
            heading + turn,
        )

    def along(self, x: Array, y: Array, start: float) -> tuple[Array, Array]:
        """``s`` and ``lateral`` of points on the ground.

        Args:
            x: world coordinates, any shape.
            y: the same shape.
            start: the ``s`` of the camera, where the search for the nearest point begins.

        Returns:
            two arrays of that shape; far from the street they are its straight continuation.
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
        """Distance along the street to the nearest crossing's middle."""
        return np.asarray(np.abs(np.mod(s, self.block) - self.block / 2))


@dataclass(frozen=True)
class Drive:
    """How the camera moves along a road: its speed swings about a mean, the body nods and sways a little."""

    road: Road
    lateral: float
    height: float
    pitch: float
    speed: float
    swing: float
    """Share of the speed that comes and goes, 0 to 1."""
    period: float
    """Seconds from one slow-down to the next."""
    phase: float

    def travelled(self, time: float) -> float:
        """Metres along the road after ``time`` seconds; grows smoothly, never backwards."""
        pace = 2 * np.pi / self.period
        return float(self.speed * (time + self.swing / pace * (np.sin(pace * time + self.phase) - np.sin(self.phase))))

    def pose(self, time: float) -> Pose:
        """The camera's pose."""
        sway = 0.012 * np.sin(1.3 * time + self.phase)
        lateral = self.lateral + 0.15 * np.sin(0.7 * time + 2 * self.phase)
        nod = self.pitch + 0.004 * np.sin(5.1 * time + self.phase)
        at = self.road.place(self.travelled(time), lateral, sway)
        return Pose(at.x, at.y, at.heading, self.height, nod)
