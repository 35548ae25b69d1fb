"""Pasting parts of one video into another: current frame, previous frame and flow together, so that motion holds."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from davsn.clip import Batch
from davsn.ops.mixing import paste
from davsn.ops.resize import upsample
from davsn.ops.warp import resize_flow, splat


def at_size(batch: Batch, size: tuple[int, int]) -> Batch:
    """A batch with frames, flows and labels at another size (H, W); labels take the nearest pixel."""
    frames = {
        offset: frame if frame.shape[-2:] == size else upsample(frame, size) for offset, frame in batch.frames.items()
    }
    flows = {pair: flow if flow.shape[-2:] == size else resize_flow(flow, size) for pair, flow in batch.flows.items()}
    labels = batch.labels
    if labels is not None and labels.shape[-2:] != size:
        labels = interpolate(labels[:, None].float(), size)[:, 0].long()
    return replace(batch, frames=frames, flows=flows, valid={}, labels=labels)


def pasted(front: Batch, back: Batch, mask: Tensor, labels: Tensor) -> Batch:
    """Parts of one clip in another, in every frame where they are at the time.

    A previous frame takes the mask to where its flow says that the pixels come from; the flow of a pasted pixel
    comes with it. Consistent mixup of video (CMOM, Cho et al., WACV 2023) takes each frame's own label for its mask;
    this needs a label of the current frame alone.

    Args:
        front: what is pasted, at the size of ``mask``; see :func:`at_size`.
        back: what it is pasted into, at the same size.
        mask: (B, H, W) bool, of the front's current frame.
        labels: (B, H, W) int64 of the result.
    """
    masks = {offset: moved(mask, front, offset) for offset in front.frames}
    return Batch(
        frames={offset: paste(masks[offset], front.frames[offset], back.frames[offset]) for offset in front.frames},
        flows={
            pair: paste(masks[pair[0]], flow.float(), back.flows[pair].float()) for pair, flow in front.flows.items()
        },
        labels=labels,
        names=back.names,
    )


def moved(mask: Tensor, batch: Batch, offset: int) -> Tensor:
    """A mask of the current frame on another frame's grid; pixels that the rounding misses are closed.

    Args:
        mask: (B, H, W) bool.
        batch: with the flow from the current frame to the other, at the mask's size.
        offset: of the other frame.
    """
    if offset == 0:
        return mask
    there = splat(mask[:, None].float(), -batch.flows[0, offset])[0]
    return -max_pool2d(-max_pool2d(there, 3, 1, 1), 3, 1, 1)[:, 0] > 0


def pseudo_weight(confidence: Tensor, mask: Tensor) -> Tensor:
    """(B, H, W) weights of a mixed picture's labels: 1 for the pasted ones, the others as far as they are trusted.

    Args:
        confidence: (B,) or (B, H, W).
        mask: (B, H, W) bool, what was pasted.
    """
    confidence = confidence if confidence.dim() == mask.dim() else confidence[:, None, None]
    return torch.where(mask, 1.0, confidence)
