"""Labels that are painted, not numbered: every colour means a class. Its place in its table is its raw id."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import DataError
from davsn.data.images import read_picture
from davsn.data.taxonomy import Colour

Painted = Literal["camvid", "vkitti2"]
"""The data sets whose labels are colours."""

COLOURS: Mapping[Painted, Mapping[str, Colour]] = {
    "camvid": {  # label_colors.txt, Void first
        "Void": (0, 0, 0),
        "Animal": (64, 128, 64),
        "Archway": (192, 0, 128),
        "Bicyclist": (0, 128, 192),
        "Bridge": (0, 128, 64),
        "Building": (128, 0, 0),
        "Car": (64, 0, 128),
        "CartLuggagePram": (64, 0, 192),
        "Child": (192, 128, 64),
        "Column_Pole": (192, 192, 128),
        "Fence": (64, 64, 128),
        "LaneMkgsDriv": (128, 0, 192),
        "LaneMkgsNonDriv": (192, 0, 64),
        "Misc_Text": (128, 128, 64),
        "MotorcycleScooter": (192, 0, 192),
        "OtherMoving": (128, 64, 64),
        "ParkingBlock": (64, 192, 128),
        "Pedestrian": (64, 64, 0),
        "Road": (128, 64, 128),
        "RoadShoulder": (128, 128, 192),
        "Sidewalk": (0, 0, 192),
        "SignSymbol": (192, 128, 128),
        "Sky": (128, 128, 128),
        "SUVPickupTruck": (64, 128, 192),
        "TrafficCone": (0, 0, 64),
        "TrafficLight": (0, 64, 64),
        "Train": (192, 64, 128),
        "Tree": (128, 128, 0),
        "Truck_Bus": (192, 128, 192),
        "Tunnel": (64, 0, 64),
        "VegetationMisc": (192, 192, 0),
        "Wall": (64, 192, 0),
    },
    "vkitti2": {  # colors.txt
        "Undefined": (0, 0, 0),
        "Terrain": (210, 0, 200),
        "Sky": (90, 200, 255),
        "Tree": (0, 199, 0),
        "Vegetation": (90, 240, 0),
        "Building": (140, 140, 140),
        "Road": (100, 60, 100),
        "GuardRail": (250, 100, 255),
        "TrafficSign": (255, 255, 0),
        "TrafficLight": (200, 200, 0),
        "Pole": (255, 130, 0),
        "Misc": (80, 80, 80),
        "Truck": (160, 60, 60),
        "Car": (255, 127, 80),
        "Van": (0, 139, 139),
    },
}

_STRAY = 0.01
"""The share of pixels in colours of no class that is taken for slips of the brush, and ignored."""
_NONE = 255


def painted_id(raw: Painted, name: str) -> int:
    """The raw id of a data set's own class."""
    return list(COLOURS[raw]).index(name)


def read_painted(path: Path, raw: Painted) -> NDArray[np.uint8]:
    """(H, W) raw ids of a label in colours; 0, which no data set gives a class, where the colour is of none.

    Raises:
        DataError: unreadable, or with more than one pixel in a hundred in colours of no class.
    """
    colours = read_picture(path)
    ids = _table(raw)[_packed(colours)]
    unknown = ids == _NONE
    strays = np.count_nonzero(unknown)
    if strays > _STRAY * ids.size:
        found, counts = np.unique(colours[unknown], axis=0, return_counts=True)
        worst = ", ".join(str(tuple(map(int, found[index]))) for index in np.argsort(-counts, kind="stable")[:3])
        raise DataError(
            f"has {strays / ids.size:.0%} of its pixels in colours that mean no class, such as {worst}",
            str(path),
            "Use the label as it was downloaded: resizing with interpolation and JPEG mix colours",
        )
    ids[unknown] = 0
    return ids


def paint(ids: NDArray[np.uint8], raw: Painted) -> NDArray[np.uint8]:
    """(H, W, 3) the colours of raw ids: what :func:`read_painted` reads."""
    return np.array(list(COLOURS[raw].values()), np.uint8)[ids]


@cache
def _table(raw: Painted) -> NDArray[np.uint8]:
    """(2²⁴,) raw id by packed colour: 16 MB, several times as fast as a search for each pixel."""
    table = np.full(1 << 24, _NONE, np.uint8)
    table[_packed(np.array(list(COLOURS[raw].values()), np.uint8))] = np.arange(len(COLOURS[raw]))
    return table


def _packed(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(…,) a colour (…, 3) as one number."""
    wide = colours.astype(np.int32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])
