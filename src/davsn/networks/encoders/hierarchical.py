"""Encoders of timm with features at several scales: ConvNeXt, Swin, PVTv2, EfficientViT, FastViT, ResNet …"""

import functools
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import timm
import torch
from torch import Tensor, nn

from davsn.core.errors import ConfigError
from davsn.core.files.tensors import State
from davsn.networks.encoder import Encoder
from davsn.networks.initial_weights import load_timm
from davsn.networks.timm_encoders import (
    built,
    depths_of,
    fast_layout,
    layers_of,
    names_of,
    of_one_size,
    plain_names,
    without_memory,
)

_WINDOWED = frozenset(timm.list_models(module="swin_transformer") + timm.list_models(module="swin_transformer_v2"))
"""Encoders of one frame size by default, which take others if told to."""
_PATCH = 4
_DEEPEST = 32
"""The factor by which encoders reduce frames; some take only multiples of it, such as HRNet."""


class Hierarchical(Encoder):
    """Encoders of timm with features at 1/4 of the frames and coarser.

    Raises:
        ConfigError: the encoder has no drop path, or takes frames of one size only.
    """

    def __init__(self, name: str, drop_path: float = 0.0, pretrained: bool = False) -> None:
        super().__init__(name, drop_path, pretrained)
        self.name, windowed = name, name.partition(".")[0] in _WINDOWED
        if not windowed and of_one_size(name):
            raise _refusal(name, "one size")
        any_size = {"strict_img_size": False} if windowed else {}
        make = functools.partial(timm.create_model, name, features_only=True, **any_size)
        with torch.device("meta"):
            sketch = make().eval()
            self.multiple = _PATCH if windowed else _multiple_of(sketch, name)
        reductions = sketch.feature_info.reduction()
        wanted = tuple(index for index, reduction in enumerate(reductions) if reduction >= 4)
        self.body = built(functools.partial(make, pretrained=pretrained, out_indices=wanted), name, drop_path)
        self.channels = tuple(self.body.feature_info.channels())
        self.mean, self.std = self.body.pretrained_cfg["mean"], self.body.pretrained_cfg["std"]
        self.layout = fast_layout(self.body)
        self.channels_last = str(getattr(self.body, "output_fmt", "NCHW")).endswith("NHWC")

    @classmethod
    def names(cls) -> Collection[str]:
        """All names of timm that are no plain vision transformer; a name may say which weights: resnet18.a1_in1k."""
        return names_of() - plain_names()

    def forward(self, images: Tensor) -> list[Tensor]:
        """See :meth:`Encoder.forward`."""
        features: list[Tensor] = self.body(images.contiguous(memory_format=self.layout))
        return [feature.permute(0, 3, 1, 2) for feature in features] if self.channels_last else features

    def load(self, state: State, where: str) -> None:
        """Load a weights file with timm's names; see :meth:`Encoder.load`."""
        load_timm(self.body, state, where)

    def layers(self) -> list[list[nn.Parameter]]:
        """See :meth:`Encoder.layers`."""
        return layers_of(self.body, depths_of(without_memory(self.name)))


def _multiple_of(body: Any, name: str) -> int:
    """Find the number of pixels of which the sides of a frame have to be multiples, by trying two sizes.

    Args:
        body: the encoder on the device ``meta``, so that nothing is computed.
        name: its name, for the error.

    Raises:
        ConfigError: it takes neither.
    """
    for multiple, size in ((1, (51, 75)), (_DEEPEST, (3 * _DEEPEST, 5 * _DEEPEST))):
        with suppress(Exception), torch.no_grad():  # timm's encoders refuse a size in many ways
            body(torch.empty(1, 3, *size))
            return multiple
    raise _refusal(name, "certain sizes")


def _refusal(name: str, sizes: str) -> ConfigError:
    refused = f"encoder  {name} takes frames of {sizes} only. Choose another, such as convnextv2_tiny or mit_b2"
    return ConfigError("network", [refused])
