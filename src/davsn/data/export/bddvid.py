"""The layout of BDDVid: ``<split>/images/00000001-00000000_307.jpg`` and ``labels``, which has frame 307 alone."""

from davsn.data.export.files import LABELLED, Place, png

_CENTRE = 307


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    number = _CENTRE - min(LABELLED, place.length - 1) + place.position
    name = f"{place.clip + 1:08x}-00000000_{number:03d}"
    place.save_picture(f"{place.split}/images/{name}.jpg")
    if place.sparsely_labelled:
        place.save_bytes(f"{place.split}/labels/{name}.png", png(place.ids("kitti_step")))
    place.save_flow(f"Estimated_optical_flow_BDDVid_{place.split}/{name}_{number - 1:03d}")
