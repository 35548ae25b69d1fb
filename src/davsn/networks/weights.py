"""Reading and writing weights files, and the names that published files use. Files are data, checked name by name.

The weights files of DA-VSN and TPS hold a plain state dictionary (641 tensors for ResNet-101). In it the image
network's tensors have no prefix, and the fusion layer is called ``sf_layer``. ADVENT's files have no such layer.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from davsn.core.errors import CheckpointError
from davsn.core.files.tensors import State, load_state, of_network, read_state
from davsn.core.files.writing import replacing
from davsn.networks.video import VideoSegmenter
from davsn.ops.pictures import MEAN_BGR

__all__ = [
    "IMAGENET_NAME",
    "READABLE",
    "WRITABLE",
    "State",
    "holds_weights_alone",
    "load_imagenet",
    "load_resnet",
    "load_state",
    "load_weights",
    "of_network",
    "published_state",
    "read_state",
    "save_weights",
]

_log = logging.getLogger(__name__)
_CLASSIFIERS = ("layer5.", "layer6.")
_OTHER_HEADS = ("fc.", "classifier.", "aux_classifier.")
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in [0, 1]

IMAGENET_NAME = "DeepLab_resnet_pretrained_imagenet"
"""The part of a file's name that marks the published ImageNet weights of DeepLab-v2."""

READABLE = (".pth", ".safetensors", ".ckpt", ".tar", ".bin")
"""Suffixes of weights files that can be read, in any case. A checkpoint of davsn, which also has settings and classes,
ends in ``.pt``. The tensors of other programs' checkpoints are read, and nothing else of them."""
WRITABLE = (".pth", ".safetensors")
"""Suffixes of weights files that :func:`save_weights` can write."""


def load_imagenet(deeplab: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Load the published ImageNet weights into DeepLab-v2. Their names have a prefix (``Scale.conv1.weight``).

    The file's classifier (called ``layer5``) is left out. Tensors that the file lacks keep their values.

    Args:
        deeplab: the network.
        state: the tensors of the file.
        where: the file, named in the error.

    Raises:
        CheckpointError: the network does not have a tensor of that name or shape.
    """
    parts = {name: name.split(".") for name in state}
    known = {".".join(part[1:]): state[name] for name, part in parts.items() if part[1:2] != ["layer5"]}
    load_state(deeplab, {**deeplab.state_dict(), **known}, where)


def load_resnet(deeplab: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Load the ResNet of torchvision or timm into DeepLab-v2, and say where the two differ.

    Their networks take RGB, normalised by ImageNet's mean and standard deviation. DeepLab-v2 takes BGR in 0 to 255
    minus a mean. So the first convolution is reordered and scaled, and the mean of the first batch normalisation is
    shifted; away from the frame's border, that changes no value. Their blocks have the stride in the 3×3 convolution,
    DeepLab-v2's in the 1×1 convolution before it: that changes features, until training has adapted them.

    Args:
        deeplab: the network; its classifiers keep their values.
        state: the tensors of the file; its classifier is left out.
        where: the file, named in messages.

    Raises:
        CheckpointError: the file holds another kind of ResNet, for example one with a stem of three convolutions.
    """
    own = deeplab.state_dict()
    body = {name: tensor for name, tensor in own.items() if not name.startswith(_CLASSIFIERS)}
    given = {name: tensor for name, tensor in state.items() if not name.startswith(_OTHER_HEADS)}
    missing = [name for name in body if name not in given and not name.endswith("num_batches_tracked")]
    if missing:
        raise CheckpointError(
            f"{where} does not fit the network: it lacks {', '.join(missing[:8])}{' …' if len(missing) > 8 else ''}. "
            "Give all weights of DeepLab-v2, or those of a ResNet with a 7×7 first convolution and the same numbers of "
            "blocks, such as resnet101 of torchvision or timm; resnet101d and ResNet V1c have another first stage"
        )
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (_IMAGENET_MEAN, _IMAGENET_STD))
    first = given["conv1.weight"].float() / std
    offset = torch.tensor(MEAN_BGR).flip(0).view(1, 3, 1, 1) / 255 - mean
    shift = (first * offset).sum((1, 2, 3)) if first.shape[1:2] == (3,) else torch.zeros(len(first))
    changed = {"conv1.weight": first.flip(1) / 255, "bn1.running_mean": given["bn1.running_mean"] - shift}
    load_state(deeplab, {**own, **given, **changed}, where)
    _log.warning(
        "%s holds a ResNet as torchvision and timm have it. Its strides are in other convolutions than DeepLab-v2's, "
        "so its features are a start for training and not exact; both classifiers start from random weights",
        where,
    )


def holds_weights_alone(path: Path) -> bool:
    """Whether a path names a weights file, not a run folder and not a checkpoint with settings."""
    return path.suffix.lower() in READABLE and not path.is_dir()


def load_weights(segmenter: VideoSegmenter, path: Path) -> None:
    """Load a weights file, either of the public code or from :func:`save_weights`.

    The files of DA-VSN and TPS hold video networks, those of ADVENT single-frame networks.

    Raises:
        CheckpointError: the file cannot be read, or belongs to another network or number of classes.
    """
    ours, tensors = segmenter.state_dict(), read_state(path)
    state = _best(tensors, ours, [_published_name(name) for name in ours], where=str(path))
    if "sf_layer.weight" in state or any(f"image.{name}" in ours for name in state):
        state = {_our_name(name): tensor for name, tensor in state.items()}
    fuses = "fusion.weight" in state
    if fuses is not segmenter.looks_back and state.keys() ^ ours.keys() == {"fusion.weight"}:
        raise CheckpointError(
            f"{path} holds a video network, with a layer that fuses two frames. Set video.propagation to warp or splat"
            if fuses
            else f"{path} holds a single-frame network, without the layer that fuses two frames (sf_layer.weight). Set "
            "video.propagation to none, or set network.weights to this file to start a video network from it"
        )
    load_state(segmenter, state, str(path))


def _best(tensors: State, *spellings: Iterable[str], where: str) -> State:
    """The tensors of the network in the spelling of its names that most of them have."""
    found = [(names, of_network(tensors, names, where)) for names in map(set, spellings)]
    return max(found, key=lambda each: len(each[0] & each[1].keys()))[1]


def save_weights(segmenter: VideoSegmenter, path: Path) -> None:
    """Write a network's weights to a file that ends in ``.safetensors`` or, for DeepLab-v2, in ``.pth``.

    The public code can load the ``.pth`` file, which it calls a snapshot.

    Raises:
        DataError: the disk is full, or the folder cannot be written to.
    """
    with replacing(path) as temporary:
        if path.suffix == ".safetensors":
            state = {name: tensor.contiguous() for name, tensor in segmenter.state_dict().items()}
            temporary.write_bytes(safetensors.torch.save(state))
        else:  # the old format, because the public code was written for PyTorch 1.2, which reads no other
            torch.save(published_state(segmenter), temporary, _use_new_zipfile_serialization=False)


def published_state(segmenter: VideoSegmenter) -> State:
    """The weights of a network under the names of the public code, which can load them."""
    return {_published_name(name): tensor for name, tensor in segmenter.state_dict().items()}


def _our_name(published: str) -> str:
    return "fusion.weight" if published == "sf_layer.weight" else f"image.{published}"


def _published_name(ours: str) -> str:
    return "sf_layer.weight" if ours == "fusion.weight" else ours.removeprefix("image.")
