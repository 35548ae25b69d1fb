"""Activation checkpointing: blocks of a network are computed again in the backward pass, which saves memory.

Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint

from davsn.core.errors import ConfigError
from davsn.networks.normalisation import SharedStatistics

_LISTS = (nn.Sequential, nn.ModuleList)


def recompute(network: nn.Module) -> None:
    """Let every block of a network keep its input alone, and compute its activations again in the backward pass.

    The numbers stay the same; only the counters of batches in batch normalisation count twice. Weights keep their
    names. A copy of the network should be made before.

    Raises:
        ConfigError: the network has no blocks.
    """
    found = blocks(network)
    if not found:
        mistake = "recompute  the network has no blocks in a row. Set training.recompute=false"
        raise ConfigError("training", [mistake])
    for block in found:
        again = partial(checkpoint, block.forward, use_reentrant=False, context_fn=_contexts)
        block.forward = again  # the module and the names of its weights stay


def blocks(network: nn.Module) -> list[nn.Module]:
    """The members of a network's sequences that have at least two layers with weights, such as residual blocks."""
    members = (member for each in network.modules() if isinstance(each, _LISTS) for member in each)
    return [member for member in members if not isinstance(member, _LISTS) and _layers(member) > 1]


def _layers(module: nn.Module) -> int:
    return sum(isinstance(each, nn.Conv2d | nn.Linear) for each in module.modules())


class _StatisticsKept(TorchFunctionMode):
    """Inside this context, batch normalisation leaves its running statistics as the first pass has set them."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func is functional.batch_norm and given["training"]:
            args = (args[0], *(each if each is None else each.clone() for each in args[1:]))
        return func(*args, **given)


@contextmanager
def _second_pass() -> Iterator[None]:
    """The context of a block's second pass; on CUDA it runs in a thread that no context of the first pass reaches."""
    with SharedStatistics(), _StatisticsKept():
        yield


def _contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """The contexts of a block's first pass and of its second one."""
    return nullcontext(), _second_pass()
