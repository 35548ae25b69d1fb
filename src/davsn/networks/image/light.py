"""The network ``light``, which trains on a laptop: an encoder of timm, a light multi-scale decoder, two classifiers."""

import functools
from typing import Any

import timm
import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from davsn.core.clip import Levels
from davsn.core.errors import did_you_mean
from davsn.core.settings import Settings
from davsn.networks.heads.sum import Sum, added_up
from davsn.networks.image_network import ImageNetwork
from davsn.networks.initial_weights import InitialWeights, load_timm, started
from davsn.networks.timm_encoders import fast_layout, names_of, of_one_size, plain_names
from davsn.ops.resize import upsample


class LightSettings(Settings):
    """Settings of the light network."""

    encoder: str = "resnet18"
    """The name of a convolutional encoder of timm: resnet18, mobilenetv3_large_100, tf_efficientnet_lite0,
    convnext_atto …"""
    width: int = Field(64, ge=8, le=1024)
    """Channels of the decoder."""
    weights: InitialWeights = "random"
    """The encoder's initial weights. 'random': random weights, with a warning. 'hub': download timm's ImageNet weights.
    'auto': the same; if the download fails, fall back to the weights of an installed package, which mobilenetv2_100 has
    (docs/weights.md), or else to random weights with a warning. 'installed': the same without the hub.
    A weights file (.safetensors or .pth) must have timm's tensor names. null: random weights, without a
    warning; for networks whose weights are all loaded afterwards."""

    @field_validator("encoder")
    @classmethod
    def _known(cls, name: str) -> str:
        known = names_of()
        if name not in known:
            raise ValueError(f"timm has no encoder '{name}'.{did_you_mean(name, known)}")
        if name in plain_names() or of_one_size(name):
            raise ValueError(f"{name} does not take frames of any size here. Choose the network encoder_head for it")
        return name


class Light(ImageNetwork):
    """A light network: it adds up encoder features from coarse to fine, and classifies them at 1/4 of the input.

    The auxiliary classifier reads the encoder's second-last stage (1/16), as in DeepLab.

    Raises:
        CheckpointError: the weights cannot be downloaded or read, or do not fit.
    """

    Config = LightSettings

    def __init__(self, config: LightSettings, num_classes: int) -> None:
        super().__init__(config, num_classes)
        self.num_classes, self.feature_channels = num_classes, config.width
        self.encoder = _encoder(config)
        self.layout = fast_layout(self.encoder)
        channels = self.encoder.feature_info.channels()
        head = Sum(Sum.Config(width=config.width), channels)
        self.lateral, self.smooth = head.lateral, head.smooth
        self.main = nn.Conv2d(config.width, num_classes, 1)
        self.aux = nn.Conv2d(channels[-2], num_classes, 1)
        for name in ("mean", "std"):
            value = torch.tensor(self.encoder.pretrained_cfg[name]).view(3, 1, 1)
            self.register_buffer(name, value, persistent=False)

    def forward(self, images: Tensor) -> Levels:
        """The logits of both classifiers at 1/4 of the input; see :meth:`ImageNetwork.forward`."""
        return self.with_features(images)[0]

    def with_features(self, images: Tensor) -> tuple[Levels, Tensor]:
        """The logits and the decoder's features; see :meth:`ImageNetwork.with_features`."""
        normalised = (images - self.get_buffer("mean")) / self.get_buffer("std")
        features = self.encoder(normalised.contiguous(memory_format=self.layout))
        decoded = added_up(features, self.lateral, self.smooth)
        main = self.classify(decoded)
        height, width = main.shape[-2:]
        aux = None if self.main_alone else upsample(self.aux(features[-2]), (height, width))
        return Levels(main, aux), decoded

    def classify(self, features: Tensor) -> Tensor:
        """The main classifier's logits from the decoder's features; see :meth:`ImageNetwork.classify`."""
        logits: Tensor = self.main(features)
        return logits

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """The trainable parameters by role; see :meth:`ImageNetwork.groups`.

        The decoder is in the group ``"classifier"``, because it starts from random weights too.
        """
        heads = [self.lateral, self.smooth, self.main, self.aux]
        return {
            "backbone": list(self.encoder.parameters()),
            "classifier": [parameter for head in heads for parameter in head.parameters()],
        }


def _encoder(config: LightSettings) -> Any:
    """Build the encoder, with features at 1/4 of the input and coarser, and load its initial weights."""
    reductions = timm.create_model(config.encoder, features_only=True).feature_info.reduction()
    wanted = tuple(index for index, reduction in enumerate(reductions) if reduction >= 4)
    make = functools.partial(timm.create_model, config.encoder, features_only=True, out_indices=wanted)
    return started(make, load_timm, config.encoder, config.weights)
