"""The semantic tags of CARLA: the id, the name and the colour of each, and the class of Cityscapes that it stands for.

CARLA's "Sensors reference" (carla.readthedocs.io/en/0.9.14/ref_sensors, "Semantic segmentation camera") says that the
red channel holds the tag. The tags are those of LibCarla's ``rpc/ObjectLabel.h``, the colours those of its
``image/CityScapesPalette.h``. Both files were renumbered in 0.9.14, in the order of Cityscapes' train ids.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from davsn.data.labels.coding import Colour

Tags = Literal["0.9.10", "0.9.14"]
"""The versions of CARLA that brought new tags. '0.9.10' has 23, and older versions have the first 13 of them. '0.9.14'
has 29."""


class Tag(NamedTuple):
    """A semantic tag.

    Attributes:
        name: CARLA's name of it.
        colour: its RGB colour in images that were saved with the converter ``CityScapesPalette``.
        stands_for: the name of its class in :mod:`davsn.data.labels.class_tables`; None if it has none.
    """

    name: str
    colour: Colour
    stands_for: str | None = None


# fmt: off
TAGS: Mapping[Tags, Sequence[Tag]] = {
    "0.9.10": (
        Tag("unlabeled", (0, 0, 0)),
        Tag("building", (70, 70, 70), "building"),
        Tag("fence", (100, 40, 40), "fence"),
        Tag("other", (55, 90, 80)),
        Tag("pedestrian", (220, 20, 60), "person"),  # who rides is one too
        Tag("pole", (153, 153, 153), "pole"),
        Tag("road line", (157, 234, 50), "road"),
        Tag("road", (128, 64, 128), "road"),
        Tag("sidewalk", (244, 35, 232), "sidewalk"),
        Tag("vegetation", (107, 142, 35), "vegetation"),
        Tag("vehicle", (0, 0, 142), "car"),  # trucks, buses, trains and two-wheelers too
        Tag("wall", (102, 102, 156), "wall"),
        Tag("traffic sign", (220, 220, 0), "sign"),
        Tag("sky", (70, 130, 180), "sky"),
        Tag("ground", (81, 0, 81)),
        Tag("bridge", (150, 100, 100)),
        Tag("rail track", (230, 150, 140)),
        Tag("guard rail", (180, 165, 180)),
        Tag("traffic light", (250, 170, 30), "light"),
        Tag("static", (110, 190, 160)),
        Tag("dynamic", (170, 120, 50)),
        Tag("water", (45, 60, 150)),
        Tag("terrain", (145, 170, 100), "terrain"),
    ),
    "0.9.14": (
        Tag("unlabeled", (0, 0, 0)),
        Tag("road", (128, 64, 128), "road"),
        Tag("sidewalk", (244, 35, 232), "sidewalk"),
        Tag("building", (70, 70, 70), "building"),
        Tag("wall", (102, 102, 156), "wall"),
        Tag("fence", (190, 153, 153), "fence"),
        Tag("pole", (153, 153, 153), "pole"),
        Tag("traffic light", (250, 170, 30), "light"),
        Tag("traffic sign", (220, 220, 0), "sign"),
        Tag("vegetation", (107, 142, 35), "vegetation"),
        Tag("terrain", (152, 251, 152), "terrain"),
        Tag("sky", (70, 130, 180), "sky"),
        Tag("pedestrian", (220, 20, 60), "person"),
        Tag("rider", (255, 0, 0), "rider"),
        Tag("car", (0, 0, 142), "car"),
        Tag("truck", (0, 0, 70), "truck"),
        Tag("bus", (0, 60, 100), "bus"),
        Tag("train", (0, 80, 100), "train"),
        Tag("motorcycle", (0, 0, 230), "motorcycle"),
        Tag("bicycle", (119, 11, 32), "bicycle"),
        Tag("static", (110, 190, 160)),
        Tag("dynamic", (170, 120, 50)),
        Tag("other", (55, 90, 80)),
        Tag("water", (45, 60, 150)),
        Tag("road line", (157, 234, 50), "road"),
        Tag("ground", (81, 0, 81)),
        Tag("bridge", (150, 100, 100)),
        Tag("rail track", (230, 150, 140)),
        Tag("guard rail", (180, 165, 180)),
    ),
}
# fmt: on
"""The tags of each version; the position of a tag is its id."""


OLDER: Mapping[Colour, str] = {(190, 153, 153): "fence", (250, 170, 160): "other"}
"""Colours that two tags had before 0.9.10."""


def tags_of(tags: Tags, name: str) -> tuple[int, ...]:
    """The ids of all tags that stand for a class; the tag of the class itself comes before road lines."""
    found = [number for number, tag in enumerate(TAGS[tags]) if tag.stands_for == name]
    return tuple(sorted(found, key=lambda number: TAGS[tags][number].name == "road line"))
