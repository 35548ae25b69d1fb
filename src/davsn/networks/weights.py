"""Weights from files, read as data and checked name by name, and the names that published files use.

Published snapshots of DA-VSN and TPS hold a plain state dictionary (641 tensors for ResNet-101) in which the
image network's tensors have no prefix and the fusion layer is ``sf_layer``; ADVENT's are the same without that layer.
"""

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from davsn.errors import CheckpointError
from davsn.networks.video import VideoSegmenter
from davsn.saving import replacing

IMAGENET_NAME = "DeepLab_resnet_pretrained_imagenet"
"""What a file's name holds when it is the ImageNet start of the published DeepLab-v2 (REFERENCE: the rule by name)."""

WEIGHTS_ALONE = (".pth", ".safetensors")
"""How files of tensors alone are named; a checkpoint of ours, which holds settings and classes too, ends in ``.pt``."""

_LARGEST = 8 << 30  # bytes; a segmentation network of today has less than 2 GiB
_LISTED = 8  # tensors named in one error for each kind of mistake

State = dict[str, Tensor]


def read_state(path: Path) -> State:
    """Tensors by name from a ``.safetensors`` file or one that ``torch.save`` wrote. Runs no code of the file.

    Raises:
        CheckpointError: no such file, larger than any network, damaged, or holding anything but named tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file of weights")
    if _unpacked_size(path) > _LARGEST:
        raise CheckpointError(f"{path}: holds more than {_LARGEST >> 30} GiB: not the weights of one network")
    try:
        state = _read(path)
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path}: refused, because it holds more than tensors and reading the rest would run its code, or it is "
            "damaged. Save the plain state_dict() of the network, best as .safetensors"
        ) from None
    except Exception as error:  # a damaged file can fail its reader in any way
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise CheckpointError(f"{path}: not a readable file of weights ({reason}). Copy or download it again") from None
    named = isinstance(state, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    )
    if not named:
        raise CheckpointError(
            f"{path}: should hold tensors by name, and nothing else. Save the plain state_dict() of the network"
        )
    return dict(state)


def load_state(module: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Put a complete state into a module.

    Args:
        module: takes the tensors.
        state: exactly the module's names and shapes.
        where: the file, named in the error.

    Raises:
        CheckpointError: naming missing, unexpected and misshapen tensors, all at once.
    """
    mistakes = list(_mistakes(module.state_dict(), state))
    if mistakes:
        raise CheckpointError("\n".join([f"{where} does not fit the network:", *mistakes]))
    module.load_state_dict(state)


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


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _our_name(published: str) -> str:
    return "fusion.weight" if published == "sf_layer.weight" else f"image.{published}"


def _published_name(ours: str) -> str:
    return "sf_layer.weight" if ours == "fusion.weight" else ours.removeprefix("image.")


def _unpacked_size(path: Path) -> int:
    """Bytes the file holds; torch's own format is a zip, which may claim to unpack to far more than its size."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except Exception:  # another format, or damaged in any way: the reader will tell
        return path.stat().st_size


def _mistakes(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> Iterator[str]:
    """One line for each kind of mistake, naming the first few tensors."""
    missing = [f"{name} {_shape(tensor)}" for name, tensor in wanted.items() if name not in given]
    unexpected = [f"{name} {_shape(tensor)}" for name, tensor in given.items() if name not in wanted]
    misshapen = [
        f"{name} {_shape(given[name])} where the network has {_shape(tensor)}"
        for name, tensor in wanted.items()
        if name in given and given[name].shape != tensor.shape
    ]
    for kind, names in (("missing", missing), ("unexpected", unexpected), ("misshapen", misshapen)):
        if names:
            more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
            yield f"  {kind}: {', '.join(names[:_LISTED])}{more}"


def _shape(tensor: Tensor) -> str:
    return "×".join(str(length) for length in tensor.shape) or "scalar"
