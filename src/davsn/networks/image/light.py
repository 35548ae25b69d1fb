"""The network ``light``, which trains on a laptop: an encoder of timm, a light multi-scale decoder, two classifiers."""

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, Literal

import timm
import torch
from huggingface_hub import constants, get_session
from pydantic import Field, field_validator
from torch import Tensor, nn

from davsn.core.clip import Levels
from davsn.core.console import say
from davsn.core.errors import CheckpointError, did_you_mean
from davsn.core.settings import Settings
from davsn.networks.image_network import ImageNetwork
from davsn.networks.imagenet import ENCODER, PACKAGE, installed_weights
from davsn.networks.weights import State, load_state, of_network, read_state
from davsn.ops.resize import upsample

_log = logging.getLogger(__name__)
_HUB_WAIT = 2.0
"""Seconds to wait for the hub's answer before it counts as out of reach."""
_SLOWER = "so training is slower and learns less"


class LightSettings(Settings):
    """Settings of the light network."""

    encoder: str = "resnet18"
    """The name of a convolutional encoder of timm: resnet18, mobilenetv3_large_100, tf_efficientnet_lite0,
    convnext_atto …"""
    width: int = Field(64, ge=8, le=1024)
    """Channels of the decoder."""
    weights: Literal["random", "hub", "auto"] | Path | None = "random"
    """The encoder's initial weights. 'random': random weights, with a warning. 'hub': download timm's ImageNet weights.
    'auto': the same; if the download fails, fall back to the weights of an installed package, which mobilenetv2_100 has
    (docs/weights.md), or else to random weights with a warning. A weights file (.safetensors or .pth) must have timm's
    tensor names. null: random weights, without a warning; for networks whose weights are all loaded afterwards."""

    @field_validator("encoder")
    @classmethod
    def _known(cls, name: str) -> str:
        if not timm.is_model(name):
            raise ValueError(f"timm has no encoder '{name}'.{did_you_mean(name, timm.list_models())}")
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
        channels = self.encoder.feature_info.channels()
        self.lateral = nn.ModuleList(nn.Conv2d(inputs, config.width, 1) for inputs in channels)
        self.smooth = nn.Sequential(
            nn.Conv2d(config.width, config.width, 3, padding=1, bias=False), nn.BatchNorm2d(config.width), nn.ReLU()
        )
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
        features = self.encoder(normalised.contiguous(memory_format=torch.channels_last))  # one quarter faster on a CPU
        *finer, summed = (lateral(feature) for lateral, feature in zip(self.lateral, features, strict=True))
        for feature in reversed(finer):
            summed = feature + upsample(summed, feature.shape[-2:])
        decoded = self.smooth(summed)
        main = self.classify(decoded)
        height, width = main.shape[-2:]
        return Levels(main, aux=upsample(self.aux(features[-2]), (height, width))), decoded

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
    if config.weights in ("hub", "auto"):
        try:
            return _from_hub(make)
        except Exception as error:  # the hub's client can fail in many ways
            failure = f"The ImageNet weights of '{config.encoder}' could not be downloaded ({type(error).__name__})"
        if config.weights == "hub":
            raise CheckpointError(
                f"{failure}. Connect to the internet, give a weights file (weights: FILE.safetensors), or start from "
                "random weights (weights: random)"
            )
        if (installed := installed_weights(config.encoder)) is not None:
            say(f"{failure}. The encoder starts from the ImageNet weights in the package {PACKAGE}")
            return _loaded(make(), installed, PACKAGE)
        other = f". The package {PACKAGE} has weights for it (docs/weights.md)" if config.encoder == ENCODER else ""
        _log.warning("%s. The encoder starts from random weights, %s%s", failure, _SLOWER, other)
    elif config.weights == "random":
        _log.warning("The encoder '%s' starts from random weights, %s", config.encoder, _SLOWER)
    encoder = make()
    if isinstance(config.weights, Path):
        return _loaded(encoder, read_state(config.weights), str(config.weights))
    return encoder


def _loaded(encoder: nn.Module, state: State, where: str) -> nn.Module:
    load_state(encoder, _of_encoder(encoder, state, where), where)
    return encoder


def _from_hub(make: Callable[..., Any]) -> Any:
    """Build the encoder with weights from the hub, or from the hub's cache on this machine."""
    set_offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = set_offline or not _hub_answers()  # otherwise its client retries for a minute
    try:
        return make(pretrained=True)
    finally:
        constants.HF_HUB_OFFLINE = set_offline


def _hub_answers() -> bool:
    """Whether the hub answers within :data:`_HUB_WAIT`, name service included, which a client's timeout leaves out."""
    answers: Queue[bool] = Queue()
    Thread(target=lambda: answers.put(_asked()), daemon=True).start()
    try:
        return answers.get(timeout=_HUB_WAIT)
    except Empty:
        return False


def _asked() -> bool:
    try:
        get_session().head(constants.ENDPOINT, timeout=_HUB_WAIT)
    except Exception:  # no name service, no route, a proxy's refusal …
        return False
    return True


def _of_encoder(encoder: nn.Module, state: State, where: str) -> State:
    """The tensors of a classifier's state that belong to its encoder.

    timm calls some stages ``stages_0`` in an encoder and ``stages.0`` in the classifier.
    """

    def flat(name: str) -> str:
        return name.replace(".", "_")

    names = {flat(name): name for name in encoder.state_dict()}
    found = of_network(state, names, where, flat)
    return {names[flat(name)]: tensor for name, tensor in found.items() if flat(name) in names}
