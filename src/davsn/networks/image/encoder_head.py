"""The network ``encoder_head``: any encoder with any head; each is a file of its own."""

import functools
from typing import Annotated

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from davsn.core.clip import Levels
from davsn.core.plugins import Choice, choice_of, find
from davsn.core.settings import Settings
from davsn.networks.encoder import family_of
from davsn.networks.head import Head
from davsn.networks.image_network import ImageNetwork
from davsn.networks.initial_weights import InitialWeights, started
from davsn.ops.resize import upsample


class EncoderHeadSettings(Settings):
    """Settings of a network of an encoder and a head."""

    encoder: str = "resnet18"
    """The name of an encoder: mit_b0 to mit_b5, any of timm with features at several scales (convnextv2_tiny,
    swin_tiny_patch4_window7_224, pvt_v2_b2 …), a plain ViT of timm (vit_small_patch14_dinov2 …), or the path of your
    own .py file."""
    head: Annotated[Choice, choice_of(Head)] = Field("sum")  # type: ignore[assignment]  # validated
    """The head, with its own settings: sum, segformer, daformer, upernet, linear, or the path of your own .py file."""
    auxiliary: bool | None = None
    """Whether to add an auxiliary classifier on the second-deepest features, or on the only ones. null: as published
    with the head; sum and upernet have one."""
    weights: InitialWeights = "random"
    """The encoder's initial weights. 'random': random weights, with a warning. 'hub': download pretrained weights.
    'auto': the same; if the download fails, fall back to the weights of an installed package, which mobilenetv2_100 has
    (docs/weights.md), or else to random weights with a warning. 'installed': the same without the hub.
    A weights file (.safetensors or .pth) must have the tensor names of the encoder's
    family (docs/networks.md). null: random weights, without a
    warning; for networks whose weights are all loaded afterwards."""
    frozen: bool = False
    """Whether the encoder keeps its weights. It then predicts in training too: without drop path, and with the running
    statistics of its batch normalisation."""
    drop_path: float = Field(0.0, ge=0, lt=1)
    """The largest probability with which a residual branch of the encoder is left out in training (stochastic
    depth)."""

    @field_validator("encoder")
    @classmethod
    def _known(cls, name: str) -> str:
        family_of(name)
        return name


class EncoderHead(ImageNetwork):
    """A network of an encoder and a head.

    The main classifier is a 1×1 convolution on the head's features. The auxiliary one reads the encoder's
    second-deepest features. The logits have the size of the finest features: 1/4 of the frames with most encoders.

    Raises:
        CheckpointError: the weights cannot be downloaded or read, or do not fit.
        ConfigError: the encoder does not take these settings.
    """

    Config = EncoderHeadSettings

    def __init__(self, config: EncoderHeadSettings, num_classes: int) -> None:
        super().__init__(config, num_classes)
        self.num_classes, self.frozen = num_classes, config.frozen
        family, head = family_of(config.encoder), find(Head, config.head.name)
        make = functools.partial(family, config.encoder, config.drop_path)
        self.encoder = started(make, family.load, config.encoder, config.weights)
        self.encoder.requires_grad_(not config.frozen)
        self.head = head(config.head.settings, self.encoder.channels)
        self.feature_channels = self.head.width
        self.resized = head.several_scales and not self.encoder.several_scales
        self.main = nn.Conv2d(self.head.width, num_classes, 1)
        self.auxiliary = head.auxiliary if config.auxiliary is None else config.auxiliary
        self.aux = nn.Conv2d(self.encoder.channels[-2:][0], num_classes, 1) if self.auxiliary else None
        for name in ("mean", "std"):
            value = torch.tensor(getattr(self.encoder, name)).view(3, 1, 1)
            self.register_buffer(name, value, persistent=False)

    def forward(self, images: Tensor) -> Levels:
        """The logits at the size of the finest features; see :meth:`ImageNetwork.forward`."""
        return self.with_features(images)[0]

    def with_features(self, images: Tensor) -> tuple[Levels, Tensor]:
        """The logits and the head's features; see :meth:`ImageNetwork.with_features`."""
        features = self.encoder(self._prepared(images))
        decoded = self.head(_at_several_scales(features) if self.resized else features)
        main = self.classify(decoded)
        height, width = main.shape[-2:]
        aux = None if self.aux is None or self.main_alone else upsample(self.aux(features[-2:][0]), (height, width))
        return Levels(main, aux), decoded

    def classify(self, features: Tensor) -> Tensor:
        """The main classifier's logits from the head's features; see :meth:`ImageNetwork.classify`."""
        logits: Tensor = self.main(features)
        return logits

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """The trainable parameters by role; a frozen backbone has none. See :meth:`ImageNetwork.groups`.

        The head is in the group ``"classifier"``, because it starts from random weights too.
        """
        backbone = [parameter for parameter in self.encoder.parameters() if parameter.requires_grad]
        known = {id(parameter) for parameter in self.encoder.parameters()}
        return {"backbone": backbone, "classifier": [p for p in self.parameters() if id(p) not in known]}

    def layers(self) -> list[list[nn.Parameter]]:
        """The encoder's layers; see :meth:`ImageNetwork.layers`."""
        return self.encoder.layers()

    def train(self, mode: bool = True) -> "EncoderHead":
        """Set the mode of all modules; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def _prepared(self, images: Tensor) -> Tensor:
        """Normalised images at a size that the encoder takes: the nearest multiple of its patch."""
        if self.encoder.multiple > 1:  # an exported network then has sizes of any kind in its graph, and no rounding
            images = _at_multiple(images, self.encoder.multiple)
        return (images - self.get_buffer("mean")) / self.get_buffer("std")


def _at_multiple(images: Tensor, multiple: int) -> Tensor:
    """Images (B, 3, H, W) resized to the nearest multiple of so many pixels a side, at least one."""
    height, width = (max(multiple, round(side / multiple) * multiple) for side in images.shape[-2:])
    return images if (height, width) == tuple(images.shape[-2:]) else upsample(images, (height, width))


def _at_several_scales(features: list[Tensor]) -> list[Tensor]:
    """Features of one scale, resized by 4, 2, 1, 1/2 …, as the four of the ViT in Rein (Wei et al., CVPR 2024)."""
    height, width = features[0].shape[-2:]
    scales = [4 / 2**depth for depth in range(len(features))]
    sizes = [(max(1, round(height * scale)), max(1, round(width * scale))) for scale in scales]
    return [upsample(feature, size) for feature, size in zip(features, sizes, strict=True)]
