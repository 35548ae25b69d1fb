"""Named tensors from files, read as data and checked name by name against the module that takes them."""

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from davsn.core.errors import CheckpointError

_LARGEST = 8 << 30  # bytes; today's networks for segmentation or flow have less than 2 GiB
_LISTED = 8  # tensors that one error names for each kind of mistake

State = dict[str, Tensor]


def read_state(path: Path, inside: str | None = None) -> State:
    """Named tensors from a ``.safetensors`` file or from a file that ``torch.save`` wrote. Runs no code of the file.

    Args:
        path: the file.
        inside: the key under which a training checkpoint holds the tensors, beside other values. A file without this
            key should hold named tensors and nothing else.

    Raises:
        CheckpointError: no such file, larger than any network, damaged, or holding anything but named tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such weights file")
    if _unpacked_size(path) > _LARGEST:
        raise CheckpointError(f"{path}: holds more than {_LARGEST >> 30} GiB, too much for the weights of one network")
    try:
        state = _read(path)
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path}: refused. It is damaged, or it holds more than tensors, and reading that would run its code. "
            "Save the plain state_dict() of the network, preferably as .safetensors"
        ) from None
    except Exception as error:  # a damaged file can raise any error in its reader
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise CheckpointError(f"{path}: not a readable weights file ({reason}). Copy or download it again") from None
    if inside is not None and isinstance(state, Mapping):
        state = state.get(inside, state)
    named = isinstance(state, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    )
    if not named:
        raise CheckpointError(
            f"{path}: should hold named tensors and nothing else. Save the plain state_dict() of the network"
        )
    return dict(state)


def load_state(module: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Load a complete state into a module.

    Args:
        module: takes the tensors. A module on PyTorch's ``meta`` device, which has no values, takes the given tensors
            themselves; any other module copies their values.
        state: tensors with exactly the module's names and shapes.
        where: the file, for the error message.

    Raises:
        CheckpointError: names all missing, unexpected and misshapen tensors at once.
    """
    mistakes = list(_mistakes(module.state_dict(), state))
    if mistakes:
        raise CheckpointError("\n".join([f"{where} does not fit the network:", *mistakes]))
    module.load_state_dict(state, assign=any(tensor.is_meta for tensor in module.state_dict().values()))


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _unpacked_size(path: Path) -> int:
    """Bytes that the file holds; torch's own format is a zip, which may unpack to far more than its size."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except Exception:  # another format, or damaged: the reader will say which
        return path.stat().st_size


def _mistakes(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> Iterator[str]:
    """One line for each kind of mistake; it names the first few tensors."""
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
