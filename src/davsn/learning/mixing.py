"""Pasting of parts of one video into another: both frames and the flow change together, so that motion is preserved."""

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
    """A batch with frames, flows and labels at another size (H, W); labels are resized to the nearest pixel."""
    frames = {
        offset: frame if frame.shape[-2:] == size else upsample(frame, size) for offset, frame in batch.frames.items()
    }
    flows = {pair: flow if flow.shape[-2:] == size else resize_flow(flow, size) for pair, flow in batch.flows.items()}
    labels = batch.labels
    if labels is not None and labels.shape[-2:] != size:
        labels = interpolate(labels[:, None].float(), size)[:, 0].long()
    return replace(batch, frames=frames, flows=flows, valid={}, labels=labels)


def pasted(front: Batch, back: Batch, mask: Tensor) -> Batch:
    """A clip with parts of another clip pasted in; in every frame, the parts are where they are at that time.

    For the previous frame, the mask moves to where the flow says that its pixels come from. A pasted pixel brings its
    flow with it. Consistent mixup of video (CMOM, Cho et al., WACV 2023) makes the mask of each frame from that frame's
    own label map. This function needs only the label map of the current frame.

    Args:
        front: the clip whose parts are pasted, at the size of ``mask``; see :func:`at_size`.
        back: the clip that receives the parts, at the same size.
        mask: (B, H, W) bool, for the front's current frame.

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
    """A mask of the current frame, moved to another frame's grid; holes that rounding leaves are closed.

    Args:
        mask: (B, H, W) bool.
        batch: a batch with the flow from the current frame to the other frame, at the mask's size.
        offset: the offset of the other frame.
    """
    if offset == 0:
        return mask
    there = splat(mask[:, None].float(), -batch.flows[0, offset])[0]
    return -max_pool2d(-max_pool2d(there, 3, 1, 1), 3, 1, 1)[:, 0] > 0


def labelled(labels: Tensor, pseudo: PseudoLabels, mask: Tensor) -> PseudoLabels:
    """The labels of a mixed image: pasted pixels keep their own labels, with weight 1.

    Args:
        labels: (B, H, W) int64, the labels of the pasted image.
        pseudo: the pseudo-labels of the image that receives the parts.
        mask: (B, H, W) bool, the pasted pixels.
    """
    main, aux = (paste(mask, labels, each) for each in (pseudo.main, pseudo.aux))
    return PseudoLabels(main, aux, torch.where(mask, 1.0, pseudo.trusted))
