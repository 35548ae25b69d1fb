"""The names of the published data sets in whose layouts ``streets`` can be written."""

from typing import Literal

Benchmark = Literal["viper", "synthia", "cityscapes", "camvid", "kitti-step", "vkitti2"]
