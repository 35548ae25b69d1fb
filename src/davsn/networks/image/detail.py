"""The network ``detail``: context at low resolution and detail at full resolution, fused by a learned scale attention.

HRDA, Hoyer et al., ECCV 2022. Both pass one network, so this is a part over any other image network. A step needs about
half of the memory that whole frames would take.
"""

import random
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate

from davsn.core.clip import Levels
from davsn.core.errors import ConfigError
from davsn.core.plugins import Choice, choice_of, find
from davsn.core.settings import Settings
from davsn.networks.image_network import ImageNetwork
from davsn.networks.windows import MOST_OVERLAP, SMALLEST, Box, Window, cells_of, part_of, placed, slid
from davsn.ops.resize import upsample

Side = Annotated[int, Field(ge=SMALLEST)]


class DetailSettings(Settings):
    """Settings of context and detail; the defaults are the published ones."""

    over: Annotated[Choice, choice_of(ImageNetwork)] = Field("light")  # type: ignore[assignment]  # validated
    """The network that sees context and detail, with its own settings; it must offer its features."""
    scale: float = Field(0.5, gt=0, lt=1)
    """Resolution of the context, relative to that of the frames (1 / s); the context has at least 32 pixels a side."""
    crop: tuple[Side, Side] | None = None
    """Width and height of the detail crop in pixels of the frames. null: half of the frames' sides, at least 32,
    as published for frames of 1024×1024."""
    overlap: float = Field(0.5, ge=0, le=MOST_OVERLAP)
    """Smallest share of a detail crop that the next one shares, where detail crops cover the whole frame."""
    width: int = Field(256, ge=8, le=4096)
    """Channels of the scale attention."""


class Detail(ImageNetwork):
    """HRDA: the logits of a low-resolution frame, and those of full-resolution crops where the scale attention asks.

    With gradients, there is one detail crop at a random place, the same for the whole batch; elsewhere the context
    decides. Without gradients, detail crops slide over the whole frame: in prediction, for a teacher's pseudo-labels
    and for the previous frame of a video network. They pass the network one at a time.

    The auxiliary classifier is that of the network inside, fused in the same way. If it has none, the auxiliary logits
    are those of the detail alone, so that their loss is HRDA's detail loss (equation 11). Outside the crop they are the
    context's, without gradient.

    Raises:
        ConfigError: the network inside offers no features.
    """

    Config = DetailSettings

    def __init__(self, config: DetailSettings, num_classes: int) -> None:
        super().__init__(config, num_classes)
        self.config, self.num_classes = config, num_classes
        self.over = find(ImageNetwork, config.over.name)(config.over.settings, num_classes)
        if self.over.feature_channels is None:
            raise ConfigError(
                "network",
                [
                    f"over  {config.over.name} offers no features, which the scale attention reads. Choose "
                    "encoder_head, light or deeplab, or give your network with_features and feature_channels"
                ],
            )
        self.attention = nn.Sequential(
            nn.Conv2d(self.over.feature_channels, config.width, 1), nn.ReLU(), nn.Conv2d(config.width, num_classes, 1)
        )

    def forward(self, images: Tensor) -> Levels:
        """The fused logits, at the resolution that the network inside would give for the whole frames.

        See :meth:`ImageNetwork.forward`.
        """
        height, width = images.shape[-2:]
        low = tuple(max(min(side, SMALLEST), round(self.config.scale * side)) for side in (height, width))
        seen, features = self.over.with_features(interpolate(images, low, mode="area"))
        rows, columns = seen.main.shape[-2:]
        size = (round(rows * height / low[0]), round(columns * width / low[1]))
        context = seen.each(lambda logits: upsample(logits.float(), size))
        attention = upsample(self.attention(features).sigmoid().float(), size)
        if self.training and torch.is_grad_enabled():
            detail, inside = self._crop(images, context)
            attention = attention * inside
        else:
            detail = slid(self.over, images, self._window(height, width), size)
        fused = {name: torch.lerp(logits, detail.named[name], attention) for name, logits in context.named.items()}
        return Levels(**{"aux": detail.main, **fused})

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """The groups of the network inside; the scale attention is in the group ``"classifier"``.

        See :meth:`ImageNetwork.groups`.
        """
        groups = self.over.groups()
        return {**groups, "classifier": [*groups["classifier"], *self.attention.parameters()]}

    def layers(self) -> list[list[nn.Parameter]]:
        """The layers of the network inside; see :meth:`ImageNetwork.layers`."""
        return self.over.layers()

    def _window(self, height: int, width: int) -> Window:
        sides = self.config.crop or (max(SMALLEST, -(-width // 2)), max(SMALLEST, -(-height // 2)))
        return Window(*sides, self.config.overlap)

    def _crop(self, images: Tensor, context: Levels) -> tuple[Levels, Tensor]:
        """One random detail crop on the map of the context, which surrounds it without gradient; and where it is."""
        frame, size = _size(images), _size(context.main)
        _, _, height, width = self._window(*frame).boxes(frame)[0]
        box: Box = (random.randint(0, frame[0] - height), random.randint(0, frame[1] - width), height, width)
        rows, columns = cells_of(box, frame, size)
        inside = images.new_zeros(size)
        inside[rows, columns] = 1
        detail = {}
        for name, logits in self.over(part_of(images, box)).named.items():
            detail[name] = context.named[name].detach().clone()
            detail[name][..., rows, columns] = placed(logits, box, frame, size)
        return Levels(**detail), inside


def _size(maps: Tensor) -> tuple[int, int]:
    height, width = maps.shape[-2:]
    return height, width
