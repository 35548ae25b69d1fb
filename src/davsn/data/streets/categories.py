"""What the streets are made of, and how the published class tables name it."""

from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from davsn.clip import IGNORE
from davsn.data.taxonomy import Taxonomy

ClassSet = Literal["viper", "synthia"]


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


_COLOURS = {
    Category.ROAD: (128, 64, 128),
    Category.SIDEWALK: (244, 35, 232),
    Category.BUILDING: (70, 70, 70),
    Category.FENCE: (190, 153, 153),
    Category.POLE: (153, 153, 153),
    Category.LIGHT: (250, 170, 30),
    Category.SIGN: (220, 220, 0),
    Category.VEGETATION: (107, 142, 35),
    Category.TERRAIN: (152, 251, 152),
    Category.SKY: (70, 130, 180),
    Category.PERSON: (220, 20, 60),
    Category.RIDER: (255, 0, 0),
    Category.CAR: (0, 0, 142),
    Category.TRUCK: (0, 0, 70),
    Category.BUS: (0, 60, 100),
    Category.MOTORCYCLE: (0, 0, 230),
    Category.BICYCLE: (119, 11, 32),
}
_LEFT_OUT = {
    "viper": {Category.POLE, Category.RIDER},
    "synthia": {Category.TERRAIN, Category.TRUCK, Category.BUS, Category.MOTORCYCLE, Category.BICYCLE},
}


def taxonomy(classes: ClassSet) -> Taxonomy:
    """The class table of a benchmark pair: order, colours and scored classes as published.

    Args:
        classes: ``"viper"``, the 15 classes of VIPER→Cityscapes-Seq, or ``"synthia"``, the 12 of
            SYNTHIA-Seq→Cityscapes-Seq, where fence is trained but not scored.
    """
    kept = [category for category in Category if category not in _LEFT_OUT[classes]]
    unscored = frozenset({"fence"}) if classes == "synthia" else frozenset[str]()
    return Taxonomy(tuple(c.name.lower() for c in kept), tuple(_COLOURS[c] for c in kept), unscored)


def train_ids(classes: ClassSet) -> NDArray[np.uint8]:
    """(256,) lookup from :class:`Category` to train id; 255 for what the class set leaves out.

    A rider counts as a person where the set has no riders.
    """
    table = taxonomy(classes)
    lookup = np.full(256, IGNORE, np.uint8)
    for category in Category:
        name = category.name.lower()
        name = "person" if name == "rider" and name not in table.names else name
        if name in table.names:
            lookup[category] = table.names.index(name)
    return lookup
