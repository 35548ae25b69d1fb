"""The discriminator of ADVENT and DA-VSN: which domain a map of scores comes from, judged patch by patch."""

import itertools

from torch import Tensor, nn

from davsn.core.errors import ConfigError

SMALLEST = 32
"""Pixels a side that a map needs at least: five halvings leave one output."""


def discriminator(channels: int, width: int = 64) -> nn.Sequential:
    """Five 4×4 convolutions of stride 2 (DCGAN): ``channels`` → w → 2w → 4w → 8w → 1, leaky ReLU between.

    Takes (B, channels, H, W), returns logits (B, 1, H/32, W/32) rounded down.

    Args:
        channels: of the maps it judges.
        width: w; 64 in the published code. A quarter of it costs about a tenth.

    Raises:
        ConfigError: when called on a map of fewer than 32 pixels a side.
    """
    widths = (channels, width, 2 * width, 4 * width, 8 * width, 1)
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
    network = nn.Sequential(*layers[:-1])
    network.register_forward_pre_hook(_check_size)
    return network


def _check_size(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    height, width = inputs[0].shape[-2:]
    if min(height, width) < SMALLEST:
        raise ConfigError(
            "The discriminator",
            [f"size  {width}×{height} is too small to judge; frames and crops need {SMALLEST} pixels a side"],
        )
