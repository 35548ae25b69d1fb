"""The vocabulary of the project, and its conventions. Everything else follows them; each has a test.

========== =======================================================================================
letters    ``B`` batch, ``T`` frames, ``C`` classes, ``H W`` pixels, ``h w`` logit or flow resolution
images     RGB; uint8 in a :class:`Clip`, float in [0, 1] in a :class:`Batch`; the network normalises
labels     train ids, 255 = ignore; uint8 in a clip, int64 in a batch
offsets    frames are named by their offset from the current one: 0 current, -1 previous
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
"""The label of pixels that count nowhere."""

Pair = tuple[int, int]
"""Two frame offsets ``(a, b)``: the flow a→b."""


@dataclass(frozen=True)
class ClipSpec:
    """What a method asks of every sample of one domain; the data layer loads exactly this.

    Attributes:
        frames: offsets from the current frame, in units of the data set's stride; 0 is the current one. None at all
            means that nothing of this domain is wanted.
        flows: the flows wanted, each between two of the frames.
        labels: whether the current frame's label is wanted. Never granted for target training data.
    """

    frames: tuple[int, ...] = (0,)
    flows: tuple[Pair, ...] = ()
    labels: bool = False

    def __post_init__(self) -> None:
        unknown = {offset for pair in self.flows for offset in pair} - set(self.frames)
        if unknown:
            raise ValueError(f"flows {self.flows} name frames {sorted(unknown)} that are not among {self.frames}")


PAIR = ClipSpec(frames=(0, -1), flows=((0, -1),))
"""The current frame, the previous one, and the flow current→previous: what a video network predicts from."""
LABELLED_PAIR = ClipSpec(frames=(0, -1), flows=((0, -1),), labels=True)
"""A :data:`PAIR` with the label of the current frame."""


@dataclass(frozen=True)
class Clip:
    """One sample as read from disk, in NumPy, before and after the transforms.

    Attributes:
        frames: offset → (H, W, 3) uint8 RGB.
        flows: (a, b) → (h, w, 2) float; h, w may differ from H, W (a stored file keeps its own size).
            float64 where a file stores tenths of a pixel, so that the reference's roundings can be repeated.
        valid: (a, b) → (h, w) bool, where the flow can be trusted; a pair without an entry is valid everywhere.
        labels: (H, W) uint8 train ids, or None where none were asked for.
        name: clip and frame, as every message about this sample names it.
        skipped: what was wrong with samples that this one stands in for; see ``bad_files``.
    """

    frames: Mapping[int, NDArray[np.uint8]]
    flows: Mapping[Pair, NDArray[np.floating]] = field(default_factory=dict)
    valid: Mapping[Pair, NDArray[np.bool_]] = field(default_factory=dict)
    labels: NDArray[np.uint8] | None = None
    name: str = ""
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Samples of one size side by side, as a method sees them.

    Attributes:
        frames: offset → (B, 3, H, W) float32 RGB in [0, 1].
        flows: (a, b) → (B, 2, h, w), pixels at their own resolution; float32, or float64 from stored tenths.
        valid: (a, b) → (B, h, w) bool, where the flow can be trusted; a missing pair is valid everywhere.
        labels: (B, H, W) int64 train ids, 255 = ignore; None on the target.
        names: one a sample.
        skipped: one message for every sample that could not be read and was replaced; see ``bad_files``.
        completion: gives what is still missing, such as flow that is estimated on the device; :meth:`to` applies it.
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
        """(B, 3, H, W): the frame the label and the prediction belong to."""
        return self.frames[0]

    @property
    def previous(self) -> Tensor:
        """(B, 3, H, W): the frame before it."""
        return self.frames[-1]

    @property
    def flow(self) -> Tensor:
        """(B, 2, h, w): the flow current→previous."""
        return self.flows[0, -1]

    @property
    def seen(self) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """What a network looks at: current frame, previous frame and flow; the last two None where there are none.

        A network of single frames is given the current frame alone, a video network all three:
        ``segmenter(*batch.seen)`` is right for both.
        """
        return self.current, self.frames.get(-1), self.flows.get((0, -1))

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the frames."""
        height, width = self.current.shape[-2:]
        return height, width

    def to(self, device: Device | str) -> "Batch":
        """The same batch on a device, and complete: flow that is to be estimated there is estimated now.

        Whatever uses a batch calls this first, under the precision it computes in.
        """

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        moved = replace(
            self,
            completion=None,
            frames={offset: move(frame) for offset, frame in self.frames.items()},
            flows={pair: move(flow) for pair, flow in self.flows.items()},
            valid={pair: move(mask) for pair, mask in self.valid.items()},
            labels=None if self.labels is None else move(self.labels),
        )
        return moved if self.completion is None else self.completion(moved)


class Levels(NamedTuple):
    """Logits of the two classifiers of a multi-level network, each (B, C, h, w)."""

    main: Tensor
    aux: Tensor


@dataclass(frozen=True)
class Prediction:
    """What a network says of one current frame.

    Attributes:
        fused: logits from both frames; what is trained on labels and scored. Of a network of single frames, those
            from the current frame alone.
        current: logits from the current frame alone.
        previous: logits from the previous frame alone, on the previous frame's grid; no gradient. None of a network
            of single frames.
        flow: (B, 2, h, w) the flow current→previous at logit resolution, as the fusion used it; None likewise.
        features: (B, K, h, w) what the main classifier read of the current frame; None unless they were asked for.
    """

    fused: Levels
    current: Levels
    previous: Levels | None = None
    flow: Tensor | None = None
    features: Tensor | None = None
