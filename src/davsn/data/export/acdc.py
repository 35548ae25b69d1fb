"""The layout of ACDC: ``rgb_anon/fog/<split>/GOPR0001/GOPR0001_frame_000041_rgb_anon.png`` and ``gt``.

Clips take turns in the four conditions, in name alone. One frame a clip has a label map, and the frames before it are
there too.
"""

from davsn.data.export.files import Place, png

_DRIVES = 9999
"""The largest number of drives: names have four digits for the drive."""


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    place.limit(_DRIVES, "ACDC")
    condition, drive = ("fog", "night", "rain", "snow")[place.clip % 4], f"GOPR{place.clip + 1:04d}"
    name = f"{condition}/{place.split}/{drive}/{drive}_frame_{place.position + 1:06d}"
    place.save_picture(f"rgb_anon/{name}_rgb_anon.png")
    if place.sparsely_labelled:
        place.save_bytes(f"gt/{name}_gt_labelIds.png", png(place.ids("cityscapes")))
    flow = f"{condition}_{drive}_{place.position + 1:06d}_{place.position:06d}"
    place.save_flow(f"Estimated_optical_flow_ACDC_{place.split}/{flow}")
