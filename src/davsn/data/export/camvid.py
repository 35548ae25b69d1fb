"""The layout of CamVid. ``701_StillsRaw_full/0001SR_f00019.png`` holds the labelled frames only.

``LabeledApproved_full`` holds the label maps, in colours. ``frames/0001SR`` holds all frames, as if extracted from
CamVid's videos.
"""

from davsn.data.export.files import Place
from davsn.data.labels.colour_codes import paint


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    drive = f"{place.clip + 1:04d}SR"
    name = f"{drive}_f{place.position:05d}"
    place.save_picture(f"frames/{drive}/{name}.png")
    if place.sparsely_labelled:
        place.save_picture(f"701_StillsRaw_full/{name}.png")
        place.save_picture(f"LabeledApproved_full/{name}_L.png", paint(place.ids("camvid"), "camvid"))
    place.save_flow(f"Estimated_optical_flow_CamVid/{name}_{place.position - 1:05d}")
