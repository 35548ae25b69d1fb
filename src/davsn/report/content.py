"""Content of a report: networks with their numbers, and footage with what each network predicts on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davsn.data.labels.taxonomy import Taxonomy
from davsn.scoring.scores import Scores

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""
Mask = NDArray[np.uint8]
"""(H, W) train ids; 255 is ignored."""
Records = Sequence[Mapping[str, float]]
"""Lines of a run's log: ``step``, and the losses under ``loss/<term>``."""

BINS = 20
"""Number of equal bins of the confidence, which is in [0, 1]."""


@dataclass(frozen=True)
class Measured:
    """Scores on one validation set, as a scores file holds them.

    Attributes:
        scores: the counts and what follows from them.
        data: the whole content of the file; newer files hold more than :class:`Scores` reads.
        step: the number of steps that the scored network was trained; None if it is unknown.
    """

    scores: Scores
    data: Mapping[str, Any] = field(default_factory=dict)
    step: int | None = None


@dataclass(frozen=True)
class Network:
    """A network on the page: one run, or runs that differ only in the seed.

    Attributes:
        name: the name in tables and below images.
        note: a few words shown below the name.
        uses_target_labels: whether it was trained on labels of the target domain. The page says so, and compares no
            adapted network with it.
        facts: what a reader needs to repeat the run, such as folder, seeds, data and machine.
        settings: all settings by dotted key, as text.
        scores: the scores of every seed, by validation set.
        history: (step, mIoU in percent) of every scored checkpoint, by validation set.
        criteria: the values of the label-free criteria.
        records: the lines of the log of the first seed.
        seconds: the time of training; None if it is unknown.
    """

    name: str
    note: str = ""
    uses_target_labels: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, Sequence[Measured]] = field(default_factory=dict)
    history: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    criteria: Mapping[str, float] = field(default_factory=dict)
    records: Records = ()
    seconds: float | None = None


@dataclass(frozen=True)
class Seen:
    """One network's prediction for one frame.

    Attributes:
        mask: the prediction, at the size of the frame that is shown.
        wrong: percentage of the labelled pixels that are predicted wrongly; None without a label map.
        flicker: percentage of the static pixels whose class changed since the frame before; None if there is no frame
            before, or too few pixels are static.
        confidence: mean probability of the predicted class, in percent.
    """

    mask: Mask
    wrong: float | None
    flicker: float | None
    confidence: float


@dataclass(frozen=True)
class Still:
    """One frame of the footage.

    Attributes:
        name: the name of the frame.
        frame: the frame.
        label: the label map at the same size; None without one.
        seen: the predictions, by the network's position on the page.
        flow: the flow to the previous frame, in colours; None if no network uses flow.
    """

    name: str
    frame: Picture
    label: Mask | None
    seen: Mapping[int, Seen]
    flow: Picture | None = None


@dataclass(frozen=True)
class Footage:
    """Frames of one clip that are shown in a player, in order.

    Attributes:
        name: the clip, with its first and last frame.
        stills: the frames.
        typical: whether it was chosen whatever its scores are. A clip that was chosen for its bad frames is in no mean.
    """

    name: str
    stills: Sequence[Still]
    typical: bool = True


@dataclass
class Behaviour:
    """Sums over all frames of the typical footage, for one network on one set.

    Attributes:
        predicted: (C,) pixels by predicted class.
        labelled: (C,) labelled pixels by class.
        total: (:data:`BINS`,) labelled pixels by the confidence of their prediction.
        right: (:data:`BINS`,) those of them that are predicted correctly.
        confidence: (:data:`BINS`,) all pixels by the confidence of their prediction.
        flow_error: the mean difference between a frame and the previous one moved along the flow, in 8-bit levels, and
            between both at rest; None without flow.
    """

    predicted: NDArray[np.int64]
    labelled: NDArray[np.int64]
    total: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    right: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    confidence: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    flow_error: tuple[float, float] | None = None

    def reliability(self) -> list[tuple[float, float]]:
        """The (confidence, accuracy) of every bin that has labelled pixels, both in percent."""
        return [
            (100 * (place + 0.5) / BINS, 100 * int(self.right[place]) / int(self.total[place]))
            for place in range(BINS)
            if self.total[place]
        ]

    def selection(self) -> list[tuple[float, float]]:
        """For every threshold of the confidence: (share of the pixels above it, accuracy among them), in percent.

        That is the quality of pseudo-labels that are taken with that threshold.
        """
        above, right = np.cumsum(self.total[::-1]), np.cumsum(self.right[::-1])
        shares = {
            (100 * int(some) / int(above[-1]), 100 * int(good) / int(some))
            for some, good in zip(above, right, strict=True)
            if some
        }
        return sorted(shares)


@dataclass(frozen=True)
class Look:
    """What is shown of one set.

    Attributes:
        name: the name of the set.
        footage: the clips.
        behaviour: sums over the frames, by the network's position on the page.
        labelled: whether the set has labels.
    """

    name: str
    footage: Sequence[Footage]
    behaviour: Mapping[int, Behaviour]
    labelled: bool


@dataclass(frozen=True)
class RunReport:
    """Content of the page.

    Attributes:
        title: what was run, in one line.
        networks: the networks in order; all have the same classes.
        taxonomy: the class table.
        looks: what is shown of each set.
        notes: sentences below the title, such as the limits of the numbers.
        facts: how the page was made.
    """

    title: str
    networks: Sequence[Network]
    taxonomy: Taxonomy
    looks: Sequence[Look] = ()
    notes: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
