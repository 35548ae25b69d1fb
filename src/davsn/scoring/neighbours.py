"""Finds the frames before a frame among those that were predicted last."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from davsn.core.clip import IGNORE, Batch
from davsn.ops.warp import resize_flow, warp
from davsn.scoring.metric import Seen

REMEMBERED = 8
"""How many samples back the previous frame is searched for. It is the largest stride that gives a neighbour."""


class Neighbours:
    """Makes the :class:`Seen` of every sample of a batch, with the frames before it. It remembers a few samples only.

    The previous frame is one of the last eight samples of the clip: the sample whose current *image* equals this
    sample's previous image. Names cannot decide that, because with sparse labels or strides, neighbours in the list
    need not be neighbours in time.

    Args:
        frames_back: how many frames before the current one are needed; with 0 nothing is remembered.
    """

    def __init__(self, frames_back: int) -> None:
        self._frames_back = frames_back
        self._recent: deque[Seen] = deque(maxlen=REMEMBERED)

    def seen(self, batch: Batch, prediction: Tensor, labels: Tensor | None, likely: Tensor | None) -> Iterator[Seen]:
        """Yield each sample of a batch.

        Args:
            batch: the batch.
            prediction: (B, H, W) train ids.
            labels: (B, H, W) train ids, or None.
            likely: (B, C, H, W) probabilities, or None.
        """
        flow, valid = batch.flows.get((0, -1)), batch.valid.get((0, -1))
        for index, ids in enumerate(prediction.to(torch.uint8)):
            own = Seen(
                clip=batch.names[index].rpartition("/")[0] if batch.names else "",
                frame=batch.current[index],
                prediction=ids,
                labels=None if labels is None else labels[index].to(torch.uint8),
            )
            past = self._past(own, batch, index)
            yield replace(
                own,
                probabilities=None if likely is None else likely[index],
                flow=None if flow is None else flow[index],
                valid=None if valid is None else valid[index],
                past=tuple(_at_size(before, own.size) for before in past),
            )
            if self._frames_back and -1 in batch.frames:
                self._recent.append(replace(own, past=past))

    def _past(self, own: Seen, batch: Batch, index: int) -> tuple[Seen, ...]:
        before = batch.frames.get(-1)
        if before is None:
            return ()
        for other in reversed(self._recent):
            if other.clip == own.clip and torch.equal(other.frame, before[index]):
                return (replace(other, past=()), *other.past)[: self._frames_back]
        return ()


def propagated(before: Seen, flow: Tensor, trusted: Tensor | None = None) -> Tensor:
    """Move the previous frame's prediction to the current frame's grid, from the nearest pixel.

    Args:
        before: the previous frame, with its prediction (H, W).
        flow: (2, h, w) current→previous, in pixels of its own resolution.
        trusted: (h, w) bool, where the flow can be trusted; None: everywhere.

    Returns:
        (H, W) int64 train ids; 255 where the flow leaves the frame or cannot be trusted.
    """
    flow = resize_flow(flow[None].float(), before.size)
    # With whole-pixel motion the bilinear warp takes the nearest pixel; rounding then removes numerical noise.
    warped, known = warp(before.prediction[None, None].float(), flow.round())
    if trusted is not None:
        known = known & (interpolate(trusted[None, None].float(), before.size)[:, 0] > 0)
    return torch.where(known, warped[:, 0].round().long(), IGNORE)[0]


def _at_size(before: Seen, size: tuple[int, int]) -> Seen:
    """A frame with its prediction at another size, from the nearest pixel.

    A frame without a label map is predicted at its own size, a labelled one at the size of its label map.
    """
    if before.size == size:
        return before
    resized = interpolate(before.prediction[None, None].float(), size)[0, 0]
    return replace(before, prediction=resized.to(torch.uint8))
