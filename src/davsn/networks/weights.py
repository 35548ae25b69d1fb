"""Weights from files, read as data and checked name by name, and the names that published files use.

Published snapshots of DA-VSN and TPS hold a plain state dictionary (641 tensors for ResNet-101) in which the
image network's tensors have no prefix and the fusion layer is ``sf_layer``; ADVENT's are the same without that layer.
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
"""What a file's name holds when it is the ImageNet start of the published DeepLab-v2."""

READABLE = (".pth", ".safetensors")
"""The endings of files that are opened as weights alone. A checkpoint, with settings and classes, ends in ``.pt``."""
WRITABLE = (".pth", ".safetensors")
"""The endings of files that :func:`save_weights` writes."""


def load_imagenet(deeplab: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Start DeepLab-v2 from the published ImageNet file, whose names carry a prefix (``Scale.conv1.weight``).

    Its classifier (``layer5`` there) is left out; tensors that it lacks keep their values.

    Args:
        deeplab: takes the tensors.
        state: as read from the file.
        where: the file, named in the error.

    Raises:
        CheckpointError: a name or shape that the network does not have.
    """
    parts = {name: name.split(".") for name in state}
    known = {".".join(part[1:]): state[name] for name, part in parts.items() if part[1:2] != ["layer5"]}
    load_state(deeplab, {**deeplab.state_dict(), **known}, where)


def holds_weights_alone(path: Path) -> bool:
    """Whether a path names a file of weights alone: not a run's folder, and not a checkpoint with its settings."""
    return path.suffix in READABLE and not path.is_dir()


def load_weights(segmenter: VideoSegmenter, path: Path) -> None:
    """Load a file of tensors alone: a snapshot of the public code, or one of :func:`save_weights`.

    Snapshots of DA-VSN and TPS are of video networks, those of ADVENT of networks of single frames.

    Raises:
        CheckpointError: an unreadable file, or one of another network or number of classes.
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
            else f"{path} holds a network of single frames, without the layer that fuses two (sf_layer.weight). Set "
            "video.propagation to none, or to start a video network from it, name it in network.weights"
        )
    load_state(segmenter, state, str(path))


def save_weights(segmenter: VideoSegmenter, path: Path) -> None:
    """Write the tensors of a network alone, under a name that ends in ``.safetensors`` or, for DeepLab-v2, ``.pth``.

    A ``.pth`` is what the public code calls a snapshot: it can load it.

    Raises:
        DataError: the disk is full or the folder cannot be written to.
    """
    with replacing(path) as temporary:
        if path.suffix == ".safetensors":
            state = {name: tensor.contiguous() for name, tensor in segmenter.state_dict().items()}
            temporary.write_bytes(safetensors.torch.save(state))
        else:  # in the old form, because PyTorch 1.2, which the public code was written for, reads no other
            torch.save(published_state(segmenter), temporary, _use_new_zipfile_serialization=False)


def published_state(segmenter: VideoSegmenter) -> State:
    """The state of a network under the names of the public code, which can load it."""
    return {_published_name(name): tensor for name, tensor in segmenter.state_dict().items()}


def _our_name(published: str) -> str:
    return "fusion.weight" if published == "sf_layer.weight" else f"image.{published}"


def _published_name(ours: str) -> str:
    return "sf_layer.weight" if ours == "fusion.weight" else ours.removeprefix("image.")
