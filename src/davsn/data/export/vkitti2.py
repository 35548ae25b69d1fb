"""The layout of Virtual KITTI 2: ``Scene01/clone/frames``, with ``rgb``, ``classSegmentation`` and flow both ways.

The label maps in ``classSegmentation`` are in colours.
"""

from davsn.data.export.files import Place
from davsn.data.labels.colour_codes import paint
from davsn.flow.files.relative import write_relative

_SCENES = 99
"""The largest number of scenes: names have two digits for the scene."""


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    place.limit(_SCENES, "Virtual KITTI 2")
    frames, number = f"Scene{place.clip + 1:02d}/clone/frames", f"{place.position:05d}"
    place.save_picture(f"{frames}/rgb/Camera_0/rgb_{number}.jpg")
    place.save_picture(
        f"{frames}/classSegmentation/Camera_0/classgt_{number}.png", paint(place.ids("vkitti2"), "vkitti2")
    )
    _save_flow(place, f"{frames}/backwardFlow/Camera_0/backwardFlow_{number}.png", place.position - 1)
    _save_flow(place, f"{frames}/forwardFlow/Camera_0/flow_{number}.png", place.position + 1)


def _save_flow(place: Place, name: str, other: int) -> None:
    if 0 <= other < place.length:
        write_relative(place.folder / name, *place.dataset.read_flow(place.clip, place.position, other))
