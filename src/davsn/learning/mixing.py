"""Pasting parts of one video into another: current frame, previous frame and flow together, so that motion holds."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from davsn.core.clip import Batch
from davsn.ops.mixing import paste
from davsn.ops.pseudo_labels import PseudoLabels
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


def pasted(front: Batch, back: Batch, mask: Tensor) -> Batch:
    """Parts of one clip in another, in every frame where they are at the time.

    A previous frame takes the mask to where its flow says that the pixels come from; the flow of a pasted pixel
    comes with it. Consistent mixup of video (CMOM, Cho et al., WACV 2023) takes each frame's own label for its mask;
    this needs a label of the current frame alone.

    Args:
        front: what is pasted, at the size of ``mask``; see :func:`at_size`.
        back: what it is pasted into, at the same size.
        mask: (B, H, W) bool, of the front's current frame.

    Returns:
        the mixed clip, without labels; see :func:`labelled`.
    """
    masks = {offset: moved(mask, front, offset) for offset in front.frames}
    return Batch(
        frames={offset: paste(masks[offset], front.frames[offset], back.frames[offset]) for offset in front.frames},
        flows={
            pair: paste(masks[pair[0]], flow.float(), back.flows[pair].float()) for pair, flow in front.flows.items()
        },
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


def labelled(labels: Tensor, pseudo: PseudoLabels, mask: Tensor) -> PseudoLabels:
    """The labels of a mixed picture: what is pasted has its own, trusted in full.

    Args:
        labels: (B, H, W) int64 of what is pasted.
        pseudo: of what it is pasted into.
        mask: (B, H, W) bool, what is pasted.
    """
    main, aux = (paste(mask, labels, each) for each in (pseudo.main, pseudo.aux))
    return PseudoLabels(main, aux, torch.where(mask, 1.0, pseudo.trusted))
