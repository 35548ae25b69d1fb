"""Smoothing over time: a moving average of maps along the optical flow."""

from torch import Tensor

from davsn.ops.warp import warp


def moving_average(current: Tensor, average: Tensor, flow: Tensor, trusted: Tensor, share: float) -> Tensor:
    """The exponential moving average of maps along the flow: (1 − share) current + share warp(average).

    Where the flow is not trusted, or leaves the frame, the current maps alone count. So the average begins anew there.

    Args:
        current: (B, C, H, W) maps of the current frame, such as class probabilities.
        average: (B, C, H, W) the average up to the previous frame, on its grid.
        flow: (B, 2, H, W) current→previous, at the maps' resolution.
        trusted: (B, H, W) bool on the current frame's grid, such as :func:`davsn.flow.consistency.consistent` gives it.
        share: the weight of the past in [0, 1).

    Returns:
        (B, C, H, W) on the current frame's grid. Probabilities stay probabilities.
    """
    moved, inside = warp(average, flow)
    kept = share * (trusted & inside)[:, None].to(current.dtype)
    return current + kept * (moved - current)
