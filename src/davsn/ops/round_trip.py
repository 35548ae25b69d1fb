"""There and back along two flows: what does not come home was hidden, or followed wrongly."""

from torch import Tensor

from davsn.ops.warp import warp

_SHARE, _SLACK = 0.01, 0.5
"""How far from home still counts: squared pixels, as a share of both squared motions and beside it."""


def round_trip(flow_ab: Tensor, flow_ba: Tensor) -> tuple[Tensor, Tensor]:
    """How far pixels of frame a end from where they began when they go to frame b and back.

    Args:
        flow_ab: (B, 2, h, w) pixels.
        flow_ba: (B, 2, h, w) pixels, on frame b's grid.

    Returns:
        (B, h, w) pixels between start and end.
        (B, h, w) bool, True where the pixel comes home: its way stays inside the frame, and start and end are as near
        as Sundaram et al., "Dense Point Trajectories by GPU-Accelerated Large Displacement Optical Flow" (ECCV 2010,
        section 4), demand. The rest is taken for occluded.
    """
    back, inside = warp(flow_ba, flow_ab)
    squared = (flow_ab + back).square().sum(1)
    near = squared <= _SHARE * (flow_ab.square() + back.square()).sum(1) + _SLACK
    return squared.sqrt(), inside & near
