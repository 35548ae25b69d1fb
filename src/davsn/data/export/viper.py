"""The layout of VIPER: ``<split>/img/001/001_00001.jpg`` and ``cls``. Every frame has a label map, a palette PNG."""

from davsn.data.export.files import Place, palette_png

_DRIVES = 999
"""The largest number of drives: names have three digits for the drive."""


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    place.limit(_DRIVES, "VIPER")
    drive, number = f"{place.clip + 1:03d}", place.position + 1
    name = f"{drive}/{drive}_{number:05d}"
    place.save_picture(f"{place.split}/img/{name}.jpg")
    place.save_bytes(f"{place.split}/cls/{name}.png", palette_png(place.ids("viper")))
    place.save_flow(f"Estimated_optical_flow_Viper_{place.split}/{drive}_{number:05d}{number - 1:05d}")
