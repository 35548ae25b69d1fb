"""A copy of a network that predicts faster: batch normalisation folded into convolutions, channels last."""

import copy
from collections import Counter
from contextlib import ExitStack
from typing import Any, TypeVar

import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from davsn.networks.image_network import ImageNetwork, main_alone
from davsn.networks.video import VideoSegmenter

Network = TypeVar("Network", bound=nn.Module)
_SIDE = 96
"""Pixels a side of the noise on which a network and its copy are compared."""
_CLOSE = 1e-2
"""How far their logits may be apart, as a share of the largest. Rounding gives 1e-6, and up to 1e-3 in networks of
random weights, which amplify it. A convolution whose output is used elsewhere too gives far more."""


def folded(network: Network, device: torch.device | str = "cpu") -> Network:
    """A copy of a network with the same logits up to rounding, for prediction alone; the network stays as it is.

    In evaluation mode, batch normalisation is a scale and a shift of each channel. So it can be a part of the weights
    of the convolution before it. The convolutions that this holds for are found by one pass of noise. Should the
    logits of the noise differ afterwards, or the network not take noise of this size, its image network stays as it
    was. On a CPU with oneDNN the weights of convolutions are laid out with channels last. docs/performance.md has
    what both bring.

    Args:
        network: a segmentation network, an ensemble or views of one.
        device: where it will predict.

    Returns:
        the copy, or the network itself if nothing can be folded.
    """
    if not any(isinstance(module, nn.Conv2d) for module in network.modules()):
        return network
    copied = copy.deepcopy(network)
    for segmenter in (module for module in copied.modules() if isinstance(module, VideoSegmenter)):
        segmenter.image = _folded(segmenter.image)
        if torch.device(device).type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            segmenter.image.to(memory_format=torch.channels_last)
    return copied


@torch.inference_mode(False)
@torch.no_grad()
def _folded(image: ImageNetwork) -> ImageNetwork:
    """An image network in evaluation mode with batch normalisation folded, if that does not change its logits."""
    image.eval()
    noise = torch.rand(1, 3, _SIDE, _SIDE, generator=torch.Generator().manual_seed(0)).to(next(image.parameters()))
    faster = copy.deepcopy(image)
    try:
        pairs = _pairs(faster, noise)
    except (RuntimeError, ValueError):  # such as a network of one fixed size
        return image
    for convolution, norm in pairs:
        act = nn.Sequential(norm.drop, norm.act) if isinstance(norm, BatchNormAct2d) else nn.Identity()
        _replace(faster, convolution, fuse_conv_bn_eval(convolution, norm))
        _replace(faster, norm, act)
    with main_alone(image), main_alone(faster):
        expected, found = image(noise).main, faster(noise).main
    same = bool((found - expected).abs().max() <= _CLOSE * expected.abs().max())
    return faster if same else image


def _pairs(image: ImageNetwork, noise: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Each convolution whose output goes into a batch normalisation, in every pass through both."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # the tensors are held, so that no other takes their identity
    followed: Counter[tuple[nn.Conv2d, nn.BatchNorm2d]] = Counter()
    passes: Counter[nn.Module] = Counter()

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        passes[module] += 1
        if type(module) is nn.Conv2d:
            made[id(output)] = module, output
        elif isinstance(module, nn.BatchNorm2d) and id(inputs[0]) in made:
            followed[made[id(inputs[0])][0], module] += 1

    with ExitStack() as hooks:
        for module in image.modules():
            if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
                hooks.callback(module.register_forward_hook(note).remove)
        image(noise)
    return [pair for pair, times in followed.items() if all(passes[module] == times for module in pair)]


def _replace(image: nn.Module, part: nn.Module, other: nn.Module) -> None:
    """Put another module in the place of a part, wherever the part is."""
    for parent in list(image.modules()):
        for name, child in parent.named_children():
            if child is part:
                setattr(parent, name, other)
