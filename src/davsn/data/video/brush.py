"""Pictures of a prediction: the overlay, the frame beside its mask, the mask, the confidence."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from davsn.core.clip import IGNORE
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.legend import legend
from davsn.data.painting import ALPHA, colourise, overlay
from davsn.data.video.footage import Frame
from davsn.data.video.labelled import Labelled


class Look(NamedTuple):
    """The user's choices for outputs.

    Attributes:
        alpha: share of the class colours in an overlay, in [0, 1]; None: 0.55.
        classes: names of the classes to show; pixels of all others count as without a class. Empty: all classes.
        legend: whether pictures in class colours get a legend.
    """

    alpha: float | None = None
    classes: tuple[str, ...] = ()
    legend: bool = False


USUAL = Look()
"""All classes, the usual share of their colours, no legend."""


@dataclass(frozen=True)
class Brush:
    """Paints predictions; every picture is (H, W, 3) uint8 RGB, and higher with a legend.

    Attributes:
        taxonomy: the class table with the colours.
        look: the user's choices.
    """

    taxonomy: Taxonomy
    look: Look = USUAL

    @cached_property
    def shown(self) -> Taxonomy:
        """The class table of the chosen classes alone, in the order of the whole one."""
        if not self.look.classes:
            return self.taxonomy
        names, colours = self.taxonomy.names, self.taxonomy.colours
        kept = [index for index, name in enumerate(names) if name in self.look.classes]
        return replace(
            self.taxonomy,
            names=tuple(names[index] for index in kept),
            colours=tuple(colours[index] for index in kept),
            unscored=self.taxonomy.unscored & set(self.look.classes),
        )

    @cached_property
    def _kept(self) -> NDArray[np.uint8]:
        """The train id that each value of a mask becomes."""
        table = np.full(256, IGNORE, np.uint8)
        for index, name in enumerate(self.taxonomy.names):
            if name in self.shown.names:
                table[index] = index
        return table

    def chosen(self, labelled: Labelled) -> Labelled:
        """The prediction with 255 at every pixel whose class is not chosen."""
        return labelled._replace(mask=self._kept[labelled.mask]) if self.look.classes else labelled

    def overlay(self, frame: Frame, labelled: Labelled) -> Frame:
        """Tint the frame by its mask."""
        alpha = ALPHA if self.look.alpha is None else self.look.alpha
        return self._with_legend(overlay(frame, labelled.mask, self.taxonomy, alpha))

    def beside(self, frame: Frame, labelled: Labelled) -> Frame:
        """Put the frame to the left of its mask; twice as wide."""
        return self._with_legend(np.concatenate([frame, colourise(labelled.mask, self.taxonomy)], 1))

    def mask(self, frame: Frame, labelled: Labelled) -> Frame:
        """Paint the mask in the colours of its classes; black where a pixel has no class."""
        return self._with_legend(colourise(labelled.mask, self.taxonomy))

    def confidence(self, frame: Frame, labelled: Labelled) -> Frame:
        """Paint the largest probability in grey: black is 0, white is 1."""
        grey = (labelled.confidence * 255).round().astype(np.uint8)
        return np.repeat(grey[..., None], 3, 2)

    def _with_legend(self, picture: Frame) -> Frame:
        return np.concatenate([picture, legend(self.shown, picture.shape[1])]) if self.look.legend else picture
