"""The layout of SHIFT: ``discrete/images/<split>/front/img/0001-0000/00000000_img_front.jpg`` and ``semseg``.

Numbers of neighbours differ by 10. Every frame has a label map, whose first channel holds the tags of CARLA 0.9.10.
"""

import numpy as np

from davsn.data.export.files import Place

_DRIVES = 0xFFFF
"""The largest number of drives: names have four hexadecimal digits for the drive."""


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    place.limit(_DRIVES, "SHIFT")
    drive, number = f"{place.clip + 1:04x}-0000", 10 * place.position
    front, tags = f"discrete/images/{place.split}/front", place.ids("carla_0.9.10")
    place.save_picture(f"{front}/img/{drive}/{number:08d}_img_front.jpg")
    masks = np.dstack([tags, np.zeros_like(tags), np.zeros_like(tags)])
    place.save_picture(f"{front}/semseg/{drive}/{number:08d}_semseg_front.png", masks)
    place.save_flow(f"Estimated_optical_flow_SHIFT_{place.split}/{drive}_{number:08d}_{number - 10:08d}")
