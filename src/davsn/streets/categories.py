"""The categories of everything in ``streets``."""

from enum import IntEnum


class Category(IntEnum):
    """A category of things in the world; the class tables of ``streets`` are made of these."""

    ROAD = 0
    SIDEWALK = 1
    BUILDING = 2
    FENCE = 3
    POLE = 4
    LIGHT = 5
    SIGN = 6
    VEGETATION = 7
    TERRAIN = 8
    SKY = 9
    PERSON = 10
    RIDER = 11
    CAR = 12
    TRUCK = 13
    BUS = 14
    MOTORCYCLE = 15
    BICYCLE = 16
    OTHER = 17
    """Everything that no class set names: bins, prams, tables, walls, trailers, the ego vehicle. Its label is 255."""
