"""The loop that trains every method. The method says what to minimise; this file says how.

Precision, gradients, clipping, schedules, averaging, logs, checkpoints and stopping are written here once. A step
copies nothing to the host: losses stay on the device until :class:`Log` writes many of them at a time.
"""

import logging
import math
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor, nn

from davsn.core import ranks
from davsn.core.clip import Batch
from davsn.core.errors import ElsewhereError, WorkerError
from davsn.core.settings import AlsoCalled, Settings
from davsn.data.rare_classes import RareClasses
from davsn.learning.method import Method, Term
from davsn.networks.normalisation import SharedStatistics
from davsn.networks.recomputing import recompute
from davsn.networks.video import StatisticsOf, VideoSegmenter
from davsn.networks.weights import load_state
from davsn.training import checkpoint
from davsn.training.average import Average
from davsn.training.folder import RunFolder
from davsn.training.log import Log, Record
from davsn.training.optimisation import Optimisation
from davsn.training.saving import Finish, Judge, Saver
from davsn.training.selection import Criterion
from davsn.training.tensorboard import curves

_log = logging.getLogger(__name__)

Loaded = tuple[Batch, Batch | None]
"""The source batch and the target batch of a step."""
Batches = Callable[[int], Iterator[Loaded]]
"""A function from a step to the batches of that step and all later ones; equal steps always give equal batches."""


class TrainingSettings(Settings):
    """Settings of training that apply to every method."""

    steps: Annotated[int, AlsoCalled("epochs", "iterations", "iters", "max_iters", "max_steps")] = Field(40_000, ge=1)
    """Number of steps of the run."""
    batch_size: Annotated[int, AlsoCalled("batch", "bs")] = Field(1, ge=1)
    """Samples of each domain in a step, over all processes that share the run. So a run computes the same on one device
    as on several, and its number must be a multiple of theirs."""
    accumulate: Annotated[int, AlsoCalled("accumulation", "accumulation_steps", "grad_accum")] = Field(1, ge=1)
    """Number of equal parts in which a step computes its batch, one after another (gradient accumulation), for less
    memory. Every part has its own mean losses and its own statistics of batch normalisation; gradients are averaged."""
    recompute: Annotated[bool, AlsoCalled("checkpointing", "gradient_checkpointing")] = False
    """Compute the activations of the network's blocks again in the backward pass (activation checkpointing): less
    memory, more time, the same numbers."""
    compile: bool = False
    """Compile the image network with torch.compile; needs a C++ compiler. The first step takes minutes."""
    precision: Annotated[Literal["fp32", "bf16"], AlsoCalled("amp", "dtype")] = "fp32"
    """bf16 computes under autocast; weights and optimiser stay in fp32."""
    clip: float | None = Field(1.0, gt=0)
    """Largest gradient norm of each part; null does not clip."""
    average: float | None = Field(None, gt=0, lt=1)
    """Decay of a moving average of the segmenter, which is kept beside it and used for prediction; null keeps none."""
    average_last: float | None = Field(None, gt=0, lt=1)
    """Share of the run, at its end, whose weights are averaged, each step alike (SWA, Izmailov et al., UAI 2018). The
    mean is used for prediction; null averages nothing. Its batch normalisation is best estimated anew, by
    'target_statistics'."""
    save_every: int = Field(1000, ge=1)
    """Steps between two checkpoints."""
    keep: int = Field(2, ge=1)
    """Number of newest checkpoints to keep; the best checkpoint is always kept too."""
    log_every: int = Field(20, ge=1)
    """Steps between two writes of the log."""
    select: Criterion = "information"
    """The label-free criterion that chooses the best checkpoint; all criteria are measured if the run has a target."""
    tensorboard: bool = False
    """Write the log as TensorBoard curves too; needs TensorBoard."""
    rare_classes: RareClasses | None = None
    """Draw source frames by their classes, rare classes more often: {} does as DAFormer; null draws all frames
    alike."""
    statistics: StatisticsOf = "both"
    """The frames that the running statistics of batch normalisation follow; prediction uses these statistics. 'both':
    frames of both domains, as in all public code. 'target': unchanged target frames alone, if the method uses a target.
    Training always normalises with the batch's own statistics."""
    target_statistics: int = Field(0, ge=0)
    """Number of target batches, at the end of the run, from which the running statistics of batch normalisation are
    estimated anew (AdaBN, Li et al., 2018), whatever the method; 0 keeps those of training."""
    workers: Annotated[int, AlsoCalled("num_workers")] = Field(1, ge=0)
    """Loader processes for each domain; 0 loads in the training process."""
    device: str = "auto"
    """'cpu', 'cuda', 'mps', or 'auto' for the best device available."""

    @field_validator("average_last")
    @classmethod
    def _is_the_only_average(cls, share: float | None, info: ValidationInfo) -> float | None:
        if share is not None and info.data.get("average") is not None:
            raise ValueError("a run has one average of its weights. Remove 'average' or 'average_last'")
        return share

    @property
    def averaged_from(self) -> int:
        """The first step whose weights count in the average."""
        return self.steps - math.ceil(self.average_last * self.steps) if self.average_last else 0


class Trainer:
    """Trains the parts of one method.

    Args:
        method: says what to minimise.
        optimisation: the optimisers of the method's parts.
        settings: see :class:`TrainingSettings`.
        device: the device of the parts; batches are moved to it.
    """

    def __init__(
        self, method: Method, optimisation: Optimisation, settings: TrainingSettings, device: torch.device
    ) -> None:
        self.method = method
        self.optimisation = optimisation
        self.settings = settings
        self.device = device
        self.parts = {name: part.to(device).train() for name, part in method.parts.items()}
        self.kept = {name: module.to(device) for name, module in method.kept.items()}
        self.average: Average | None = None
        if settings.average is not None or settings.average_last is not None:
            self.average = Average(self.parts["segmenter"], settings.average)
        if settings.recompute:
            recompute(self._trained_segmenter.image)
        if settings.compile:
            self._trained_segmenter.image.compile()
        self.done = 0
        method.prepare(settings.steps)

    def prepare(self, source_shares: Tensor) -> None:
        """Give the method the source's class shares (C,), before the first step."""
        self.method.prepare(self.settings.steps, source_shares.to(self.device))

    @property
    def modules(self) -> dict[str, nn.Module]:
        """All modules that are saved: the trained parts, and the modules that are kept beside them."""
        return {**self.parts, **self.kept}

    @property
    def _trained_segmenter(self) -> VideoSegmenter:
        segmenter = self.parts["segmenter"]
        assert isinstance(segmenter, VideoSegmenter)
        return segmenter

    @property
    def segmenter(self) -> VideoSegmenter:
        """The network to predict with: the average once it has begun, otherwise the trained segmenter."""
        if self._average is None:
            return self._trained_segmenter
        averaged = self._average.module
        assert isinstance(averaged, VideoSegmenter)
        return averaged

    @property
    def _average(self) -> Average | None:
        """The average, once it has begun."""
        return self.average if self.done > self.settings.averaged_from else None

    def step(self, source: Batch, target: Batch | None) -> Record:
        """Train one step of the method.

        Args:
            source: labelled samples, on any device.
            target: unlabelled samples, on any device; None for a method without a target.

        Returns:
            the values for the log: losses and gradient norms as scalars on the device, learning rates as numbers. Empty
            for a method that minimises nothing.
        """
        with SharedStatistics() if ranks.several() else nullcontext():
            return self._step(source, target)

    def _step(self, source: Batch, target: Batch | None) -> Record:
        if target is not None and target.labels is not None:
            raise AssertionError("target labels reached training: this is an error in the data layer")
        self.optimisation.begin(self.done)
        record: Record = {f"rate/{name}": rate for name, rate in self.optimisation.rates().items()}
        losses: Record = {}
        with self._autocast():
            source, target = source.to(self.device), target and target.to(self.device)
        parts = self.settings.accumulate
        targets = [None] * parts if target is None else target.split(parts)
        for each in zip(source.split(parts), targets, strict=True):
            for name, loss in self._gradients(*each).items():
                losses[name] = losses.get(name, 0.0) + loss / parts
        record.update(losses)
        record.update({f"norm/{name}": norm for name, norm in self.optimisation.finish().items()})
        self.method.after_step(self.done)
        if self.average is not None and self.done >= self.settings.averaged_from:
            self.average.update_parameters(self.parts["segmenter"])
        self.done += 1
        return record if losses else {}

    def _gradients(self, source: Batch, target: Batch | None) -> dict[str, Tensor]:
        """Add the gradients of all losses for a part of the batch; return the losses by name."""
        losses, terms = {}, self.method.terms(source, target, self.done)
        while True:
            with self._autocast():  # forward passes only: backward uses the same precision as they did
                yielded = next(terms, None)
            if yielded is None:
                break
            together = (yielded,) if isinstance(yielded, Term) else yielded
            self._backward(together)
            for term in together:
                losses[f"loss/{term.name}"] = term.loss.detach()
        if target is not None:
            with self._autocast():
                self._trained_segmenter.count_target(target.current)
        return losses

    def _backward(self, together: tuple[Term, ...]) -> None:
        trained = {term.trains for term in together}
        if len(trained) != 1:
            raise ValueError(f"terms yielded together must train the same parts, not {sorted(map(str, trained))}")
        names = trained.pop()
        parts = [self.parts[name] for name in ([names] if isinstance(names, str) else names)]
        inputs = [p for part in parts for p in part.parameters() if p.requires_grad]
        total = sum((term.weight * term.loss for term in together[1:]), together[0].weight * together[0].loss)
        if self.settings.accumulate > 1:
            total = total / self.settings.accumulate
        total.backward(inputs=inputs)  # type: ignore[no-untyped-call]

    def _autocast(self) -> AbstractContextManager[object]:
        if self.settings.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def state_dict(self) -> dict[str, Any]:
        """Everything that must be restored so that the next step is the same as without an interruption."""
        return {
            "parts": {name: part.state_dict() for name, part in self.modules.items()},
            "optimisation": self.optimisation.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
            "random": checkpoint.random_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state from a checkpoint's content."""
        for name, part in self.modules.items():
            part.load_state_dict(state["parts"][name])
        self.optimisation.load_state_dict(state["optimisation"])
        self.done = state["step"]
        if self._average is not None:  # a longer run may begin its average later, and then without what it had
            self._average.load_state_dict(state["average"])
        checkpoint.restore_random_state(state["random"])


def _together(pair: Loaded, what: str) -> tuple[str, ...]:
    """The texts of both batches."""
    return tuple(text for batch in pair if batch is not None for text in getattr(batch, what))


def _skipped(pair: Loaded | None) -> int:
    """Warn of every unreadable sample that was replaced in this step; return their number."""
    messages = () if pair is None else _together(pair, "skipped")
    for message in messages:
        _log.warning("skipped: %s", message)
    return len(messages)


_PASSED_ON = getattr(signal, "SIGUSR2", signal.SIGTERM)  # Windows has no such signal
_STOPPING = {signal.SIGINT, signal.SIGTERM, _PASSED_ON}


class Stop:
    """Turns signals into a request to stop after the current step; the same signal again stops at once.

    The other signal does not, since a terminal's Ctrl-C reaches all processes of a sweep, which then end each other.
    Neither does the same signal if several ranks share the run: the launcher passes on what the ranks get themselves.

    The signals are SIGINT, SIGTERM, and SIGUSR2, which submitit lets SLURM send before a job must end. The last one
    belongs to whoever handled it before: when the block ends, and so everything is saved, it is passed on.
    """

    def __init__(self) -> None:
        self._signals: set[int] = set()

    @property
    def wished(self) -> bool:
        """Whether the run should stop."""
        return bool(self._signals)

    def __enter__(self) -> "Stop":
        self.before = {number: signal.signal(number, self._wish) for number in _STOPPING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if _PASSED_ON in self._signals and callable(self.before[_PASSED_ON]):
            signal.raise_signal(_PASSED_ON)

    def guard(self, loaded: Iterator[Loaded]) -> Loaded | None:
        """The next batches; None if the signal that asked us to stop has also ended the loader's workers.

        Raises:
            WorkerError: a loader's worker was killed.
        """
        try:
            return next(loaded)
        except WorkerError:
            if self.wished:
                return None
            raise

    def _wish(self, number: int, frame: FrameType | None) -> None:
        if number in self._signals and not ranks.several():
            raise KeyboardInterrupt
        self._signals.add(number)


def train(
    trainer: Trainer,
    batches: Batches,
    folder: RunFolder,
    *,
    extra: Mapping[str, Any],
    judge: Judge | None = None,
    finish: Finish | None = None,
    progress: Callable[[int, Mapping[str, float]], None] = lambda step, line: None,
) -> bool:
    """Train to the end; resume from the newest checkpoint in ``folder`` if there is one.

    A checkpoint is saved before ``finish`` and ``judge``, which read files and may fail. It is saved again with what
    they found. If a run ends in between, its next start first does what was left.

    Args:
        trainer: newly built; the checkpoint replaces its state.
        batches: see :data:`Batches`.
        folder: the folder of the log and the checkpoints.
        extra: settings and class table, stored in every checkpoint.
        judge: measures every label-free criterion of the segmenter, so that the best checkpoint is kept.
        finish: called with the segmenter to predict with after the last step, before it is judged.
        progress: called after every step with the number of steps done, and the last line of the log if the step wrote
            the log; the line is empty otherwise.

    Returns:
        True at the end of the run, False if a signal stopped it; in both cases everything is saved.

    Raises:
        TrainingError: a loss is not a finite number. A broken state is never saved.
        WorkerError: a loader's worker was killed. All steps are saved before.
        Exception: an error of ``batches``, after the steps that were done are saved.
        CheckpointError: the disk is full; the last checkpoint is still good.
    """
    settings, saver = trainer.settings, Saver(trainer, folder, extra, judge, finish)
    complete = saver.resume()
    also = curves(folder.path, trainer.done) if settings.tensorboard and ranks.rank() == 0 else lambda line: None
    log = Log(folder.log, trainer.done, also)
    loaded, saved, failure, failing = batches(trainer.done), trainer.done, None, 0
    with Stop() as stop:
        if not complete:
            saver.complete()
        while trainer.done < settings.steps:
            try:
                pair = None if stop.wished else stop.guard(loaded)
            except Exception as error:  # no step has begun, so all that was trained can be saved first
                pair, failure = None, error
            stopping, failing, skipped = ranks.sums(pair is None, failure is not None, _skipped(pair))
            if pair is None or stopping:
                break
            step, record = trainer.done, trainer.step(*pair)
            log.add(step, {**record, **({"skipped": skipped} if skipped else {})}, _together(pair, "names"))
            due = trainer.done == settings.steps or trainer.done % settings.save_every == 0
            written = due or trainer.done % settings.log_every == 0
            progress(trainer.done, log.flush() if written else {})
            if due:
                saver.save_first()
                saver.complete()
                saved = trainer.done
        if saved != trainer.done:
            # No criterion is measured where a signal stopped the run: the best must not depend on interruptions.
            progress(trainer.done, log.flush())
            saver.save({})
    if failure is not None:
        raise failure
    if failing:
        raise ElsewhereError("another process of this run failed; its message says why")
    return trainer.done == settings.steps


def optimisation_of(method: Method, settings: Any, training: TrainingSettings) -> Optimisation:
    """The optimisers of a method's parts."""
    segmenter = method.parts["segmenter"]
    assert isinstance(segmenter, VideoSegmenter)
    names = {parameter: name for name, parameter in segmenter.image.named_parameters()}
    discriminators = {name: part for name, part in method.parts.items() if name != "segmenter"}
    groups = segmenter.groups()
    layers = segmenter.image.layers() if settings.layer_decay != 1 else []
    return Optimisation(
        groups, names, discriminators, settings, steps=training.steps, clip=training.clip, layers=layers
    )


def segmenter_of(state: Mapping[str, Any], segmenter: VideoSegmenter, where: str = "the checkpoint") -> None:
    """Load the network to predict with from a checkpoint's content: the average if it has begun.

    Raises:
        CheckpointError: the checkpoint has another network or number of classes; the message names ``where``.
    """
    weights = state["parts"]["segmenter"]
    if state["average"] is not None:
        prefix = "module."
        weights = {key.removeprefix(prefix): v for key, v in state["average"].items() if key.startswith(prefix)}
    load_state(segmenter, weights, where)
