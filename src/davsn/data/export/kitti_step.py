"""The layout of KITTI-STEP: ``images/<split>/0000/000000.png`` and ``panoptic_maps``, which have the class in red.

Every frame has a label map.
"""

import numpy as np

from davsn.data.export.files import Place

_DRIVES = 9999
"""The largest number of drives: names have four digits for the drive."""


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    place.limit(_DRIVES, "KITTI-STEP")
    drive, name = f"{place.clip:04d}", f"{place.position:06d}"
    classes = place.ids("kitti_step")
    place.save_picture(f"images/{place.split}/{drive}/{name}.png")
    maps = np.dstack([classes, np.zeros_like(classes), np.zeros_like(classes)])
    place.save_picture(f"panoptic_maps/{place.split}/{drive}/{name}.png", maps)
    place.save_flow(f"Estimated_optical_flow_KITTI-STEP_{place.split}/{drive}_{name}_{place.position - 1:06d}")
