"""The layout of GTA5: ``images/00001.png`` and ``labels/00001.png``, palette PNGs. Stills have no flow."""

from davsn.data.export.files import Place, palette_png

_STILLS = 99_999
"""The largest number of stills: names have five digits."""


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    place.limit(_STILLS // place.length, "GTA5")
    number = place.clip * place.length + place.position + 1
    place.save_picture(f"images/{number:05d}.png")
    place.save_bytes(f"labels/{number:05d}.png", palette_png(place.ids("cityscapes")))
