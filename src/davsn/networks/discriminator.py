"""The discriminator of ADVENT and DA-VSN: it tells, patch by patch, which domain a map comes from."""

import itertools

from torch import Tensor, nn

from davsn.core.errors import ConfigError

SMALLEST = 32
"""The smallest side of a map in pixels: five halvings leave one output."""


def discriminator(channels: int, width: int = 64) -> nn.Sequential:
    """Build a discriminator: five 4×4 convolutions of stride 2 with leaky ReLU between them, as in DCGAN.

    The channels are ``channels`` → w → 2w → 4w → 8w → 1. The network takes maps (B, channels, H, W) and returns logits
    (B, 1, H/32, W/32), with sizes rounded down.

    Args:
        channels: the number of channels of the maps.
        width: w; 64 in the public code. A quarter of that costs about a tenth.

    Raises:
        ConfigError: when the network is called on a map with a side below 32 pixels.
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
            "The run",
            [
                f"source.size, target.size  a frame or crop whose map has {width}×{height} is too small for a "
                f"discriminator; frames and crops need at least {SMALLEST} pixels a side, and with method.views=logits "
                "so do their logits. Set source.size and target.size, and their crop if there is one, larger"
            ],
        )
