"""Exact optical flow: every visible point moves with its thing to the other time, and is projected into that camera."""

import numpy as np
from numpy.typing import NDArray

from davsn.streets.camera import NEAR, Floats
from davsn.streets.casting import CURVED
from davsn.streets.render import BONNET, GROUND, View

ROUNDING = 0.005
"""Pixels. Content up to this far beyond the centres of the outermost pixels still counts as inside."""
BEHIND_CREST = 1.5
"""Pixels. Ground of a hilly clip is hidden where it is further than this beyond the ground in front of it."""


def flow(current: View, other: View) -> tuple[Floats, NDArray[np.bool_]]:
    """The flow current→other and its valid mask.

    Args:
        current: the frame on whose grid the flow is defined.
        other: another frame of the same clip, of the same size.

    Returns:
        (H, W, 2) flow in pixels, x to the right, then y downwards; and an (H, W) mask, False where the content is
        outside the other frame or hidden in it. The sky and the far trees move as if they were infinitely far away.
    """
    points, facing = _points_seen_from(current, other)
    pixels, depth = other.camera.project(points)
    height, width = current.depth.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    column, row = np.rint(pixels).astype(np.int64).clip(-1, max(width, height))
    valid = (depth > NEAR) & facing & (pixels[0] >= -ROUNDING) & (pixels[1] >= -ROUNDING)
    valid &= (pixels[0] <= width - 1 + ROUNDING) & (pixels[1] <= height - 1 + ROUNDING)
    there = row.clip(0, height - 1), column.clip(0, width - 1)
    valid &= other.surface()[there] == current.surface()
    if current.world.road.hills is not None:
        slack = np.float32(0.1) + np.float32(BEHIND_CREST) * other.footprint[there]
        valid &= (depth < other.depth[there] + slack) | (current.part != GROUND)
    return np.stack([pixels[0] - x, pixels[1] - y], 2), valid


def _points_seen_from(current: View, other: View) -> tuple[Floats, NDArray[np.bool_]]:
    """The visible points at the other time (3, H, W), relative to the other camera in world axes.

    The second result (H, W) is False where a curved surface no longer faces the other camera, so that its far side is
    hidden by its near side.
    """
    step = (current.camera.position - other.camera.position).astype(np.float32)[:, None, None]
    ground = current.part == GROUND
    points = current.camera.rays * np.where(current.depth < np.inf, current.depth, 1) + step * ground
    covered = current.part == BONNET
    points[:, covered] = other.camera.rays[:, covered]
    facing = np.ones(ground.shape, bool)
    owner = current.owner()[current.part]
    seen = np.flatnonzero(owner >= 0)
    if not len(seen):
        return points, facing
    table, local = _table(current, other), current.point.reshape(3, -1)[:, seen]
    cos, sin, dx, dy, dz, camera_x, camera_y = table[:, owner.reshape(-1)[seen]]
    x, y, z = local
    flat = points.reshape(3, -1)
    flat[:, seen] = cos * x - sin * y + dx, sin * x + cos * y + dy, z + dz
    middle, radii = current.shapes
    part = current.part.reshape(-1)[seen]
    normal = (local - middle[:, part]) / radii[:, part] ** 2
    towards = ((np.stack([camera_x, camera_y, -dz]) - local) * normal).sum(0)
    facing.reshape(-1)[seen] = (current.face.reshape(-1)[seen] != CURVED) | (towards > 0)
    return flat.reshape(points.shape), facing


def _table(current: View, other: View) -> Floats:
    """A table (7, things) for the other time, with a column for each thing.

    Rows 0 and 1 are the cosine and sine of its heading. Rows 2 to 4 are its place relative to the other camera. Rows 5
    and 6 are the x and y of that camera in the thing's own axes.
    """
    rows = []
    for placed in current.placed:
        pose = current.world.pose(placed.thing, other.time)
        cos, sin = np.cos(pose.heading), np.sin(pose.heading)
        dx, dy = pose.x - other.camera.pose.x, pose.y - other.camera.pose.y
        dz = pose.z - other.camera.pose.z
        rows.append([cos, sin, dx, dy, dz, -cos * dx - sin * dy, sin * dx - cos * dy])
    return np.asarray(np.array(rows, np.float32).reshape(-1, 7).T)
