"""FlowNet2's operations besides convolutions, in plain PyTorch. It resamples with :func:`davsn.ops.warp.warp`."""

import torch
from torch import Tensor
from torch.nn import functional


def correlation(a: Tensor, b: Tensor, radius: int = 10, step: int = 2) -> Tensor:
    """The correlation of frame a's features with frame b's around them (FlowNet, Dosovitskiy et al. 2015, section 3).

    Channel (j + r)·(2r + 1) + (i + r) holds the mean over c of a[c, y, x] · b[c, y + step·j, x + step·i]. Outside the
    frame, b counts as 0.

    Two positions can only match if their coordinates have the same remainders modulo ``step``. So the frames are split
    by these remainders. In each part, a row is multiplied with all rows that it can match in one matrix product. That
    computes more products than needed, but is several times faster (benchmarks/correlation.py).

    Args:
        a: (B, C, H, W) of any floating type. The computation is in float32, also under autocast.
        b: the same shape.
        radius: r, the number of steps to every side.
        step: pixels in a step.

    Returns:
        (B, (2r + 1)², H, W) float32.
    """
    with torch.autocast(a.device.type, enabled=False):
        batch, channels, height, width = a.shape
        parts_a, parts_b = _parts(a.float() / channels, step), _parts(b.float(), step)
        parts, rows, columns, _ = parts_a.shape
        side, reach = 2 * radius + 1, columns + 2 * radius
        costs = parts_a.new_zeros(parts, rows, side, side, columns)  # y, j, i, x
        products = parts_a.new_zeros(parts, columns, side, reach)  # x, j, and x + i with a margin of 0 on both sides
        for y in range(rows):
            first, last = max(y - radius, 0), min(y + radius + 1, rows)
            met = parts_b[:, first:last].flatten(1, 2).transpose(1, 2)
            product = torch.bmm(parts_a[:, y], met).view(parts, columns, last - first, columns)
            products[:, :, : last - first, radius : radius + columns] = product
            strides = (columns * side * reach, reach, 1, side * reach + 1)  # the last one follows the diagonal
            begin = first - y + radius
            costs[:, y, begin : begin + last - first] = products.as_strided(
                (parts, last - first, side, columns), strides
            )
        costs = costs.view(batch, step, step, rows, side * side, columns).permute(0, 4, 3, 1, 5, 2)
        return costs.reshape(batch, side * side, rows * step, columns * step)[..., :height, :width]


def channel_norm(x: Tensor) -> Tensor:
    """The length of the vector at every pixel: (B, C, H, W) → (B, 1, H, W) float32. The gradient at length 0 is 0."""
    norm: Tensor = torch.linalg.vector_norm(x.float(), dim=1, keepdim=True)
    return norm


def _parts(features: Tensor, step: int) -> Tensor:
    """Split positions by their remainders modulo ``step``: (B, C, H, W) → (B·step², H/step, W/step, C), zero-padded."""
    batch, channels, height, width = features.shape
    padded = functional.pad(features, (0, -width % step, 0, -height % step))
    rows, columns = padded.shape[2] // step, padded.shape[3] // step
    split = padded.reshape(batch, channels, rows, step, columns, step)
    return split.permute(0, 3, 5, 2, 4, 1).reshape(batch * step * step, rows, columns, channels)
