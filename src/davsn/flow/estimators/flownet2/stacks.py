"""FlowNet2 and its parts: from two frames to flow in pixels, at the frames' resolution."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from davsn.flow.estimators.flownet2.networks import FlowNetC, FlowNetFusion, FlowNetS, FlowNetSD
from davsn.flow.estimators.flownet2.ops import channel_norm
from davsn.ops.warp import warp

Part = Literal["full", "c", "s", "sd", "cs", "css"]

_UNIT = 20.0
"""Pixels in one unit of the flow that a stage gets as input."""


def estimate(network: nn.Module, first: Tensor, second: Tensor) -> Tensor:
    """The flow first→second.

    Args:
        network: a network made by :func:`build`.
        first: (B, 3, H, W) RGB in [0, 1]; H and W are multiples of 64.
        second: the same shape.

    Returns:
        (B, 2, H, W) float32 in pixels.
    """
    mean = torch.cat([first, second], 2).mean((2, 3), keepdim=True)  # per colour, over both frames together
    first, second = first - mean, second - mean
    if isinstance(network, Stack):
        flow: Tensor = network(first, second)
        return flow
    return _upsampled(network, torch.cat([first, second], 1))


def build(part: Part, batch_norm: bool = False, faithful: bool = False) -> nn.Module:
    """The network of a part, with the names and shapes of NVIDIA's checkpoint.

    Args:
        part: the part of FlowNet2.
        batch_norm: see :class:`~davsn.flow.estimators.flownet2.networks.Refining`.
        faithful: repeat two accidents of the public code. SD alone multiplies its flow by 20, although the whole
            network divides it by 20. CSS alone gives flow that is constant in blocks of 4×4 pixels.
    """
    if part == "c":
        return FlowNetC(batch_norm)
    if part == "s":
        return FlowNetS(6, batch_norm)
    if part == "sd":
        small = FlowNetSD(batch_norm)
        if faithful:
            small.pixels = _UNIT
        return small
    return Stack(part, batch_norm, faithful)


class Stack(nn.Module):
    """A stack of networks. Each one improves the flow of the network before, and sees the second frame warped by it.

    For the arguments see :func:`build`.
    """

    def __init__(self, part: Part, batch_norm: bool = False, faithful: bool = False) -> None:
        super().__init__()
        self.flownetc = FlowNetC(batch_norm)
        self.flownets_1 = FlowNetS(12, batch_norm)
        self.flownets_2 = FlowNetS(12, batch_norm) if part != "cs" else None
        self.flownets_d = FlowNetSD(batch_norm) if part == "full" else None
        self.flownetfusion = FlowNetFusion(batch_norm) if part == "full" else None
        self.blocks = part == "full" or faithful  # Fusion was trained on blocks

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """The flow (B, 2, H, W) float32 in pixels, from normalised frames (B, 3, H, W)."""
        pair = torch.cat([first, second], 1)
        flow = _upsampled(self.flownetc, pair)
        flow = _upsampled(self.flownets_1, _stage_input(first, second, flow))
        if self.flownets_2 is not None:
            flow = _upsampled(self.flownets_2, _stage_input(first, second, flow), self.blocks)
        if self.flownets_d is None or self.flownetfusion is None:
            return flow
        norms = channel_norm(flow), channel_norm(first - warp(second, flow)[0])
        small = _upsampled(self.flownets_d, pair, blocks=True)
        small_norms = channel_norm(small), channel_norm(first - warp(second, small)[0])
        both = [first, small, flow, small_norms[0], norms[0], small_norms[1], norms[1]]
        fused: Tensor = self.flownetfusion(torch.cat(both, 1))
        return fused


def _stage_input(first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
    """The input of a stage (B, 12, H, W): both frames, the second one warped onto the first, the flow, the error."""
    warped = warp(second, flow)[0]
    return torch.cat([first, second, warped, flow / _UNIT, channel_norm(first - warped)], 1)


def _upsampled(network: nn.Module, x: Tensor, blocks: bool = False) -> Tensor:
    """A network's flow in pixels, enlarged 4 times: bilinearly (half-pixel centres), or in blocks of equal pixels."""
    flow = network(x) * network.pixels
    if blocks:
        return functional.interpolate(flow, scale_factor=4.0, mode="nearest")
    return functional.interpolate(flow, scale_factor=4.0, mode="bilinear", align_corners=False)
