"""The forward–backward check: a flow can be trusted where the backward flow leads back to the start."""

from torch import Tensor

from davsn.ops.warp import warp

RULE = "|f+b|² < 0.01 (|f|²+|b|²) + 0.5"
"""The rule as text. Cache entries with a mask record it."""


def consistent(forward: Tensor, backward: Tensor) -> Tensor:
    """Forward–backward consistency: whether the forward flow and then the backward flow lead back to the start.

    The squared error must be below 0.5 plus a hundredth of the squared motion (Sundaram, Brox & Keutzer, "Dense Point
    Trajectories by GPU-accelerated Large Displacement Optical Flow", ECCV 2010, section 3). Meister, Hur & Roth,
    "UnFlow", AAAI 2018, use the same constants. Pixels that are occluded, leave the frame, or have a poor estimate
    fail the check.

    Args:
        forward: (B, 2, H, W) flow a→b.
        backward: (B, 2, H, W) flow b→a.

    Returns:
        (B, H, W) bool on frame a's grid, True where the flow can be trusted.
    """
    back, inside = warp(backward.float(), forward)
    forward = forward.float()
    error = (forward + back).square().sum(1)
    motion = forward.square().sum(1) + back.square().sum(1)
    return inside & (error < 0.01 * motion + 0.5)
