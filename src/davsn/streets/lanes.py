"""Lanes: rows of slots along the street. Each slot is empty or holds one thing."""

from collections.abc import Callable
from dataclasses import dataclass

from numpy.random import Generator

from davsn.streets.models import Model

Builder = Callable[[Generator], Model]
Builders = tuple[tuple[Builder, float], ...]
"""Builders with their weights."""


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
        wobble: half the range of a random addition to the heading, in radians.
        special: whether the things are passages or stand on islands, which all other standing things keep clear of.
    """

    builders: Builders
    spacing: float
    lateral: float
    share: float
    jitter: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    speed: float | None = 0.0
    clear: float = 0.0
    start: float = 0.0
    wobble: float = 0.0
    special: bool = False
