"""What the values and colours of label files mean: which of them stands for which class."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from davsn.core.clip import IGNORE

Colour = tuple[int, int, int]
Channel = Literal["red", "green", "blue", "alpha", "colours"]
"""Where label files of several channels hold the class: in the values of one channel, or in the colours."""

VALUES = 1 << 16
"""The number of values that a label file can hold in one channel."""
UNKNOWN = -1
"""What stands for a train id at a value or colour of no class."""
_BLACK = (0, 0, 0)

CITYSCAPES: Mapping[str, int] = {
    name: index
    for index, name in enumerate(
        "unlabeled,ego vehicle,rectification border,out of roi,static,dynamic,ground,road,sidewalk,parking,rail track,"
        "building,wall,fence,guard rail,bridge,tunnel,pole,polegroup,traffic light,traffic sign,vegetation,terrain,sky,"
        "person,rider,car,truck,bus,caravan,trailer,train,motorcycle,bicycle".split(",")
    )
} | {"light": 19, "sign": 20}
"""The ids of Cityscapes' ``labelIds`` files, by the names of the classes, and by our short names."""


@dataclass(frozen=True)
class LabelCoding:
    """What the values and colours of label files mean.

    Attributes:
        names: the names of the classes; the position is the train id.
        values: train id of each value; 255 for values that are ignored.
        colours: train id of each colour; 255 for colours that are ignored.
        channel: which channel of colour files holds the values, or 'colours'; None: found out from the files.
        told: whether the class table itself says which value a class has. Otherwise a value is a position in it.
    """

    names: tuple[str, ...]
    values: Mapping[int, int]
    colours: Mapping[Colour, int]
    channel: Channel | None = None
    told: bool = False

    def as_data(self) -> tuple[Any, ...]:
        """Everything that label maps depend on, as plain data."""
        return list(self.names), sorted(self.values.items()), sorted(self.colours.items()), self.channel, self.told

    @cached_property
    def by_value(self) -> NDArray[np.int16]:
        """(65536,) lookup from values to train ids; :data:`UNKNOWN` for values of no class."""
        return _lookup(self.values)

    @cached_property
    def by_cityscapes_id(self) -> NDArray[np.int16] | None:
        """(65536,) lookup from the ids of ``labelIds`` files by the names of the classes.

        None if no class has a name of Cityscapes, or the class table says itself which value a class has.
        """
        own = {CITYSCAPES[name]: index for index, name in enumerate(self.names) if name in CITYSCAPES}
        if self.told or not own:
            return None
        return _lookup({**dict.fromkeys([*range(34), IGNORE], IGNORE), **own})

    @cached_property
    def by_colour(self) -> NDArray[np.int16]:
        """(2²⁴,) lookup from packed colours to train ids; :data:`UNKNOWN` for colours of no class."""
        table = np.full(1 << 24, UNKNOWN, np.int16)
        for colour, index in ({_BLACK: IGNORE} | dict(self.colours)).items():  # black means no class, unless it is one
            table[packed(np.array(colour, np.uint8))] = index
        return table


def packed(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Pack colours (…, 3) into one number each: (…,)."""
    wide = colours.astype(np.int32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])


def palette_colours(taken: set[Colour]) -> Iterator[Colour]:
    """Yield the colours of VOC's palette without black and without those that are taken.

    The bits of a number are dealt to red, green and blue, the lowest three bits to the highest bit of each.
    """
    for number in range(1, 512):
        red, green, blue = (
            sum(((number >> (3 * bit + part)) & 1) << (7 - bit) for bit in range(3)) for part in range(3)
        )
        if (red, green, blue) not in taken:
            yield red, green, blue


def _lookup(values: Mapping[int, int]) -> NDArray[np.int16]:
    table = np.full(VALUES, UNKNOWN, np.int16)
    for value, index in values.items():
        table[value] = index
    return table
