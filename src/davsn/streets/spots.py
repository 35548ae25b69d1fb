"""Spots: pixels of a frame and their places on the surfaces that they show; and bars with edges a pixel wide."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from davsn.streets.camera import Floats
from davsn.streets.render import View

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Spots:
    """Some pixels of a frame, and their places on the parts that they show."""

    view: View
    bounds: Floats
    seeds: NDArray[np.int64]
    index: NDArray[np.int64]

    def at(self, chosen: NDArray[np.integer]) -> "Spots":
        """Some of the spots, by their numbers."""
        return Spots(self.view, self.bounds, self.seeds, self.index[chosen])

    @cached_property
    def point(self) -> Floats:
        """The points (3, N) in the things' own axes."""
        return np.asarray(self.view.point.reshape(3, -1)[:, self.index])

    @cached_property
    def part(self) -> NDArray[np.int32]:
        """The part numbers (N,)."""
        return np.asarray(self.view.part.reshape(-1)[self.index])

    @cached_property
    def face(self) -> NDArray[np.int8]:
        """The faces (N,) of the parts."""
        return np.asarray(self.view.face.reshape(-1)[self.index])

    @cached_property
    def pixel(self) -> Floats:
        """The widths (N,) of a pixel in metres."""
        return np.asarray(self.view.depth.reshape(-1)[self.index] / np.float32(self.view.camera.focal))

    @cached_property
    def seed(self) -> NDArray[np.int64]:
        """A number (N,) that is different for different things."""
        return np.asarray(self.seeds[self.part])

    def vary(self, number: int) -> Floats:
        """Numbers (N,) in [0, 1) that look random and are equal for all spots of a thing; one sequence a ``number``."""
        table = np.mod(self.seeds * (0.61803399 + 0.0917 * number) + 0.37 * number, 1.0)
        return np.asarray(table.astype(np.float32)[self.part])

    @cached_property
    def relative(self) -> Floats:
        """The places (3, N) within the parts' bounds, 0 to 1."""
        low, high = self.bounds[self.part].transpose(1, 2, 0)
        return np.asarray((self.point - low) / (high - low))

    @cached_property
    def along(self) -> Floats:
        """The horizontal coordinates (N,) on upright faces."""
        return np.asarray(np.where(self.face < 2, self.point[1], self.point[0]))


Pattern = Callable[[Spots, Floats, Floats], tuple[Array, Array]]
"""A pattern: spots, base colours (N, 3) and the colour (3,) of glass to colours (N, 3) and their amounts (N,)."""


def bar(at: Array, half: Array | float, pixel: Array) -> Array:
    """The share of a pixel that lies within ``half`` of 0."""
    return np.clip((half - np.abs(at)) / np.maximum(pixel, 1e-6) + 0.5, 0, 1) * np.minimum(1, 2 * half / pixel)


def bars(at: Array, period: Array | float, half: Array | float, pixel: Array) -> Array:
    """The share of a pixel that is covered by repeated bars; their mean where a pixel spans a whole period."""
    near = np.abs(np.mod(at, period) - period / 2)
    sharp = np.clip((half - near) / np.maximum(pixel, 1e-6) + 0.5, 0, 1)
    blur = np.clip(pixel / period * 2 - 1, 0, 1)
    return np.asarray(sharp + blur * (2 * half / period - sharp))
