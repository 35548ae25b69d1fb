"""The layout of Cityscapes-Seq: ``leftImg8bit_sequence/<split>/<city>`` and ``gtFine``, one labelled frame a clip.

The export has both numberings that Cityscapes uses. The city ``streets`` gets the first clip and every second one after
it; each clip is a drive whose frames begin at 0. The city ``townside`` gets the others as one drive with one counter.
There the gaps between clips are one number wide, and no labelled frame has the number 19.
"""

from davsn.data.export.files import Place, png

_COUNTER_STARTS = 23


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    if place.clip % 2 == 0:
        city, drive, number = "streets", place.clip, place.position
    else:
        begin = _COUNTER_STARTS + place.clip // 2 * (place.length + 1)
        city, drive, number = "townside", 0, begin + place.position
    name = f"{city}_{drive:06d}_{number:06d}"
    place.save_picture(f"leftImg8bit_sequence/{place.split}/{city}/{name}_leftImg8bit.png")
    if place.sparsely_labelled:
        labels = f"gtFine/{place.split}/{city}/{name}_gtFine_labelIds.png"
        place.save_bytes(labels, png(place.ids("cityscapes")))
    place.save_flow(f"Estimated_optical_flow_Cityscapes-Seq_{place.split}/{name}_{number - 1:06d}")
