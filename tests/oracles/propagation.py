"""Propagation pixel by pixel, in loops, as the specification words it. Slow, and nothing to get wrong."""

import math

import numpy as np


def literal_splat(maps, flow):
    """DA-VSN's forward splat: columns from the left, each from the top, and the last write stays.

    As fast as such loops are: the targets are rounded in one go, and whole feature vectors lie side by side.

    Args:
        maps: (C, h, w).
        flow: (2, h, w) float64.

    Returns:
        (C, h, w) and the (h, w) bool mask of pixels written.
    """
    _, height, width = maps.shape
    given = np.ascontiguousarray(maps.transpose(1, 2, 0))
    splatted = np.zeros_like(given)
    written = np.zeros((height, width), bool)
    columns = np.rint(np.arange(width)[None, :] - flow[0]).tolist()
    rows = np.rint(np.arange(height)[:, None] - flow[1]).tolist()
    for x in range(width):
        for y in range(height):
            column, row = columns[y][x], rows[y][x]
            if 0 <= column < width and 0 <= row < height:
                splatted[int(row), int(column)] = given[y, x]
                written[int(row), int(column)] = True
    return splatted.transpose(2, 0, 1), written


def literal_warp(maps, flow):
    """TPS's backward warp: four neighbours, each index clamped to the frame, weights from the unclamped position.

    Args:
        maps: (C, h, w).
        flow: (2, h, w), finite.

    Returns:
        (C, h, w) float64 and the (h, w) bool mask of samples inside the frame.
    """
    channels, height, width = maps.shape
    warped = np.zeros((channels, height, width))
    inside = np.zeros((height, width), bool)
    for y in range(height):
        for x in range(width):
            there_x = float(np.float32(x) + np.float32(flow[0, y, x]))
            there_y = float(np.float32(y) + np.float32(flow[1, y, x]))
            left, top = math.floor(there_x), math.floor(there_y)
            a, b = there_x - left, there_y - top
            for column, row, weight in (
                (left, top, (1 - a) * (1 - b)),
                (left + 1, top, a * (1 - b)),
                (left, top + 1, (1 - a) * b),
                (left + 1, top + 1, a * b),
            ):
                clamped_row, clamped_column = min(max(row, 0), height - 1), min(max(column, 0), width - 1)
                warped[:, y, x] += weight * maps[:, clamped_row, clamped_column]
            inside[y, x] = 0 <= there_x <= width - 1 and 0 <= there_y <= height - 1
    return warped, inside
