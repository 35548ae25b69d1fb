"""The class tables of the published data sets: classes, their order and colours, and their raw ids."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davsn.data.labels.carla import TAGS, Tags, tags_of
from davsn.data.labels.coding import Colour
from davsn.data.labels.colour_codes import COLOURS, painted_id
from davsn.data.labels.taxonomy import Taxonomy

ClassSet = Literal["viper", "synthia", "vkitti2", "gta5"]
"""The class sets, named after their sources. 'viper' has the 15 classes of VIPER→Cityscapes-Seq, 'synthia' the 12 of
SYNTHIA-Seq→Cityscapes-Seq, 'vkitti2' the 10 that Virtual KITTI 2 shares with Cityscapes, 'gta5' all 19 of
Cityscapes."""

RawIds = Literal[
    "cityscapes", "viper", "synthia", "camvid", "segnet", "kitti_step", "vkitti2", "carla_0.9.10", "carla_0.9.14"
]
"""The data sets whose ids a label file may hold. 'segnet' is CamVid as SegNet's authors merged it to 11 classes.
'kitti_step' stands for Cityscapes' train ids."""


class _Row(NamedTuple):
    """A class, and its raw ids or the names of its colours in each data set."""

    name: str
    colour: Colour
    cityscapes: tuple[int, ...]
    viper: tuple[int, ...]
    synthia: tuple[int, ...]
    kitti_step: tuple[int, ...]
    segnet: tuple[int, ...]
    camvid: tuple[str, ...]
    vkitti2: tuple[str, ...]


# fmt: off
_TABLE = (
    #     class                          Cityscapes VIPER  SYNTHIA KITTI-STEP SegNet's, CamVid's, Virtual KITTI 2's
    _Row("road", (128, 64, 128),           (7,),   (3,),   (3,),   (0,),   (3,),
         ("Road", "LaneMkgsDriv", "LaneMkgsNonDriv"), ("Road",)),
    _Row("sidewalk", (244, 35, 232),       (8,),   (4,),   (4,),   (1,),   (4,), ("Sidewalk",), ()),
    _Row("building", (70, 70, 70),         (11,),  (9,),   (2,),   (2,),   (1,), ("Building",), ("Building",)),
    _Row("wall", (102, 102, 156),          (12,),  (),     (),     (3,),   (),   ("Wall",), ()),
    _Row("fence", (190, 153, 153),         (13,),  (11,),  (5,),   (4,),   (7,), ("Fence",), ()),
    _Row("pole", (153, 153, 153),          (17,),  (),     (7,),   (5,),   (2,), ("Column_Pole",), ("Pole",)),
    _Row("light", (250, 170, 30),          (19,),  (13,),  (15,),  (6,),   (),   ("TrafficLight",), ("TrafficLight",)),
    _Row("sign", (220, 220, 0),            (20,),  (14,),  (9,),   (7,),   (),   ("SignSymbol",), ("TrafficSign",)),
    _Row("vegetation", (107, 142, 35),     (21,),  (7, 8), (6,),   (8,),   (5,),  # trees and other plants
         ("Tree", "VegetationMisc"), ("Tree", "Vegetation")),
    _Row("terrain", (152, 251, 152),       (22,),  (6,),   (),     (9,),   (),   (), ("Terrain",)),
    _Row("sky", (70, 130, 180),            (23,),  (2,),   (1,),   (10,),  (0,), ("Sky",), ("Sky",)),
    _Row("person", (220, 20, 60),          (24,),  (20,),  (10,),  (11,),  (9,), ("Pedestrian", "Child"), ()),
    # SYNTHIA's 11 is called bicycle or cyclist; the public code uses it as the rider. CamVid's Bicyclist is the same.
    _Row("rider", (255, 0, 0),             (25,),  (),     (11,),  (12,),  (10,), ("Bicyclist",), ()),
    # Cityscapes counts a van as a car.
    _Row("car", (0, 0, 142),               (26,),  (24,),  (8,),   (13,),  (8,),
         ("Car", "SUVPickupTruck"), ("Car", "Van")),
    _Row("truck", (0, 0, 70),              (27,),  (27,),  (),     (14,),  (),   (), ("Truck",)),
    _Row("bus", (0, 60, 100),              (28,),  (26,),  (),     (15,),  (),   (), ()),
    _Row("train", (0, 80, 100),            (31,),  (29,),  (),     (16,),  (),   ("Train",), ()),
    _Row("motorcycle", (0, 0, 230),        (32,),  (23,),  (),     (17,),  (),   (), ()),
    _Row("bicycle", (119, 11, 32),         (33,),  (22,),  (),     (18,),  (),   (), ()),
)
# fmt: on
"""Every class of any set, in the order that all sets keep."""

_LEFT_OUT: dict[ClassSet, frozenset[str]] = {
    "viper": frozenset({"wall", "pole", "rider", "train"}),
    "synthia": frozenset({"wall", "terrain", "truck", "bus", "train", "motorcycle", "bicycle"}),
    "vkitti2": frozenset({"sidewalk", "wall", "fence", "person", "rider", "bus", "train", "motorcycle", "bicycle"}),
    "gta5": frozenset(),
}
_UNSCORED: dict[ClassSet, frozenset[str]] = {"synthia": frozenset({"fence"})}
_WITH_BICYCLE = frozenset({"camvid", "segnet"})
"""Data sets in which a rider and the bicycle are one region, which does not count as a person."""

RAW_IDS: dict[RawIds, int] = {
    "cityscapes": 35,
    "viper": 32,
    "synthia": 16,
    "camvid": len(COLOURS["camvid"]),
    "segnet": 12,
    "kitti_step": 19,
    "vkitti2": len(COLOURS["vkitti2"]),
    "carla_0.9.10": len(TAGS["0.9.10"]),
    "carla_0.9.14": len(TAGS["0.9.14"]),
}
"""The number of ids, counted from 0. A label map with higher ids is of another kind. SYNTHIA-Seq skips 13 and 14."""
VOID: dict[RawIds, int] = {"kitti_step": 255}
"""The id of pixels without a class, for data sets in which it is above the others."""


def taxonomy(classes: ClassSet, raw: RawIds | None = None) -> Taxonomy:
    """The class table of a class set: order, colours and scored classes as published.

    Args:
        classes: the class set; in ``"synthia"``, fence is trained but not scored.
        raw: the data set that is scored, or None. Classes that its label maps cannot show are not scored, because no
            frame could hold a correct pixel.
    """
    kept = [row for row in _TABLE if row.name not in _LEFT_OUT[classes]]
    unscored = _UNSCORED.get(classes, frozenset())
    if raw is not None:
        shown = {index for index in train_ids(raw, classes).tolist() if index < len(kept)}
        unscored |= {row.name for index, row in enumerate(kept) if index not in shown}
    return Taxonomy(tuple(row.name for row in kept), tuple(row.colour for row in kept), unscored)


def train_ids(raw: RawIds, classes: ClassSet) -> NDArray[np.uint8]:
    """(256,) lookup from the raw ids of a data set to train ids; 255 for classes that the class set leaves out.

    Args:
        raw: the data set.
        classes: the class set.
    """
    rows = [
        row for row in _TABLE if row.name != "rider" or raw not in _WITH_BICYCLE or "rider" not in _LEFT_OUT[classes]
    ]
    return named_train_ids(((number, row.name) for row in rows for number in _numbers(row, raw)), classes)


def named_train_ids(raw_to_name: Iterable[tuple[int, str]], classes: ClassSet) -> NDArray[np.uint8]:
    """(256,) lookup from raw ids to train ids.

    A rider counts as a person if the class set has persons and no riders. Any other class that it leaves out is 255.

    Args:
        raw_to_name: raw ids, each with the name of a class of any set.
        classes: the class set.
    """
    table = taxonomy(classes)
    names = {name: name for name in table.names}
    if "person" in names:
        names.setdefault("rider", "person")
    return table.mapping([(number, names[name]) for number, name in raw_to_name if name in names])


def class_ids(name: str, raw: RawIds) -> list[int]:
    """All raw ids of a class in a data set. If its label maps are in colours, these are positions in the colour table.

    Args:
        name: the name of a class of any set.
        raw: the data set.
    """
    (row,) = (row for row in _TABLE if row.name == name)
    return _numbers(row, raw)


CLASSES = tuple(row.name for row in _TABLE if row.name not in ("wall", "train"))
"""The names of the classes that ``streets`` draws, in the order that each set keeps. No wall and no train is drawn."""
_CARLA: dict[RawIds, Tags] = {"carla_0.9.10": "0.9.10", "carla_0.9.14": "0.9.14"}


def raw_ids(raw: RawIds) -> dict[str, int]:
    """The raw id of each class that a data set has, by name; the first one if there are several.

    A rider has the id of a person if the data set has no riders.
    """
    found = {row.name: numbers[0] for row in _TABLE if (numbers := _numbers(row, raw))}
    return {"rider": found["person"]} | found if "person" in found else found


def _numbers(row: _Row, raw: RawIds) -> list[int]:
    """The raw ids of a class in a data set. If its label maps are in colours, these are positions in the table."""
    if raw == "camvid" or raw == "vkitti2":
        return [painted_id(raw, name) for name in getattr(row, raw)]
    if raw in _CARLA:
        return list(tags_of(_CARLA[raw], row.name))
    return list(getattr(row, raw))
