"""Encoders of timm with features at several scales: ConvNeXt, Swin, PVTv2, EfficientViT, FastViT, ResNet …"""

import functools
from collections.abc import Collection

import timm
import torch
from torch import Tensor, nn

from davsn.core.errors import ConfigError
from davsn.core.files.tensors import State
from davsn.networks.encoder import Encoder
from davsn.networks.initial_weights import load_timm
from davsn.networks.timm_encoders import built, depths_of, fast_layout, layers_of, plain_names, without_memory

_WINDOWED = frozenset(timm.list_models(module="swin_transformer") + timm.list_models(module="swin_transformer_v2"))
"""Encoders of one frame size by default, which take others if told to."""
_PATCH = 4


class Hierarchical(Encoder):
    """Encoders of timm with features at 1/4 of the frames and coarser.

    Raises:
        ConfigError: the encoder has no drop path, or takes frames of one size only.
    """

    def __init__(self, name: str, drop_path: float = 0.0, pretrained: bool = False) -> None:
        super().__init__(name, drop_path, pretrained)
        self.name, windowed = name, name.partition(".")[0] in _WINDOWED
        if not windowed and timm.get_pretrained_cfg(name).fixed_input_size:
            raise ConfigError(
                "network",
                [f"encoder  {name} takes frames of one size only. Choose another, such as convnextv2_tiny or mit_b2"],
            )
        any_size = {"strict_img_size": False} if windowed else {}
        make = functools.partial(timm.create_model, name, features_only=True, **any_size)
        with torch.device("meta"):
            reductions = make().feature_info.reduction()
        wanted = tuple(index for index, reduction in enumerate(reductions) if reduction >= 4)
        self.body = built(functools.partial(make, pretrained=pretrained, out_indices=wanted), name, drop_path)
        self.channels = tuple(self.body.feature_info.channels())
        self.multiple = _PATCH if windowed else 1
        self.mean, self.std = self.body.pretrained_cfg["mean"], self.body.pretrained_cfg["std"]
        self.layout = fast_layout(self.body)
        self.channels_last = str(getattr(self.body, "output_fmt", "NCHW")).endswith("NHWC")

    @classmethod
    def names(cls) -> Collection[str]:
        """All names of timm that are no plain vision transformer."""
        return set(timm.list_models()) - plain_names()

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
