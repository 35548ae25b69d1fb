"""Random changes of images, on the device of the images.

A draw and its use are separate, so that tests can inspect a draw, or give one. Draws come from Python's ``random``,
whose state a checkpoint holds.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

_WIDTHS = 3
"""Reach of a blur's kernel to either side, in standard deviations."""


@dataclass(frozen=True)
class Photometric:
    """One draw of a change in colour and sharpness. A call makes the same change to every image.

    Attributes:
        blur: standard deviation in pixels; None does not blur.
        jitter: changes of colour, in their order, each with its name and strength: ``brightness``, ``contrast`` and
            ``saturation`` by a factor, ``hue`` by a share of the colour circle.
        grey: whether the images become grey at the end.
    """

    blur: float | None = None
    jitter: tuple[tuple[str, float], ...] = ()
    grey: bool = False

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Tensor:
        """Change images; the result is in [0, 1] too.

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
    """Draw a change in colour and sharpness; the defaults are the strong augmentation of TPS.

    Args:
        blur: standard deviations to choose from, in pixels.
        jitter: largest changes: of the factors of brightness, contrast and saturation from 1, and of the hue from 0.
        blurred: probability of a blur, in [0, 1].
        jittered: probability of a change in colour.
        grey: probability that all colour is removed.
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
    """Blur images; beyond the edge, the image is continued by its mirror image.

    Args:
        pictures: (B, 3, H, W).
        deviation: standard deviation in pixels.
    """
    for axis in (-1, -2):  # one axis at a time: the cost grows with the kernel's width, not with its square
        reach = min(round(_WIDTHS * deviation), pictures.shape[axis] - 1)
        kernel = [1, 1]
        kernel[-1 - axis] = 2 * reach + 1
        pictures = functional.gaussian_blur(pictures, kernel, [deviation, deviation])
    return pictures
