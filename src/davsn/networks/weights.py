"""Reading and writing weights files, and the names that published files use. Files are data, checked name by name.

The weights files of DA-VSN and TPS hold a plain state dictionary (641 tensors for ResNet-101). In it the image
network's tensors have no prefix, and the fusion layer is called ``sf_layer``. ADVENT's files have no such layer.
"""

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from davsn.core.errors import CheckpointError
from davsn.core.files.tensors import State, load_state, read_state
from davsn.core.files.writing import replacing
from davsn.networks.video import VideoSegmenter

__all__ = [
    "IMAGENET_NAME",
    "READABLE",
    "WRITABLE",
    "State",
    "holds_weights_alone",
    "load_imagenet",
    "load_state",
    "load_weights",
    "published_state",
    "read_state",
    "save_weights",
]

IMAGENET_NAME = "DeepLab_resnet_pretrained_imagenet"
"""The part of a file's name that marks the published ImageNet weights of DeepLab-v2."""

READABLE = (".pth", ".safetensors")
"""Suffixes of weights files that can be read. A checkpoint, which also has settings and classes, ends in ``.pt``."""
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


def holds_weights_alone(path: Path) -> bool:
    """Whether a path names a weights file, not a run folder and not a checkpoint with settings."""
    return path.suffix in READABLE and not path.is_dir()


def load_weights(segmenter: VideoSegmenter, path: Path) -> None:
    """Load a weights file, either of the public code or from :func:`save_weights`.

    The files of DA-VSN and TPS hold video networks, those of ADVENT single-frame networks.

    Raises:
        CheckpointError: the file cannot be read, or belongs to another network or number of classes.
    """
    state = read_state(path)
    ours = segmenter.state_dict()
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
