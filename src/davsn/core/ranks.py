"""The processes that share a run, and what they tell each other.

PyTorch's launcher (``torchrun``, or ``davsn train --gpus``) starts one process for each device. Each process is a rank;
rank 0 alone writes and prints. Together they train as one process would: the batch of a step is that of all ranks.
Without a launcher there is one rank, and every function here returns at once.

The collectives are PyTorch's: gloo for tensors on the CPU, NCCL for those on CUDA.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function
from torch.distributed.rendezvous import rendezvous

from davsn.core.errors import ElsewhereError, RankError
from davsn.core.launched import launched
from davsn.core.launched import place as place

Value = TypeVar("Value")

_LONGEST = timedelta(hours=12)
"""How long a rank waits for another. Rank 0 scores and writes alone; the launcher notices ranks that have died."""
_MEETING = timedelta(minutes=30)
"""How long a rank waits until all have started."""
_TOLD = 10.0
"""Seconds that rank 0 stays after an error, so that the others can ask whether it has been told."""
_FAILED = "failed"
_ENDED = (
    "another process of this run has ended, perhaps killed because memory ran out. Run the same command again: it "
    "resumes from the newest checkpoint"
)
_stores: list[Any] = []
"""Where the ranks agree on who tells of an error; one for each time that this process has joined the others."""


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if several() else 0


def world() -> int:
    """How many processes share the run."""
    return dist.get_world_size() if several() else 1


def several() -> bool:
    """Whether more than one process shares the run."""
    return dist.is_available() and dist.is_initialized()


@contextmanager
def joined() -> Iterator[None]:
    """Join the other processes that the launcher has started. Inside, ranks other than 0 print nothing.

    An error is told once: by the first rank that met it.

    Raises:
        ElsewhereError: in every other rank, if ranks fail.
    """
    if not launched() or several():
        yield
        return
    from davsn.core.console import silent  # training itself needs no terminal

    store, number, count = _met()
    _stores.append(dist.PrefixStore(f"davsn {len(_stores)}", store))  # type: ignore[attr-defined]
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=_stores[-1], rank=number, world_size=count, timeout=_LONGEST)
    try:
        with silent(number != 0):
            yield
    except Exception as error:
        first = _first_to_fail(error)
        dist.destroy_process_group()  # the others notice
        if number == 0:
            _stay(count)
        if first:
            raise
        raise ElsewhereError("another process of this run failed; its message says why") from error
    finally:
        if several():
            dist.destroy_process_group()


@cache
def _met() -> tuple[Any, int, int]:
    """The store that all processes share, this process's number and their count; found once."""
    store, number, count = next(iter(rendezvous("env://", timeout=_MEETING)))
    return store, number, count


def _first_to_fail(error: Exception) -> bool:
    try:
        return bool(_stores[-1].add(_FAILED, 1) == 1)
    except RuntimeError:  # rank 0, which holds the store of some launchers, has ended; if by an error, it has told that
        return isinstance(error, RankError)


def _stay(count: int) -> None:
    """Wait until all ranks have failed, since this process may hold the store that they ask."""
    end = time.monotonic() + _TOLD
    with suppress(RuntimeError):
        while _stores[-1].add(_FAILED, 0) < count and time.monotonic() < end:
            time.sleep(0.1)


@contextmanager
def _with_the_others() -> Iterator[None]:
    """Turn the error of a connection that broke into one that says what to do."""
    try:
        yield
    except RuntimeError as error:
        raise RankError(_ENDED) from error


def own(values: Sequence[Value]) -> Sequence[Value]:
    """Take the part of a batch's samples that is this rank's: equal parts, in the order of the ranks."""
    part = len(values) // world()
    return values[rank() * part : (rank() + 1) * part]


def every(values: Sequence[Value]) -> Sequence[Value]:
    """Every n-th value, for n ranks, beginning with the rank: the work of this rank where order does not matter."""
    return values[rank() :: world()]


def from_first(value: Value) -> Value:
    """The value that rank 0 has, on all ranks; any data that can be pickled."""
    return gathered(value)[0]


def rand(samples: int, *shape: int) -> Tensor:
    """Uniform random numbers, (samples, *shape) on the CPU.

    They are this rank's part of the numbers that one process draws for the samples of all ranks. The generators of all
    ranks stay in the same state.
    """
    drawn = torch.rand(world() * samples, *shape)
    return drawn[rank() * samples : (rank() + 1) * samples]


@torch.no_grad()
def mean(value: Tensor) -> Tensor:
    """The mean of a floating-point tensor over all ranks; new, without a gradient."""
    return _summed(value) / world() if several() else value.detach()


def average(value: Tensor) -> Tensor:
    """The mean of a floating-point tensor over all ranks, through which gradients flow to every rank."""
    averaged: Tensor = _Average.apply(value) if several() else value
    return averaged


@torch.no_grad()
def counted(number: Tensor) -> Tensor:
    """The denominator of a mean over all ranks' pixels: their number, at least 1, divided by the number of ranks.

    Gradients are averaged over ranks. So a rank that divides its sum by this contributes its share of the mean.

    Args:
        number: integer scalar, this rank's number of pixels.
    """
    return _summed(number).clamp(min=1) / world() if several() else number.clamp(min=1)


@torch.no_grad()
def together(value: Tensor) -> Tensor:
    """The samples of all ranks, in the order of one process: (B, …) on each becomes (ranks · B, …) on all."""
    if not several():
        return value
    found = [torch.empty_like(value, memory_format=torch.contiguous_format) for _ in range(world())]
    with _with_the_others():
        dist.all_gather(found, value.contiguous())
    return torch.cat(found)


@torch.no_grad()
def average_gradients(parameters: Sequence[Tensor]) -> None:
    """Replace the gradients of parameters by their means over all ranks; parameters without a gradient are left out."""
    if not several():
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return
    flat = _summed(torch.cat([gradient.flatten() for gradient in gradients])) / world()
    for gradient, averaged in zip(gradients, torch.split(flat, [each.numel() for each in gradients]), strict=True):
        gradient.copy_(averaged.view_as(gradient))


def sums(*numbers: int) -> tuple[int, ...]:
    """The sums of whole numbers over all ranks, on the host."""
    return tuple(_summed(torch.tensor([int(number) for number in numbers])).tolist()) if several() else numbers


def gathered(value: Value) -> list[Value]:
    """The values of all ranks, in their order; any data that can be pickled."""
    if not several():
        return [value]
    found: list[Any] = [None] * world()
    with _with_the_others():
        dist.all_gather_object(found, value)
    return found


@contextmanager
def first() -> Iterator[None]:
    """Let rank 0 run a block before all others, for example to write what they then read."""
    if rank() > 0:
        sums(0)
    yield
    if several() and rank() == 0:
        sums(0)


def _summed(value: Tensor) -> Tensor:
    """The sum of a tensor over all ranks, new."""
    total = value.clone()
    with _with_the_others():
        dist.all_reduce(total)
    return total


class _Average(Function):
    """The mean over ranks; its backward pass is the mean of their gradients."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return _summed(value) / world()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient) / world()
