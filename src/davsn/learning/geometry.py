"""Random zoom and mirroring of a clip: frames, flow and labels change together, so that they stay consistent."""

import random
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from davsn.core.clip import Batch
from davsn.ops.mixing import rectangle
from davsn.ops.resize import upsample
from davsn.ops.warp import mirror_flow, resize_flow


@dataclass(frozen=True)
class Geometry:
    """One draw of a change in geometry: a part of the frames, resized to the size of the whole, and perhaps mirrored.

    Attributes:
        rows: the rows of the part.
        columns: the columns of the part.
        mirrored: whether the part is mirrored left to right.
    """

    rows: slice
    columns: slice
    mirrored: bool

    def clip(self, clip: Batch) -> Batch:
        """A changed clip; its flows are those between the changed frames.

        Args:
            clip: a clip with flows at the frames' size; see :func:`davsn.learning.mixing.at_size`.
        """
        frames = {offset: upsample(self._part(frame), clip.size) for offset, frame in clip.frames.items()}
        flows = {pair: resize_flow(self._part(flow), clip.size) for pair, flow in clip.flows.items()}
        if self.mirrored:
            frames = {offset: frame.flip(-1) for offset, frame in frames.items()}
            flows = {pair: mirror_flow(flow) for pair, flow in flows.items()}
        return replace(clip, frames=frames, flows=flows, valid={}, labels=None)

    def pixels(self, maps: Tensor) -> Tensor:
        """Labels or weights (B, H, W), changed like the frames; each pixel takes the nearest one."""
        height, width = maps.shape[-2:]
        part = self._part(maps)
        places = (
            torch.linspace(0, inside - 1, outside, device=maps.device).round().long()
            for inside, outside in zip(part.shape[-2:], (height, width), strict=True)
        )
        rows, columns = places
        changed = part[..., rows, :][..., columns]
        return changed.flip(-1) if self.mirrored else changed

    def _part(self, maps: Tensor) -> Tensor:
        return maps[..., self.rows, self.columns]


def draw_geometry(size: tuple[int, int], smallest: float = 0.2) -> Geometry:
    """Draw a change in geometry: a part of random size, shape and place, mirrored with probability 0.5.

    Args:
        size: (H, W) of the frames.
        smallest: the smallest share of their area, in (0, 1].
    """
    return Geometry(*rectangle(size, smallest, 1.0), mirrored=random.random() < 0.5)
