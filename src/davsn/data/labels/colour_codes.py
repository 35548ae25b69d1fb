"""Label maps in which colours mean classes. The position of a colour in its table is its raw id."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import DataError
from davsn.data.images import read_picture
from davsn.data.labels.coding import Colour, packed

Painted = Literal["camvid", "vkitti2"]
"""The data sets whose label maps are in colours."""

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
"""The share of pixels whose colours mean no class that counts as painting errors, and is ignored."""
_NONE = 255


def painted_id(raw: Painted, name: str) -> int:
    """The raw id of one of a data set's own classes."""
    return list(COLOURS[raw]).index(name)


def read_painted(path: Path, raw: Painted) -> NDArray[np.uint8]:
    """Read a label map in colours: (H, W) raw ids.

    Pixels whose colours mean no class get 0, which is no class in any of these data sets.

    Raises:
        DataError: the file cannot be read, or the colours of more than 1 % of its pixels mean no class.
    """
    colours = read_picture(path)
    ids = _table(raw)[packed(colours)]
    unknown = ids == _NONE
    strays = np.count_nonzero(unknown)
    if strays > _STRAY * ids.size:
        found, counts = np.unique(colours[unknown], axis=0, return_counts=True)
        worst = ", ".join(str(tuple(map(int, found[index]))) for index in np.argsort(-counts, kind="stable")[:3])
        raise DataError(
            f"has colours that mean no class in {strays / ids.size:.0%} of its pixels, such as {worst}",
            str(path),
            "Use the label map as it was downloaded: interpolation and JPEG compression mix colours",
        )
    ids[unknown] = 0
    return ids


def paint(ids: NDArray[np.uint8], raw: Painted) -> NDArray[np.uint8]:
    """Paint raw ids (H, W) in their colours (H, W, 3), which :func:`read_painted` reads."""
    return np.array(list(COLOURS[raw].values()), np.uint8)[ids]


@cache
def _table(raw: Painted) -> NDArray[np.uint8]:
    """(2²⁴,) lookup from packed colours to raw ids. It takes 16 MB and is several times as fast as a search."""
    table = np.full(1 << 24, _NONE, np.uint8)
    table[packed(np.array(list(COLOURS[raw].values()), np.uint8))] = np.arange(len(COLOURS[raw]))
    return table
