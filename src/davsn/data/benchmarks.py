"""The class tables of the published benchmarks: which classes, in which order and colours, and from which raw ids."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davsn.data.taxonomy import Colour, Taxonomy

ClassSet = Literal["viper", "synthia"]
"""'viper': the 15 classes of VIPER→Cityscapes-Seq; 'synthia': the 12 of SYNTHIA-Seq→Cityscapes-Seq."""

RawIds = Literal["cityscapes", "viper", "synthia"]
"""Whose ids a label file holds."""


class _Row(NamedTuple):
    name: str
    colour: Colour
    cityscapes: tuple[int, ...]
    viper: tuple[int, ...]
    synthia: tuple[int, ...]


_TABLE = (
    #    class         colour           Cityscapes VIPER  SYNTHIA-Seq
    _Row("road", (128, 64, 128), (7,), (3,), (3,)),
    _Row("sidewalk", (244, 35, 232), (8,), (4,), (4,)),
    _Row("building", (70, 70, 70), (11,), (9,), (2,)),
    _Row("fence", (190, 153, 153), (13,), (11,), (5,)),
    _Row("pole", (153, 153, 153), (17,), (), (7,)),
    _Row("light", (250, 170, 30), (19,), (13,), (15,)),
    _Row("sign", (220, 220, 0), (20,), (14,), (9,)),
    _Row("vegetation", (107, 142, 35), (21,), (7, 8), (6,)),  # VIPER has trees and other plants
    _Row("terrain", (152, 251, 152), (22,), (6,), ()),
    _Row("sky", (70, 130, 180), (23,), (2,), (1,)),
    _Row("person", (220, 20, 60), (24,), (20,), (10,)),
    _Row(
        "rider", (255, 0, 0), (25,), (), (11,)
    ),  # SYNTHIA calls its 11 bicycle; the public code takes it for the rider
    _Row("car", (0, 0, 142), (26,), (24,), (8,)),
    _Row("truck", (0, 0, 70), (27,), (27,), ()),
    _Row("bus", (0, 60, 100), (28,), (26,), ()),
    _Row("motorcycle", (0, 0, 230), (32,), (23,), ()),
    _Row("bicycle", (119, 11, 32), (33,), (22,), ()),
)
"""Every class of either set, in the order that both keep."""

_LEFT_OUT: dict[ClassSet, frozenset[str]] = {
    "viper": frozenset({"pole", "rider"}),
    "synthia": frozenset({"terrain", "truck", "bus", "motorcycle", "bicycle"}),
}
_UNSCORED: dict[ClassSet, frozenset[str]] = {"viper": frozenset(), "synthia": frozenset({"fence"})}

RAW_IDS: dict[RawIds, int] = {"cityscapes": 35, "viper": 32, "synthia": 23}
"""How many ids there are, from 0: a label with a higher one is of another kind. SYNTHIA's list goes on to 22 in its
other releases; of the sequences' own, 0 to 15, the ids 13 and 14 are not used."""


def taxonomy(classes: ClassSet) -> Taxonomy:
    """The class table of a benchmark pair: order, colours and scored classes as published.

    Args:
        classes: which pair; in ``"synthia"``, fence is trained but not scored.
    """
    kept = [row for row in _TABLE if row.name not in _LEFT_OUT[classes]]
    return Taxonomy(tuple(row.name for row in kept), tuple(row.colour for row in kept), _UNSCORED[classes])


def train_ids(raw: RawIds, classes: ClassSet) -> NDArray[np.uint8]:
    """(256,) lookup from the ids of a data set's label files to train ids; 255 for what the class set leaves out.

    Args:
        raw: whose ids.
        classes: which class set.
    """
    return named_train_ids(((number, row.name) for row in _TABLE for number in getattr(row, raw)), classes)


def named_train_ids(raw_to_name: Iterable[tuple[int, str]], classes: ClassSet) -> NDArray[np.uint8]:
    """(256,) lookup from raw ids, each with the name of a class of either set, to train ids.

    A rider counts as a person where the set has no riders; any other class that the set leaves out is 255.
    """
    table = taxonomy(classes)
    names = {name: name for name in table.names} | ({} if "rider" in table.names else {"rider": "person"})
    return table.mapping([(number, names[name]) for number, name in raw_to_name if name in names])


def raw_ids(raw: RawIds) -> dict[str, int]:
    """The id that a data set's label files have for each class that it knows: the first, where it has several.

    A rider is a person where the data set has no riders.
    """
    found = {row.name: getattr(row, raw)[0] for row in _TABLE if getattr(row, raw)}
    return {"rider": found["person"]} | found
