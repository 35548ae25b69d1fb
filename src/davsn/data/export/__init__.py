"""Export of ``streets`` to the layouts of the published data sets: folders, names, ids and flow as downloaded.

Each layout is a module. A clip becomes a drive, or a part of one. The flow is the exact flow from each frame to the
frame before. Its files are in tenths of a pixel, with names like the public code's, and cannot mark pixels that are out
of sight; the layout of Virtual KITTI 2 has its own flow files.
"""

from collections.abc import Callable

from davsn.data.benchmarks import Benchmark
from davsn.data.export import (
    acdc,
    bddvid,
    camvid,
    carla,
    cityscapes,
    cityscapes_vps,
    gta5,
    kitti_step,
    shift,
    synthia,
    viper,
    vkitti2,
)
from davsn.data.export.files import Place

_WRITERS: dict[Benchmark, Callable[[Place], None]] = {
    "viper": viper.write,
    "synthia": synthia.write,
    "cityscapes": cityscapes.write,
    "camvid": camvid.write,
    "kitti-step": kitti_step.write,
    "vkitti2": vkitti2.write,
    "carla": carla.write,
    "shift": shift.write,
    "acdc": acdc.write,
    "bddvid": bddvid.write,
    "cityscapes-vps": cityscapes_vps.write,
    "gta5": gta5.write,
}


def write_frame(layout: Benchmark, place: Place) -> None:
    """Write the image of one frame, and its label map and flow if it has any.

    Raises:
        DataError: there are more clips than the layout has names for, or a file cannot be written.
    """
    _WRITERS[layout](place)
