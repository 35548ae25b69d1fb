"""Where a flow can be trusted: where the flow back leads to where one came from."""

from torch import Tensor

from davsn.ops.warp import warp

RULE = "|f+b|² < 0.01 (|f|²+|b|²) + 0.5"
"""What a cached mask says it was made by."""


def consistent(forward: Tensor, backward: Tensor) -> Tensor:
    """Forward–backward consistency: following the flow there and the other one back, one comes out where one began.

    The error may be half a squared pixel plus a hundredth of the squared motion (Sundaram, Brox & Keutzer, "Dense
    Point Trajectories by GPU-accelerated Large Displacement Optical Flow", ECCV 2010, section 3; the same constants in
    Meister, Hur & Roth, "UnFlow", AAAI 2018). What is occluded, leaves the frame, or is estimated badly fails.

    Args:
        forward: (B, 2, H, W) flow a→b.
        backward: (B, 2, H, W) flow b→a.

    Returns:
        (B, H, W) bool, on frame a's grid.
    """
    back, inside = warp(backward.float(), forward)
    forward = forward.float()
    error = (forward + back).square().sum(1)
    motion = forward.square().sum(1) + back.square().sum(1)
    return inside & (error < 0.01 * motion + 0.5)
