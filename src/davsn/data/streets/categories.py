"""What the streets are made of, and how the published class tables name it."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from davsn.data.benchmarks import ClassSet, RawIds, named_train_ids, raw_ids


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


def train_ids(classes: ClassSet) -> NDArray[np.uint8]:
    """(256,) lookup from :class:`Category` to train id; 255 for what the class set leaves out."""
    return named_train_ids([(category, category.name.lower()) for category in Category], classes)


def published_ids(raw: RawIds) -> NDArray[np.uint8]:
    """(17,) lookup from :class:`Category` to the ids of a benchmark's label files; 0 for what it has no id of."""
    known = raw_ids(raw)
    return np.array([known.get(category.name.lower(), 0) for category in Category], np.uint8)
