"""Streets in the files of the published data sets: folders, names, ids and flow as those are downloaded.

A module each. A clip is a drive, or a part of one. Flow is the exact one of each frame to the frame before: in tenths
of a pixel under names like the public code's, with no place for what is out of sight, or as Virtual KITTI 2 has it.
"""

from collections.abc import Callable
from typing import Literal

from davsn.data.export import camvid, cityscapes, kitti_step, synthia, viper, vkitti2
from davsn.data.export.files import Place

Benchmark = Literal["viper", "synthia", "cityscapes", "camvid", "kitti-step", "vkitti2"]

_WRITERS: dict[Benchmark, Callable[[Place], None]] = {
    "viper": viper.write,
    "synthia": synthia.write,
    "cityscapes": cityscapes.write,
    "camvid": camvid.write,
    "kitti-step": kitti_step.write,
    "vkitti2": vkitti2.write,
}


def write_frame(layout: Benchmark, place: Place) -> None:
    """Write one frame's picture, and its label and flow if it has any.

    Raises:
        DataError: more clips than the data set has names for, or files that cannot be written.
    """
    _WRITERS[layout](place)
