"""The layout of recordings of CARLA: ``Town01/rgb/000001.png`` and ``Town01/seg``, one recording a clip.

The semantic camera has the tags of CARLA 0.9.14 in the red channel of RGBA images. Every frame has a label map. The
flow is in ``Estimated_optical_flow``, as ``flow_root`` of a folder has it.
"""

import numpy as np

from davsn.data.export.files import Place


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    drive, name = f"Town{place.clip + 1:02d}", f"{place.position + 1:06d}"
    tags = place.ids("carla_0.9.14")
    nothing = np.zeros_like(tags)
    place.save_picture(f"{drive}/rgb/{name}.png")
    place.save_picture(f"{drive}/seg/{name}.png", np.dstack([tags, nothing, nothing, np.full_like(tags, 255)]))
    place.save_flow(f"Estimated_optical_flow/{drive}/rgb/{name}", "")
