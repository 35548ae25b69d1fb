"""Compares the memory that a step needs with the memory of the device."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from rich.filesize import decimal

from davsn.core.errors import DavsnError
from davsn.doctor.data import Finding
from davsn.experiment.building import device_of
from davsn.experiment.experiment import Experiment
from davsn.experiment.preparation import bf16_helps
from davsn.training.settings import TrainingSettings

_PROCESS = 2.0
"""Memory of a process as a multiple of its tensors; up to 1.84 was measured on a CPU (benchmarks/costs/check.py)."""
_PIXEL = 100_000
"""Bytes that a step takes for each pixel of a batch, at most; 20 kB were measured with ResNet-101
(docs/results/costs.md)."""
_NETWORK = 2 * 10**9
"""Bytes that parameters, gradients and optimisers take, at most, where nothing is rehearsed."""
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Files with the memory that a Linux container may use."""


def memory_finding(experiment: Experiment, needed: int) -> Finding:
    """Say how much memory a step needs and whether the experiment's device has it.

    Args:
        experiment: the experiment.
        needed: bytes of the tensors of a step.
    """
    training = experiment.training
    there, device = memory_of(training.device)
    told = f"the tensors of a step take {decimal(needed)}" + (" in bf16" if training.precision == "bf16" else "")
    if there is None:
        return Finding("", told, "", "note", "memory")
    told += f", and {device} has {decimal(there)}"
    if needed * _PROCESS <= there:
        return Finding("", told, "", "note", "memory")
    bf16 = "set training.precision=bf16, " if bf16_helps(experiment) else ""
    remedy = (
        f"Make training.batch_size, or source.size and target.size or their crop, smaller, {bf16}"
        "or use another training.device"
    )
    return Finding("", told, remedy, "fatal" if needed > there else "warning", "memory")


def plenty(training: TrainingSettings, sizes: Iterable[tuple[int, int]]) -> bool:
    """Whether frames are so small that a step of any network has enough memory.

    Args:
        training: says the device and the batch size.
        sizes: the (width, height) of the frames of each domain.
    """
    there, _ = memory_of(training.device)
    pixels = training.batch_size * sum(width * height for width, height in sizes)
    return there is not None and pixels * _PIXEL + _NETWORK < there


def memory_of(name: str) -> tuple[int | None, str]:
    """Find the bytes that a device has, None if unknown, and its name for a message."""
    try:
        device = device_of(name)
    except DavsnError:
        return None, name
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1], "the GPU"
    names: Mapping[str, int] = getattr(os, "sysconf_names", {})  # not on Windows
    if "SC_PHYS_PAGES" not in names:
        return None, "this machine"
    return min(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *_container_limits()), "this machine"


def _container_limits() -> list[int]:
    """Read the limits of the container that this process runs in; a huge number where there is none."""
    found = [1 << 62]
    for file in _LIMITS:
        try:
            found.append(int(file.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return found
