"""The names of the published data sets, and of CARLA's recordings, in whose layouts ``streets`` can be written."""

from typing import Literal

Benchmark = (
    Literal["viper", "synthia", "cityscapes", "camvid", "kitti-step", "vkitti2"]
    | Literal["carla", "shift", "acdc", "bddvid", "cityscapes-vps", "gta5"]
)
