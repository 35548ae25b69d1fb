"""Tests the direction of stored flow on the frames that it should explain.

A flow file does not tell its direction. For the right direction, the frame that the flow leads to, warped along the
flow, looks like the frame that the flow starts from. Warped against the flow, it looks worse than without warping.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from davsn.data.transforms import resize_frame
from davsn.ops.arrays import pictures, to_tensor
from davsn.ops.warp import warp

_MOVES = 0.5
"""Motion in pixels below which a pixel tells nothing about the direction."""
_FEW = 0.01
"""Share of moving pixels below which a pair tells nothing."""
_CLEAR = 0.95
"""An error counts as smaller than another if it is at most this fraction of it."""


@dataclass(frozen=True)
class Fit:
    """How well the flow of some pairs, multiplied by several factors, explains their frames.

    Attributes:
        errors: factor → mean difference between the frame and the warped one at moving pixels, in grey levels of 255;
            the median over pairs. Empty if nothing moves.
        pairs: the number of pairs with motion.
        wins: factor → the share of these pairs that it explains clearly better than factor 1 does.
    """

    errors: dict[float, float]
    pairs: int
    wins: dict[float, float]

    def better(self, factor: float) -> bool:
        """Whether this factor is clearly better: for most pairs, and better than no motion."""
        return bool(
            self.pairs and self.wins[factor] > 2 / 3 and self.errors[factor] < _CLEAR * min(self._without(factor))
        )

    @property
    def right(self) -> bool:
        """Whether the flow as it is explains the frames clearly better than its opposite and than no motion."""
        return bool(self.pairs and self.errors[1] < _CLEAR * min(self.errors[-1], self.errors[0]))

    def _without(self, factor: float) -> list[float]:
        return [error for other, error in self.errors.items() if other in (0, 1) and other != factor]

    def __str__(self) -> str:
        names = {1.0: "with it", -1.0: "against it", 0.0: "without it"}
        return ", ".join(f"{error:.1f} {names.get(by, f'{by:g} times as far')}" for by, error in self.errors.items())


Explained = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.floating], NDArray[np.bool_] | None]
"""Frames a and b, both (H, W, 3), the (h, w, 2) flow a→b, and where it is known, (h, w) or None for everywhere."""


def fit(pairs: Sequence[Explained], factors: Sequence[float] = (1.0, -1.0, 0.0)) -> Fit:
    """Compare a flow, its opposite and no flow on pairs of frames.

    Args:
        pairs: a few pairs, from different places.
        factors: the factors of the flow; they must include 1, −1 and 0.
    """
    found = [errors for pair in pairs if (errors := _errors(*pair, factors)) is not None]
    if not found:
        return Fit({}, 0, {})
    table = np.array(found)
    medians = np.median(table, 0)
    ahead = (table < _CLEAR * table[:, [factors.index(1)]]).mean(0)
    return Fit(
        {by: float(medians[place]) for place, by in enumerate(factors)},
        len(found),
        {by: float(ahead[place]) for place, by in enumerate(factors)},
    )


def _errors(
    frame_a: NDArray[np.uint8],
    frame_b: NDArray[np.uint8],
    flow: NDArray[np.floating],
    known: NDArray[np.bool_] | None,
    factors: Sequence[float],
) -> list[float] | None:
    """Compute one error for each factor, over the moving pixels whose samples are inside the frame for all factors."""
    height, width = flow.shape[:2]
    a, b = (pictures([resize_frame(frame, (width, height))]) * 255 for frame in (frame_a, frame_b))
    along = to_tensor([flow]).float()
    counted = along.norm(dim=1) >= _MOVES
    if known is not None:
        counted &= torch.from_numpy(known)[None]
    tried = [warp(b, factor * along) for factor in factors]
    for _, inside in tried:
        counted &= inside
    if counted.float().mean() < _FEW:
        return None
    return [float((moved - a).abs().mean(1)[counted].mean()) for moved, _ in tried]
