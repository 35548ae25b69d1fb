"""Conversion of images and flow between NumPy, with channels last, and PyTorch, with channels second."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_tensor(arrays: Sequence[NDArray[np.generic]]) -> Tensor:
    """(B, K, H, W) of the arrays' type from B arrays (H, W, K) of one size."""
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()


def to_arrays(maps: Tensor) -> list[NDArray[Any]]:
    """B arrays (H, W, K) from (B, K, H, W) on any device."""
    return [np.ascontiguousarray(each) for each in maps.permute(0, 2, 3, 1).cpu().numpy()]


def pictures(frames: Sequence[NDArray[np.uint8]]) -> Tensor:
    """(B, 3, H, W) float32 in [0, 1] from B RGB frames (H, W, 3) uint8 of one size."""
    return to_tensor(frames).float().div_(255)
