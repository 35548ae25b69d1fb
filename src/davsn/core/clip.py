"""The vocabulary of the project and its conventions. All other code follows them, and each has a test.

========== =======================================================================================
letters    ``B`` batch, ``T`` frames, ``C`` classes, ``H W`` pixels, ``h w`` logit or flow resolution
images     RGB; uint8 in a :class:`Clip`, float in [0, 1] in a :class:`Batch`; the network normalises
labels     train ids, 255 = ignore; uint8 in a clip, int64 in a batch
offsets    frames are named by their offset from the current frame: 0 current, -1 previous
flow[a→b]  x right then y down, in pixels *of its own resolution*, defined on frame *a*'s grid:
           content at *p* in *a* is at *p + flow(p)* in *b*
========== =======================================================================================
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch import device as Device

IGNORE = 255
"""The label of pixels that no loss and no score counts."""

Pair = tuple[int, int]
"""Two frame offsets ``(a, b)``: the flow a→b."""


@dataclass(frozen=True)
class ClipSpec:
    """A method's request for every sample of one domain; the data layer loads exactly these frames, flows and labels.

    Attributes:
        frames: offsets from the current frame, in units of the data set's stride; 0 is the current frame. An empty
            tuple means that the method needs nothing of this domain.
        flows: the flows needed, each between two of the frames.
        labels: whether the current frame's label map is needed. Target training data never gets one.
    """

    frames: tuple[int, ...] = (0,)
    flows: tuple[Pair, ...] = ()
    labels: bool = False

    def __post_init__(self) -> None:
        unknown = {offset for pair in self.flows for offset in pair} - set(self.frames)
        if unknown:
            raise ValueError(f"flows {self.flows} name frames {sorted(unknown)} that are not among {self.frames}")


PAIR = ClipSpec(frames=(0, -1), flows=((0, -1),))
"""The input of a video network: the current frame, the previous frame and the flow current→previous."""
LABELLED_PAIR = ClipSpec(frames=(0, -1), flows=((0, -1),), labels=True)
"""A :data:`PAIR` with the label map of the current frame."""


@dataclass(frozen=True)
class Clip:
    """One sample as read from disk, in NumPy, before and after the transforms.

    Attributes:
        frames: offset → (H, W, 3) uint8 RGB.
        flows: (a, b) → (h, w, 2) float; h, w may differ from H, W, since a stored flow keeps its own size. It is
            float64 where a file stores tenths of a pixel, so that the public code's roundings can be repeated.
        valid: (a, b) → (h, w) bool, where the flow can be trusted. A pair without an entry is valid everywhere.
        labels: (H, W) uint8 train ids, or None if the method asked for none.
        name: clip and frame, as every message about this sample names it.
        skipped: one message for each unreadable sample that this sample replaces; see ``bad_files``.
    """

    frames: Mapping[int, NDArray[np.uint8]]
    flows: Mapping[Pair, NDArray[np.floating]] = field(default_factory=dict)
    valid: Mapping[Pair, NDArray[np.bool_]] = field(default_factory=dict)
    labels: NDArray[np.uint8] | None = None
    name: str = ""
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Samples of one size, stacked, as a method gets them.

    Attributes:
        frames: offset → (B, 3, H, W) float32 RGB in [0, 1].
        flows: (a, b) → (B, 2, h, w), in pixels of their own resolution; float32, or float64 if stored as tenths.
        valid: (a, b) → (B, h, w) bool, where the flow can be trusted. A pair without an entry is valid everywhere.
        labels: (B, H, W) int64 train ids, 255 = ignore; None for the target.
        names: one name for each sample.
        skipped: one message for every sample that could not be read and was replaced; see ``bad_files``.
        completion: a function that adds what is still missing, such as flow estimated on the device; :meth:`to` calls
            it.
    """

    frames: Mapping[int, Tensor]
    flows: Mapping[Pair, Tensor] = field(default_factory=dict)
    valid: Mapping[Pair, Tensor] = field(default_factory=dict)
    labels: Tensor | None = None
    names: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    completion: "Callable[[Batch], Batch] | None" = None

    @property
    def current(self) -> Tensor:
        """(B, 3, H, W): the current frame, to which the labels and the prediction belong."""
        return self.frames[0]

    @property
    def previous(self) -> Tensor:
        """(B, 3, H, W): the previous frame."""
        return self.frames[-1]

    @property
    def flow(self) -> Tensor:
        """(B, 2, h, w): the flow current→previous."""
        return self.flows[0, -1]

    @property
    def seen(self) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The input of a network: current frame, previous frame and flow; the last two are None if the batch has none.

        A single-frame network gets the current frame alone, a video network all three: ``segmenter(*batch.seen)`` is
        right for both.
        """
        return self.current, self.frames.get(-1), self.flows.get((0, -1))

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the frames."""
        height, width = self.current.shape[-2:]
        return height, width

    def to(self, device: Device | str) -> "Batch":
        """The batch on a device, and complete: flow that is estimated on the device is estimated now.

        All code that uses a batch calls this first, under the precision that it computes in.
        """
        moved = replace(self._each(lambda tensor: tensor.to(device, non_blocking=True)), completion=None)
        return moved if self.completion is None else self.completion(moved)

    def pin_memory(self) -> "Batch":
        """The batch in page-locked memory, from which a CUDA device copies while the host works on.

        PyTorch's loader calls it by this name.
        """
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The batch after the same change of every tensor."""
        return replace(
            self,
            frames={offset: change(frame) for offset, frame in self.frames.items()},
            flows={pair: change(flow) for pair, flow in self.flows.items()},
            valid={pair: change(mask) for pair, mask in self.valid.items()},
            labels=None if self.labels is None else change(self.labels),
        )

    def split(self, parts: int) -> "list[Batch]":
        """Divide the samples into equal parts, in their order. The number of parts divides that of the samples."""
        number = len(self.frames[0]) // parts if self.frames else 0
        return [self.samples(slice(part * number, (part + 1) * number)) for part in range(parts)]

    def samples(self, chosen: slice) -> "Batch":
        """The chosen samples alone, as views."""
        return replace(
            self,
            frames={offset: frame[chosen] for offset, frame in self.frames.items()},
            flows={pair: flow[chosen] for pair, flow in self.flows.items()},
            valid={pair: mask[chosen] for pair, mask in self.valid.items()},
            labels=None if self.labels is None else self.labels[chosen],
            names=self.names[chosen],
        )


class Levels(NamedTuple):
    """Logits of the main and the auxiliary classifier, each (B, C, h, w); ``aux`` is None without such a classifier."""

    main: Tensor
    aux: Tensor | None = None

    @property
    def named(self) -> dict[str, Tensor]:
        """The logits that there are, by the names ``"main"`` and ``"aux"``."""
        return {name: logits for name, logits in self._asdict().items() if logits is not None}

    def each(self, change: Callable[[Tensor], Tensor]) -> "Levels":
        """The levels after the same change of both classifiers' logits."""
        return Levels(**{name: change(logits) for name, logits in self.named.items()})


@dataclass(frozen=True)
class Prediction:
    """The output of a network for one current frame.

    Attributes:
        fused: logits from both frames; the labels train these, and scores are computed from these. For a single-frame
            network they come from the current frame alone.
        current: logits from the current frame alone.
        previous: logits from the previous frame alone, on the previous frame's grid, without gradient. None for a
            single-frame network.
        flow: (B, 2, h, w), the flow current→previous at logit resolution, as the fusion used it. None for a
            single-frame network.
        features: (B, K, h, w), the main classifier's input for the current frame; None unless the caller asked for it.
    """

    fused: Levels
    current: Levels
    previous: Levels | None = None
    flow: Tensor | None = None
    features: Tensor | None = None
