"""What the streets are made of."""

from enum import IntEnum


class Category(IntEnum):
    """Everything the world can show; the class sets are cut from it."""

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
