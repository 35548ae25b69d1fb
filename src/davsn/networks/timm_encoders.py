"""What the families of encoders share that are built by timm."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import timm
import torch
from timm.models import group_parameters
from torch import nn

from davsn.core.errors import ConfigError
from davsn.networks.initial_weights import flat

PLAIN = ("vision_transformer", "eva", "deit")
"""The modules of timm with plain vision transformers that take frames of any size."""


@functools.cache
def names_of(module: str = "") -> frozenset[str]:
    """The names of timm's encoders, alone and with the tag of weights after a dot, as in resnet18.a1_in1k.

    Args:
        module: a module of timm; the empty text takes all of them.
    """
    return frozenset(timm.list_models(module=module) + timm.list_models(module=module, pretrained=True))


def plain_names() -> set[str]:
    """The names of plain vision transformers; see :func:`names_of`."""
    return {name for module in PLAIN for name in names_of(module)}


def of_one_size(name: str) -> bool:
    """Whether an encoder takes frames of one size only, unless it is told the size."""
    published = timm.get_pretrained_cfg(name)
    return published is not None and bool(published.fixed_input_size)


def built(make: Callable[..., Any], name: str, drop_path: float) -> Any:
    """Build an encoder of timm.

    Args:
        make: builds it; takes ``drop_path_rate``.
        name: the encoder's name, for the error.
        drop_path: see :class:`~davsn.networks.encoder.Encoder`.

    Raises:
        ConfigError: the encoder has no drop path.
    """
    try:
        return make(drop_path_rate=drop_path)
    except TypeError as error:
        if "drop_path_rate" not in str(error):
            raise
    if drop_path:
        raise ConfigError("network", [f"drop_path  the encoder {name} has no drop path. Set network.drop_path=0"])
    return make()


def fast_layout(body: nn.Module) -> torch.memory_format:
    """The memory layout in which an encoder's frames are fastest on a CPU: channels last, one quarter faster.

    It is the usual layout for encoders whose first convolution is 1×1 with a stride, such as those of FastViT, RepVGG
    and MobileOne. In the backward pass of such a convolution, oneDNN (PyTorch 2.14, AVX2) writes outside its memory
    when channels are last, which ends the process.
    """
    strided = (
        layer.in_channels == 3 and layer.kernel_size == (1, 1) and layer.stride != (1, 1)
        for layer in body.modules()
        if isinstance(layer, nn.Conv2d)
    )
    return torch.contiguous_format if any(strided) else torch.channels_last


def layers_of(body: nn.Module, depths: Mapping[str, int]) -> list[list[nn.Parameter]]:
    """The trainable parameters of an encoder by layer, from input to output; an empty list if a layer is unknown.

    Args:
        body: the encoder.
        depths: the name of a parameter, in the spelling of :func:`flat`, → the number of its layer.
    """
    trained = {flat(name): parameter for name, parameter in body.named_parameters() if parameter.requires_grad}
    if not trained.keys() <= depths.keys():
        return []
    layers: list[list[nn.Parameter]] = [[] for _ in range(max(depths.values(), default=0) + 1)]
    for name, parameter in trained.items():
        layers[depths[name]].append(parameter)
    return [layer for layer in layers if layer]


def depths_of(model: Any) -> dict[str, int]:
    """The layers of a model of timm, as timm counts them: a parameter's name in the spelling of :func:`flat` → layer.

    The stem is layer 0. A residual block is one layer, or a stage where timm tells no blocks. Empty where timm tells no
    layers.
    """
    if not hasattr(model, "group_matcher"):
        return {}
    matcher = model.group_matcher(coarse=False)
    return {flat(name): layer for name, layer in group_parameters(model, matcher, reverse=True).items()}


def without_memory(name: str) -> Any:
    """The whole model of a name, without its classifier and without memory for its tensors."""
    with torch.device("meta"):
        return timm.create_model(name.partition(".")[0], num_classes=0)
