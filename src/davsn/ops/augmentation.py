"""Random changes of pictures on their own device, drawn apart from being made: a draw can be looked at, or given.

Draws come from Python's ``random``, whose state a checkpoint holds.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

_WIDTHS = 3
"""Standard deviations that a blur's kernel reaches to either side."""


@dataclass(frozen=True)
class Photometric:
    """One draw of a change in colour and sharpness. Called on pictures, it makes the same change to each.

    Attributes:
        blur: standard deviation in pixels; None leaves the pictures sharp.
        jitter: changes of colour in their order, each by its name and strength: ``brightness``, ``contrast`` and
            ``saturation`` by a factor, ``hue`` by a share of the colour circle.
        grey: whether all colour is taken away in the end.
    """

    blur: float | None = None
    jitter: tuple[tuple[str, float], ...] = ()
    grey: bool = False

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Tensor:
        """Changed pictures, in [0, 1] as they came.

        Args:
            pictures: (B, 3, H, W) RGB in [0, 1].
        """
        with torch.autocast(pictures.device.type, enabled=False):
            if self.blur is not None:
                pictures = gaussian_blur(pictures, self.blur)
            for name, strength in self.jitter:
                pictures = getattr(functional, f"adjust_{name}")(pictures, strength)
            return functional.rgb_to_grayscale(pictures, num_output_channels=3) if self.grey else pictures


def draw_photometric(
    blur: Sequence[float] = (5, 7, 9),
    jitter: tuple[float, float, float, float] = (0.8, 0.8, 0.8, 0.2),
    *,
    blurred: float = 0.6,
    jittered: float = 0.8,
    grey: float = 0.2,
) -> Photometric:
    """A draw; the defaults are TPS's strong augmentation.

    Args:
        blur: standard deviations to choose from, in pixels.
        jitter: how far brightness, contrast and saturation go from a factor of 1, and hue from where it is.
        blurred: how often pictures are blurred, in [0, 1].
        jittered: how often colours change.
        grey: how often colour is taken away.
    """
    chosen = random.choice(blur) if random.random() < blurred else None
    changes: list[tuple[str, float]] = []
    if random.random() < jittered:
        factors = zip(("brightness", "contrast", "saturation"), jitter, strict=False)
        changes = [(name, random.uniform(max(0.0, 1 - reach), 1 + reach)) for name, reach in factors]
        changes.append(("hue", random.uniform(-jitter[3], jitter[3])))
        random.shuffle(changes)
    return Photometric(chosen, tuple(changes), random.random() < grey)


def gaussian_blur(pictures: Tensor, deviation: float) -> Tensor:
    """Blurred pictures; beyond the edge they are mirrored.

    Args:
        pictures: (B, 3, H, W).
        deviation: standard deviation in pixels.
    """
    for axis in (-1, -2):  # one after the other: as many products as the kernel is wide, not its square
        reach = min(round(_WIDTHS * deviation), pictures.shape[axis] - 1)
        kernel = [1, 1]
        kernel[-1 - axis] = 2 * reach + 1
        pictures = functional.gaussian_blur(pictures, kernel, [deviation, deviation])
    return pictures
