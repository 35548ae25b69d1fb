"""The layout of SYNTHIA-Seq: ``RGB/Stereo_Left/Omni_F/000000.png`` and ``GT/LABELS``, with 16-bit label maps.

All clips form one sequence; one number is left out between two clips. Frames and label maps get 120 extra rows at the
bottom, where SYNTHIA-Seq shows the ego vehicle.
"""

import numpy as np

from davsn.data.export.files import Place, png

_OWN_CAR = ((0, 120), (0, 0))


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    name = f"{place.clip * (place.length + 1) + place.position:06d}"
    ids = np.pad(place.ids("synthia"), _OWN_CAR).astype(np.uint16)
    nothing = np.zeros_like(ids)
    place.save_picture(f"RGB/Stereo_Left/Omni_F/{name}.png", np.pad(place.picture(), (*_OWN_CAR, (0, 0))))
    place.save_bytes(f"GT/LABELS/Stereo_Left/Omni_F/{name}.png", png(np.dstack([nothing, nothing, ids])))
    place.save_flow(f"Estimated_optical_flow_SynthiaSeq_train/{name}")
