"""Source randomisation: a clip in other colours, blurred, noisy, grey or compressed, and in the style of the target.

Every function changes all frames of a clip alike, so that motion still holds, and leaves labels and flow as they are.
What is random comes from the generator given. Noise alone differs from frame to frame, as a camera's does.
"""

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.core.clip import Clip
from davsn.core.settings import Settings
from davsn.data.transforms import colour, each_frame

Frame = NDArray[np.uint8]
Draw = Callable[[np.random.Generator], Frame]
"""Gives a random frame (H, W, 3) of the target."""
StyleKind = Literal["lab", "histogram", "fourier"]


class Photometric(Settings):
    """Random changes of a clip's colours and sharpness; one draw a clip."""

    share: float = Field(0.5, ge=0, le=1)
    """How many clips are changed; the others stay clean."""
    strength: float = Field(0.6, ge=0, le=1)
    """Strength of the colour jitter, gamma and noise. At 1, brightness, contrast and saturation are factors in
    [0.2, 1.8], hue turns by up to a fifth of the circle, gamma is in [1/2, 2], and noise has a deviation up to 0.04."""
    blurred: float = Field(0.5, ge=0, le=1)
    """How many of the changed clips are blurred, with a standard deviation of 0.3 to 1.5 pixels."""
    grey: float = Field(0.1, ge=0, le=1)
    """How many of the changed clips lose their colour."""
    compressed: float = Field(0.0, ge=0, le=1)
    """How many of the changed clips are compressed as JPEG, with a quality of 30 to 90."""


class Style(Settings):
    """Transfer of a random target frame's style to a source clip; one draw a clip. No target label is read."""

    share: float = Field(0.5, ge=0, le=1)
    """How many clips take a target frame's style."""
    kind: StyleKind = "lab"
    """'lab': mean and deviation of each channel in CIELAB (Reinhard et al., 2001). 'histogram': each RGB channel's
    histogram. 'fourier': the amplitude of the low frequencies (FDA, Yang and Soatto, CVPR 2020)."""
    band: float = Field(0.01, gt=0, le=0.5)
    """For 'fourier': how far the low frequencies reach, as a share of the shorter side (β)."""


def photometric(clip: Clip, settings: Photometric, generator: np.random.Generator) -> Clip:
    """A clip after one draw of :class:`Photometric`; a share of clips comes back as it is."""
    if generator.random() >= settings.share:
        return clip
    strength = settings.strength
    clip = colour(clip, strength, generator)
    gamma = 2.0 ** generator.uniform(-strength, strength)
    deviation = generator.uniform(0.3, 1.5) if generator.random() < settings.blurred else None
    noise = 255 * 0.04 * strength * generator.random()
    grey = generator.random() < settings.grey
    quality = int(generator.integers(30, 91)) if generator.random() < settings.compressed else None
    table = (255 * (np.arange(256) / 255) ** gamma).round().astype(np.uint8)

    def change(frame: Frame) -> Frame:
        frame = cv2.LUT(np.ascontiguousarray(frame), table)
        if grey:
            frame = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if deviation is not None:
            frame = cv2.GaussianBlur(frame, (0, 0), deviation, borderType=cv2.BORDER_REFLECT_101)
        if noise:
            grain = generator.standard_normal(frame.shape, np.float32) * np.float32(noise)
            frame = np.clip(frame + grain, 0, 255).round().astype(np.uint8)
        return _recompressed(frame, quality) if quality is not None else np.asarray(frame, np.uint8)

    return each_frame(clip, change)


def styled(clip: Clip, settings: Style, draw: Draw, generator: np.random.Generator) -> Clip:
    """A clip in the style of one target frame; a share of clips comes back as it is.

    Args:
        clip: of the source.
        settings: see :class:`Style`.
        draw: gives the target frame, of any size.
        generator: of all that is random.
    """
    if generator.random() >= settings.share:
        return clip
    like = draw(generator)
    if settings.kind == "lab":
        return each_frame(clip, _lab(clip.frames[0], like))
    if settings.kind == "histogram":
        return each_frame(clip, _histogram(clip.frames[0], like))
    return each_frame(clip, lambda frame: _low_frequencies(frame, like, settings.band))


def _recompressed(frame: Frame, quality: int) -> Frame:
    content = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def _lab(current: Frame, like: Frame) -> Callable[[Frame], Frame]:
    """Gives frames the mean and deviation that the target frame's CIELAB channels have.

    The statistics taken away are those of the current frame, for all frames of the clip.
    """
    ours, theirs = (_as_lab(frame).reshape(-1, 3) for frame in (current, like))
    factor = (theirs.std(0) + 1e-3) / (ours.std(0) + 1e-3)
    shift = theirs.mean(0) - factor * ours.mean(0)

    def change(frame: Frame) -> Frame:
        moved = cv2.cvtColor((_as_lab(frame) * factor + shift).astype(np.float32), cv2.COLOR_LAB2RGB)
        return np.asarray((np.clip(moved, 0, 1) * 255).round(), np.uint8)

    return change


def _as_lab(frame: Frame) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _histogram(current: Frame, like: Frame) -> Callable[[Frame], Frame]:
    """Gives frames the histogram that each RGB channel of the target frame has, by a table for all frames."""
    tables = []
    for channel in range(3):
        ours, theirs = (
            np.cumsum(np.bincount(frame[..., channel].ravel(), minlength=256)) / frame[..., channel].size
            for frame in (current, like)
        )
        tables.append(np.searchsorted(theirs, ours - 1e-9).clip(max=255).astype(np.uint8))
    table = np.stack(tables, -1)[None]
    return lambda frame: np.asarray(cv2.LUT(np.ascontiguousarray(frame), table), np.uint8)


def _low_frequencies(frame: Frame, like: Frame, band: float) -> Frame:
    """A frame with the amplitudes of the target frame's low frequencies; the phases stay its own."""
    height, width = frame.shape[:2]
    like = cv2.resize(like, (width, height), interpolation=cv2.INTER_AREA)
    ours, theirs = (np.fft.fft2(picture.astype(np.float32), axes=(0, 1)) for picture in (frame, like))
    reach = max(int(band * min(height, width)), 0)
    rows, columns = (np.minimum(np.arange(length), length - np.arange(length)) <= reach for length in (height, width))
    low = (rows[:, None] & columns)[..., None]
    amplitude = np.where(low, np.abs(theirs), np.abs(ours))
    mixed = np.fft.ifft2(amplitude * np.exp(1j * np.angle(ours)), axes=(0, 1)).real
    return np.asarray(np.clip(mixed, 0, 255).round(), np.uint8)
