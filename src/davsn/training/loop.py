"""The loop that trains every method. The method says what to minimise; this file says how.

Precision, gradients, clipping, schedules, averaging, logs, checkpoints and stopping are written here once. A step
copies nothing to the host: losses stay on the device until :class:`Log` writes many of them at a time.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from davsn.core import ranks
from davsn.core.clip import Batch
from davsn.core.errors import ElsewhereError
from davsn.learning.method import Method, Term
from davsn.networks.normalisation import SharedStatistics
from davsn.networks.recomputing import recompute
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import load_state
from davsn.training import checkpoint
from davsn.training.average import Average
from davsn.training.folder import RunFolder
from davsn.training.log import Log, Record
from davsn.training.optimisation import Optimisation
from davsn.training.saving import Finish, Judge, Saver
from davsn.training.settings import TrainingSettings
from davsn.training.stopping import Stop
from davsn.training.tensorboard import curves

_log = logging.getLogger(__name__)

Loaded = tuple[Batch, Batch | None]
"""The source batch and the target batch of a step."""
Batches = Callable[[int], Iterator[Loaded]]
"""A function from a step to the batches of that step and all later ones; equal steps always give equal batches."""


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
