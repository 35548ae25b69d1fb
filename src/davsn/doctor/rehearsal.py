"""Rehearses the first step of a run without its arithmetic: whether it works, and how much memory and disk it needs.

Every tensor of the step has its shape and type, but no content (PyTorch's fake tensors). So the operations check the
sizes of their inputs, and every byte that is allocated and freed is counted. For ResNet-101 at 1280×720 this takes
seconds, and no more memory than its weights.
"""

import copy
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (  # not public, but torch.compile and torch.export are built on it
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedOperatorException,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from davsn.core.clip import Batch, ClipSpec
from davsn.training.loop import Trainer

_LIMITS = (DataDependentOutputException, DynamicOutputShapeException, UnsupportedOperatorException, NotImplementedError)
"""Errors that are raised if a step reads the content of a tensor, which fake tensors do not have."""

_COPIES = ("tensor subclass", "create_unbacked_symint", "NYI for higher dims")
"""What PyTorch says where a step copies a tensor to NumPy, and before torch 2.5 to a list."""


@dataclass(frozen=True)
class Rehearsal:
    """Resources that the first step needs.

    Attributes:
        memory: bytes of all tensors at the step's peak: parameters, gradients, optimiser, activations, batch. A process
            needs more, because libraries keep work space and allocators keep freed memory: see docs/results/costs.md.
        checkpoint: bytes of one checkpoint.
    """

    memory: int
    checkpoint: int


class CannotRehearseError(Exception):
    """The step depends on the content of a tensor, or uses an operation that needs content."""


def rehearse(trainer: Trainer, source: Batch, target: Batch | None) -> Rehearsal:
    """Run a trainer's first step with tensors that have no content. The trainer itself is not changed.

    Args:
        trainer: the trainer, on the CPU, not yet trained.
        source: the first batch of the source; only its sizes matter.
        target: the first batch of the target; None if the method reads none.

    Raises:
        CannotRehearseError: the step cannot run without content; with content it may work.
        Exception: any error of the step itself, such as a ConfigError for frames that are too small.
    """
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    modules: list[nn.Module] = [*trainer.modules.values()]
    hollow: dict[int, Any] = {id(tensor): _hollow(fake, tensor) for tensor in _tensors(modules)}
    hollow[id(trainer.average)] = None  # counted below, because it reads the content of its counter
    double = copy.deepcopy(trainer, hollow)
    peak = _Peak()
    peak.note([part.state_dict() for part in double.modules.values()])
    try:
        with fake, peak:
            double.step(_empty(source), None if target is None else _empty(target))
    except _LIMITS as error:
        raise CannotRehearseError(type(error).__name__) from error
    except (RuntimeError, AttributeError, AssertionError) as error:
        if any(words in str(error) for words in _COPIES):
            raise CannotRehearseError("the step copies tensors to NumPy or lists") from error
        raise
    extra = 0 if trainer.average is None else _bytes(trainer.average.state_dict())
    kept = [
        [part.state_dict() for part in double.modules.values()],
        double.optimisation.state_dict(),
    ]
    return Rehearsal(peak.most + extra, _bytes(kept) + extra)


def with_flows(batch: Batch, spec: ClipSpec) -> Batch:
    """Return the batch with flow for every pair of the spec: zeros for flow that is estimated only in the step."""
    height, width = batch.size
    missing = {
        pair: torch.zeros(len(batch.current), 2, height, width) for pair in spec.flows if pair not in batch.flows
    }
    return Batch(batch.frames, {**batch.flows, **missing}, batch.valid, batch.labels, batch.names)


def _tensors(modules: Iterable[nn.Module]) -> Iterable[Tensor]:
    return (tensor for module in modules for tensor in [*module.parameters(), *module.buffers()])


def _hollow(fake: FakeTensorMode, tensor: Tensor) -> Tensor:
    """Return a tensor of the same kind without content."""
    hollow: Tensor = fake.from_tensor(tensor.detach())
    return nn.Parameter(hollow, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else hollow


def _empty(batch: Batch) -> Batch:
    """Return a batch of the same sizes without content."""

    def like(tensor: Tensor) -> Tensor:
        return torch.empty(tensor.shape, dtype=tensor.dtype)

    return Batch(
        {offset: like(frame) for offset, frame in batch.frames.items()},
        {pair: like(flow) for pair, flow in batch.flows.items()},
        {pair: like(mask) for pair, mask in batch.valid.items()},
        None if batch.labels is None else like(batch.labels),
        batch.names,
    )


def _bytes(tree: Any) -> int:
    return sum(tensor.nbytes for tensor in tree_iter(tree) if isinstance(tensor, Tensor))


class _Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all live storages, and remembers the maximum."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._alive: dict[int, int] = {}
        self._now = self.most = 0

    def note(self, tree: Any) -> None:
        """Count the storages of tensors, each once."""
        for tensor in tree_iter(tree):
            if not isinstance(tensor, Tensor):
                continue
            storage = tensor.untyped_storage()
            key = storage._cdata
            if key not in self._alive:
                self._alive[key] = storage.nbytes()
                self._now += storage.nbytes()
                self.most = max(self.most, self._now)
                weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self._now -= self._alive.pop(key)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = function(*args, **(kwargs or {}))
        self.note(made)
        return made
