"""The recorded numbers: which files there are, what is in them, and the weights they were recorded with.

Files are found by pattern, never by name, in the folder ``DAVSN_GOLDEN`` when that is set; else in the copy
beside this file and in the shared folder (``DAVSN_SHARED``, or ``../shared`` beside the project), if present.
"""

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davsn.core.clip import Batch

Shape = tuple[int, ...]


def files(pattern: str) -> list[Path]:
    """Recordings whose file name matches, such as ``"b_forward_*.npz"``, of all folders; a mere copy is left out."""
    project = Path(__file__).parents[2]
    shared = Path(os.environ.get("DAVSN_SHARED", project.parent / "shared"))
    named = os.environ.get("DAVSN_GOLDEN")
    folders = [Path(named)] if named else [Path(__file__).parent / "data", shared / "golden"]
    found = [path for folder in folders for path in sorted(folder.glob(pattern))]
    first = {(path.name, path.read_bytes()): path for path in reversed(found)}
    return [path for path in found if path in first.values()]


def label(path: Path) -> str:
    """What pytest calls the case of one recording."""
    return f"{path.parent.name}/{path.stem}"


def load(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a recording; ``meta`` is JSON text, see :func:`meta`."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def meta(vectors: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """How the recording was made: seed, layers, number of classes, sizes."""
    loaded: dict[str, Any] = json.loads(str(vectors["meta"]))
    return loaded


def picture(array: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) uint8 RGB → (1, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)[None].float() / 255


def flow(array: NDArray[np.int16]) -> Tensor:
    """(H, W, 2) int16 tenths of a pixel, as a flow file holds them → (1, 2, H, W) float64 pixels."""
    return torch.from_numpy(array / 10.0).permute(2, 0, 1)[None]


def batch(vectors: Mapping[str, NDArray[Any]], prefix: str = "", labelled: bool = False) -> Batch:
    """The current and previous frame, the flow between them and, if wanted, the label.

    Args:
        vectors: of one recording.
        prefix: of the keys, such as ``"s0_src_"`` for ``s0_src_cf``.
        labelled: whether there is a label to give.
    """
    frames = {0: picture(vectors[f"{prefix}cf"]), -1: picture(vectors[f"{prefix}kf"])}
    labels = torch.from_numpy(vectors[f"{prefix}label"].astype(np.int64))[None] if labelled else None
    return Batch(frames, {(0, -1): flow(vectors[f"{prefix}flow"])}, labels=labels, names=(prefix or "recorded",))


def fill(shapes: Mapping[str, Shape], seed: int, disc: str | None = None) -> dict[str, NDArray[Any]]:
    """The weights of a recording: a pure function of tensor name, shape and seed.

    Args:
        shapes: by the public code's names, such as ``layer1.0.conv1.weight`` and ``sf_layer.weight``.
        seed: of the recording.
        disc: the discriminator's public name if ``shapes`` are one's, such as ``d_sta_aux``.
    """
    return {name: _value(shapes, name, seed, disc) for name in shapes}


def fill_module(state: Mapping[str, Tensor], seed: int, disc: str | None = None) -> None:
    """Fill tensors in place, such as those of ``published_state(segmenter)`` or a discriminator's ``state_dict()``."""
    for name, value in fill({name: tuple(tensor.shape) for name, tensor in state.items()}, seed, disc).items():
        state[name].copy_(torch.as_tensor(value))


def noise(name: str, shape: Shape, seed: int, scale: float) -> Tensor:
    """An input that is stored nowhere: uniform in [-scale, scale), float32."""
    values = scale * _noise(name, int(np.prod(shape)), seed).reshape(shape)
    return torch.from_numpy(values.astype(np.float32))


def checksum(name: str, array: NDArray[Any]) -> NDArray[np.float64]:
    """Sum, l2 norm and the product with fixed noise of the tensor's name, in float64."""
    flat = np.asarray(array, np.float64).reshape(-1)
    return np.array([flat.sum(), np.sqrt(flat @ flat), flat @ _noise(name, flat.size, 0)])


def _value(shapes: Mapping[str, Shape], name: str, seed: int, disc: str | None) -> NDArray[Any]:
    shape = shapes[name]
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    noise = _noise(f"{disc}/{name}" if disc else name, int(np.prod(shape)), seed).reshape(shape)
    offset, scale = _range(shapes, name, disc is not None)
    value = offset + scale * noise
    if name == "sf_layer.weight":
        value[np.arange(shape[0]), np.arange(shape[0])] += 1.0
    return value.astype(np.float32)


def _range(shapes: Mapping[str, Shape], name: str, of_discriminator: bool) -> tuple[float, float]:
    """The middle of a tensor's values, and how far they reach to either side."""
    stem, _, kind = name.rpartition(".")
    weight = shapes.get(f"{stem}.weight", ())
    fan_in = float(np.prod(weight[1:])) if len(weight) == 4 else None  # None in a batch norm
    if fan_in is not None and of_discriminator:
        return 0.0, 1.0 / np.sqrt(fan_in)
    if fan_in is None:
        return {"running_mean": (0.0, 0.1), "running_var": (1.0, 0.5), "weight": (1.0, 0.2), "bias": (0.0, 0.1)}[kind]
    if stem == "sf_layer":
        return 0.0, 0.3
    if stem.startswith(("layer5.", "layer6.")):
        return 0.0, 0.01 * np.sqrt(3.0) if kind == "weight" else 0.05
    return 0.0, np.sqrt(6.0 / fan_in)


_PART = 1 << 15
"""Numbers that are drawn at once: as many as stay in a processor's cache."""


def _noise(name: str, count: int, seed: int) -> NDArray[np.float64]:
    """Uniform in [-1, 1): splitmix64 from the seed and the CRC of the name, the same on every machine."""
    values = np.empty(count)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is meant
        state = np.uint64((seed << 32) + zlib.crc32(name.encode()) & (1 << 64) - 1)
        for start in range(0, count, _PART):
            part = values[start : start + _PART]
            z = np.arange(start + 1, start + len(part) + 1, dtype=np.uint64)
            z *= np.uint64(0x9E3779B97F4A7C15)
            z += state
            z ^= z >> np.uint64(30)
            z *= np.uint64(0xBF58476D1CE4E5B9)
            z ^= z >> np.uint64(27)
            z *= np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
            np.multiply(z >> np.uint64(11), 2.0**-52, out=part)
            part -= 1.0
    return values
