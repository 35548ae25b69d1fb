"""Encodes footage as data URLs within a budget of bytes, so that a page holds all of it and can still be sent."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from davsn.core.clip import IGNORE
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.transforms import resize_frame, resize_label
from davsn.report.content import Footage, Mask, Picture, Still

BUDGET = 20_000_000
"""Bytes of all images of a page; text, tables and curves stay far below the 5 MB that this leaves of 25 MB."""
_SMALLEST = 120
"""Width in pixels below which images are not reduced further; clips are then shortened."""
_STEP = 0.8
"""Factor of the width, or of the length of clips, from one try to the next."""
_QUALITY = 75
_ERROR = 255, 159, 28
"""Colour of wrong pixels: bright on the darkened frame, so that it is seen without colour vision."""


@dataclass(frozen=True)
class Pane:
    """One image of a player, in every step.

    Attributes:
        title: the text below it.
        base: the layer that fills the pane, such as "frame".
        over: the layer on top of it, partly transparent; empty for none.
        network: the position of the network on the page; None for what belongs to none.
        errors: whether the upper layer shows errors.
    """

    title: str
    base: str
    over: str = ""
    network: int | None = None
    errors: bool = False


@dataclass(frozen=True)
class Player:
    """A clip as the page holds it.

    Attributes:
        name: the clip.
        size: (width, height) of the images.
        steps: the names of the frames.
        panes: the images that are shown beside each other.
        layers: a data URL for every step, by the name of the layer; empty where a frame lacks it.
    """

    name: str
    size: tuple[int, int]
    steps: Sequence[str]
    panes: Sequence[Pane]
    layers: Mapping[str, Sequence[str]]

    @property
    def bytes(self) -> int:
        """The size of all images in the page."""
        return sum(len(url) for urls in self.layers.values() for url in urls)


def players(footage: Sequence[Footage], names: Sequence[str], taxonomy: Taxonomy, budget: int = BUDGET) -> list[Player]:
    """Encode clips for a page. Too large ones become smaller: first their images, then the number of their frames.

    Args:
        footage: the clips.
        names: the names of the networks on the page.
        taxonomy: the class table, for the colours.
        budget: the largest number of bytes of all images.
    """
    width = max((still.frame.shape[1] for clip in footage for still in clip.stills), default=0)
    length = max((len(clip.stills) for clip in footage), default=0)
    while True:
        made = [_player(clip, names, taxonomy, width, length) for clip in footage]
        if sum(player.bytes for player in made) <= budget or (width * _STEP < _SMALLEST and length == 1):
            return made
        if width * _STEP >= _SMALLEST:
            width = round(width * _STEP)
        else:
            length = max(int(length * _STEP), 1)


def _player(clip: Footage, names: Sequence[str], taxonomy: Taxonomy, width: int, length: int) -> Player:
    stills = [_reduced(still, width) for still in clip.stills[:length]]
    shown = sorted({number for still in stills for number in still.seen})
    panes, layers = [Pane("frame", "frame")], {"frame": [frame_url(still.frame) for still in stills]}
    if any(still.label is not None for still in stills):
        panes.append(Pane("label", "frame", "label"))
        layers["label"] = ["" if still.label is None else mask_url(still.label, taxonomy) for still in stills]
    for number in shown:
        panes.append(Pane(f"{names[number]}: prediction", "frame", f"mask{number}", number))
        masks = [still.seen[number].mask if number in still.seen else None for still in stills]
        layers[f"mask{number}"] = ["" if mask is None else mask_url(mask, taxonomy) for mask in masks]
        if "label" in layers:
            panes.append(Pane(f"{names[number]}: error", "frame", f"wrong{number}", number, errors=True))
            pairs = [(mask, still.label) for mask, still in zip(masks, stills, strict=True)]
            layers[f"wrong{number}"] = [
                "" if mask is None or label is None else error_url(mask, label, len(taxonomy)) for mask, label in pairs
            ]
    if any(still.flow is not None for still in stills):
        panes.append(Pane("flow to the frame before", "flow"))
        layers["flow"] = ["" if still.flow is None else frame_url(still.flow) for still in stills]
    height, wide = stills[0].frame.shape[:2]
    return Player(clip.name, (wide, height), [still.name for still in stills], panes, layers)


def _reduced(still: Still, width: int) -> Still:
    """Make the images of a frame at most this wide."""
    height, native = still.frame.shape[:2]
    if native <= width:
        return still
    size = width, max(round(height * width / native), 1)
    return Still(
        still.name,
        resize_frame(still.frame, size),
        None if still.label is None else resize_label(still.label, size),
        {number: replace(seen, mask=resize_label(seen.mask, size)) for number, seen in still.seen.items()},
        None if still.flow is None else resize_frame(still.flow, size),
    )


def frame_url(picture: Picture) -> str:
    """Encode an image with loss, as a data URL."""
    return _url(Image.fromarray(picture), quality=_QUALITY, method=2)


def mask_url(mask: Mask, taxonomy: Taxonomy) -> str:
    """Encode a mask in the colours of its classes, as a data URL; pixels without a class are transparent."""
    painted = np.dstack([taxonomy.palette[mask], np.where(mask < len(taxonomy), 255, 0).astype(np.uint8)])
    return _url(Image.fromarray(painted), lossless=True, method=1)


def error_url(mask: Mask, label: Mask, classes: int) -> str:
    """Encode where a prediction is wrong, as a data URL; everything else is transparent, ignored pixels included."""
    wrong: NDArray[np.bool_] = (mask != label) & (label < classes) & (label != IGNORE)
    painted = np.zeros((*mask.shape, 4), np.uint8)
    painted[wrong] = (*_ERROR, 255)
    return _url(Image.fromarray(painted), lossless=True, method=1)


def data_url(kind: str, content: bytes) -> str:
    """Encode a file as a data URL."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _url(image: Image.Image, **options: int | bool) -> str:
    file = io.BytesIO()
    image.save(file, "WEBP", **options)
    return data_url("image/webp", file.getvalue())
