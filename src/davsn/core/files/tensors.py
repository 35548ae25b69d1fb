"""Named tensors from files, read as data and checked name by name against the module that takes them."""

import difflib
import logging
import pickle
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from davsn.core.errors import CheckpointError

_LARGEST = 8 << 30  # bytes; today's networks for segmentation or flow have less than 2 GiB
_LISTED = 8  # tensors that one error names for each kind of mistake

_AVERAGES = ("ema", "teacher", "averag", "swa")  # parts of the names under which moving averages are kept
_log = logging.getLogger(__name__)

UNSAFE = (
    "It is damaged, or it holds Python objects beside tensors, and opening those could run code that somebody put into "
    "the file. Save the plain state_dict() of the network where it was trained, preferably as .safetensors, and give "
    "that file"
)
"""The message about a pickle that is not opened. PyTorch's own message advises to turn its guard off."""

State = dict[str, Tensor]


def read_state(path: Path) -> State:
    """Named tensors from a ``.safetensors`` file or from a file that ``torch.save`` wrote. Runs no code of the file.

    A training checkpoint, such as Lightning's or MMSegmentation's, holds tensors in mappings beside other values. All
    its tensors are taken, with dotted names: ``state_dict.model.conv1.weight``. See :func:`of_network`.

    Args:
        path: the file.

    Raises:
        CheckpointError: no such file, larger than any network, damaged, without a named tensor, or a file whose reading
            would run code.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such weights file")
    if _unpacked_size(path) > _LARGEST:
        raise CheckpointError(f"{path}: holds more than {_LARGEST >> 30} GiB, too much for the weights of one network")
    try:
        state = _read(path)
    except pickle.UnpicklingError:
        raise CheckpointError(f"{path}: refused. {UNSAFE}") from None
    except Exception as error:  # a damaged file can raise any error in its reader
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise CheckpointError(f"{path}: not a readable weights file ({reason}). Copy or download it again") from None
    named = dict(_named(state)) if isinstance(state, Mapping) else {}
    if not named:
        raise CheckpointError(f"{path}: should hold named tensors. Save the plain state_dict() of the network")
    return named


def of_network(state: State, wanted: Iterable[str], where: str, spelled: Callable[[str], str] = str) -> State:
    """The tensors of one network among all that a file holds, by the network's own names.

    A file can hold a network under a prefix: ``module.``, ``student.``, ``_orig_mod.``, ``state_dict.model.`` and so
    on. The prefix is taken under which most of the wanted names are. If several networks fit alike, a moving average
    (``ema``, ``teacher``) comes first, since it is the one to predict with; a log line says so.

    Args:
        state: all tensors of the file; see :func:`read_state`.
        wanted: the names of the network's tensors.
        where: the file, for the log.
        spelled: brings names that mean the same tensor into one spelling.

    Returns:
        the tensors below the prefix, by their names without it. All of ``state`` if no name in it is wanted.
    """
    known, counts = {spelled(name) for name in wanted}, Counter[str]()
    for name in state:
        parts = name.split(".")
        tails = ((".".join(parts[:cut]), ".".join(parts[cut:])) for cut in range(len(parts)))
        counts.update(f"{prefix}." if prefix else "" for prefix, tail in tails if spelled(tail) in known)
    if not counts:
        return state
    most = max(counts.values())
    fitting = sorted((prefix for prefix in counts if counts[prefix] == most), key=_preference)
    if len(fitting) > 1:
        names = ", ".join(f"'{prefix}'" for prefix in fitting)
        _log.warning("%s holds several networks (%s); '%s' is taken", where, names, fitting[0])
    chosen = fitting[0]
    return {name.removeprefix(chosen): tensor for name, tensor in state.items() if name.startswith(chosen)}


def load_state(
    module: nn.Module, state: Mapping[str, Tensor], where: str, names: Mapping[str, str] | None = None
) -> None:
    """Load a complete state into a module.

    Args:
        module: takes the tensors. A module on PyTorch's ``meta`` device, which has no values, takes the given tensors
            themselves; any other module copies their values.
        state: tensors with exactly the module's names and shapes.
        where: the file, for the error message.
        names: the module's name of each tensor → its name in ``state``; None: they are the same.

    Raises:
        CheckpointError: names all missing, unexpected and misshapen tensors at once, as ``state`` calls them.
    """
    own = module.state_dict()
    mistakes = list(_mistakes({names[name] if names else name: tensor for name, tensor in own.items()}, state))
    if mistakes:
        raise CheckpointError("\n".join([f"{where} does not fit the network:", *mistakes]))
    named = {name: state[names[name]] for name in own} if names else state
    module.load_state_dict(named, assign=any(tensor.is_meta for tensor in own.values()))


def _named(values: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, value in values.items():
        if isinstance(name, str) and isinstance(value, Tensor):
            yield f"{prefix}{name}", value
        elif isinstance(name, str) and isinstance(value, Mapping):
            yield from _named(value, f"{prefix}{name}.")


def _preference(prefix: str) -> tuple[bool, int, str]:
    return not any(word in prefix.lower() for word in _AVERAGES), len(prefix), prefix


def _read(path: Path) -> Any:
    if path.suffix.lower() == ".safetensors":
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
    near = list(_nearest(wanted, given))
    if near:
        yield f"  nearest: {', '.join(near[:_LISTED])}"


def _nearest(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> Iterator[str]:
    """Tensors of the file that the network has under a similar name, with the same shape."""
    unexpected = [name for name in given if name not in wanted]
    for name in wanted:
        if name not in given:
            same = [other for other in unexpected if given[other].shape == wanted[name].shape]
            for other in difflib.get_close_matches(name, same, 1, 0.8):
                yield f"{other} for {name}"


def _shape(tensor: Tensor) -> str:
    return "×".join(str(length) for length in tensor.shape) or "scalar"
