"""SYNTHIA-Seq: ``RGB/Stereo_Left/Omni_F/000000.png`` and ``GT/LABELS``, one sequence of 16-bit labels.

There are 120 rows more below, for the own car. Clips follow one another with one number between them left out.
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
