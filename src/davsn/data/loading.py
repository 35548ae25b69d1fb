"""From samples to batches: how they are collated, in which order, and by how many processes."""

import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import count
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from davsn.core import ranks
from davsn.core.clip import Batch, Clip
from davsn.core.errors import DataError, FileError, WorkerError
from davsn.data.frame_pool import StyleFrameError
from davsn.data.rare_classes import ClassDraw
from davsn.data.samples import GroupDraw, Samples, target_training
from davsn.data.transforms import flow_to_size
from davsn.flow.estimation import Completion
from davsn.ops.arrays import pictures, to_tensor

__all__ = ["Samples", "collate", "evaluation_batches", "target_training", "training_batches"]

_BAD_IN_A_ROW = 20
_log = logging.getLogger(__name__)
_KILLED = (
    "It was killed, usually because memory ran out. Steps that were done are saved. Set training.workers=0, or make "
    "'size' or training.batch_size smaller, then run the same command again"
)


def collate(clips: Sequence[Clip]) -> Batch:
    """Collate samples to a batch. If flows differ in size, they are resized to the frames' size first.

    Raises:
        DataError: the frames differ in size, or the label maps do.
    """
    for what, sizes in (
        ("frames", [clip.frames[0].shape for clip in clips]),
        ("labels", [clip.labels.shape for clip in clips if clip.labels is not None]),
    ):
        if len(set(sizes)) > 1:
            each = ", ".join(f"{clip.name} {size[1]}x{size[0]}" for clip, size in zip(clips, sizes, strict=False))
            raise DataError(f"{what} of different sizes cannot share a batch: {each}. Set 'size', or batch_size: 1")
    height, width = clips[0].frames[0].shape[:2]
    if any(len({clip.flows[pair].shape for clip in clips}) > 1 for pair in clips[0].flows):
        clips = [flow_to_size(clip, (width, height)) for clip in clips]
    labels = [clip.labels for clip in clips if clip.labels is not None]
    return Batch(
        frames={offset: pictures([clip.frames[offset] for clip in clips]) for offset in clips[0].frames},
        flows={pair: to_tensor([clip.flows[pair] for clip in clips]) for pair in clips[0].flows},
        valid={
            pair: torch.from_numpy(np.stack([_mask(clip, pair) for clip in clips]))
            for pair in clips[0].flows
            if any(pair in clip.valid for clip in clips)
        },
        labels=torch.from_numpy(np.stack(labels)).long() if len(labels) == len(clips) else None,
        names=tuple(clip.name for clip in clips),
        skipped=tuple(message for clip in clips for message in clip.skipped),
    )


def training_batches(
    samples: Samples,
    batch_size: int,
    seed: int,
    *,
    workers: int = 0,
    start: int = 0,
    by_class: ClassDraw | None = None,
    pinned: bool = False,
) -> Iterator[Batch]:
    """Yield shuffled batches without end. Batch ``k`` depends on ``seed`` and ``k`` alone.

    The number of workers and the first batch make no difference. So a run that is resumed continues exactly as if it
    had never stopped. Every epoch is a permutation of all samples; a batch may span two epochs. A data set whose sets
    have shares has no epochs: the set of each sample is drawn by its share, then the sample.

    Args:
        samples: the samples to draw from.
        batch_size: samples a batch, of all ranks together; each rank loads its part.
        seed: seed of the order and of all random changes; not negative.
        workers: number of processes that load ahead; 0 loads in this process.
        start: number of the first batch; earlier batches are not read.
        by_class: draws samples by their classes, and not by the shares of their sets; then there are no epochs.
        pinned: whether batches lie in page-locked memory; needs a CUDA device.

    Raises:
        DataError, FlowError: a file cannot be used, and ``bad_files`` is not 'skip'.
    """
    batches = (list(ranks.own(range(batch * batch_size, (batch + 1) * batch_size))) for batch in count(start))
    return _load(_Shuffled(samples, seed, by_class), samples.completion, batches, workers, pinned)


def evaluation_batches(samples: Samples, workers: int = 0, shared: bool = False) -> Iterator[Batch]:
    """Yield every sample once, in order, as a batch of one, with label maps at their own size and no random changes.

    Args:
        samples: the samples to read. With ``bad_files: skip``, those that cannot be read are left out, with a warning.
        workers: number of processes that load ahead; 0 loads in this process.
        shared: whether the samples are this rank's part. All ranks then read theirs to the end.

    Raises:
        DataError, FlowError: a file cannot be used, and ``bad_files`` is not 'skip'; or none can be used.
    """
    last, used = None, 0
    for batch in _tried(samples.load, samples.completion, ([index] for index in range(len(samples))), workers):
        if isinstance(batch, Batch):
            used += 1
            yield batch
        elif samples.dataset.config.bad_files == "error":
            raise batch.or_skip(_part(samples))
        else:
            last = batch
            _warn_once(str(batch))
    used = ranks.sums(used)[0] if shared else used
    if last is not None and not used:
        raise DataError(f"none of {len(samples)} samples can be read; the last: {last}")


@cache
def _warn_once(message: str) -> None:
    """Warn of a sample that is left out; a run reads the same few frames at every save."""
    _log.warning("skipped: %s", message)


class _Shuffled:
    """Loads the sample of draw n, with the random changes of training.

    It is the n-th sample in the permutations of all epochs, one after another. When samples are drawn by class or by
    the share of their set, the draw's number alone determines the sample.
    """

    def __init__(self, samples: Samples, seed: int, by_class: ClassDraw | None) -> None:
        self._samples, self._seed, groups = samples, seed, samples.dataset.groups
        self._random = by_class or (GroupDraw(groups, samples.places) if groups else None)
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def __call__(self, draw: int) -> Clip:
        indices, skipped = self._indices(draw), list[str]()
        while True:
            index = next(indices)
            try:
                sample = self._samples.load(index, np.random.default_rng((self._seed, 1, draw)))
                return replace(sample, skipped=tuple(skipped))
            except FileError as error:
                if isinstance(error, StyleFrameError):  # the target's policy has been applied
                    raise
                if self._samples.dataset.config.bad_files == "error":
                    raise error.or_skip(_part(self._samples)) from None
                skipped.append(str(error))
                if len(skipped) == min(_BAD_IN_A_ROW, len(self._samples)):
                    raise DataError(f"{len(skipped)} samples in a row cannot be read; the last: {error}") from None

    def _indices(self, draw: int) -> Iterator[int]:
        """Yield the sample of a draw, then the samples that replace it if it cannot be read."""
        if self._random is not None:
            generator = np.random.default_rng((self._seed, 2, draw))
            while True:
                yield self._random(generator)
        epoch, place = divmod(draw, len(self._samples))
        if self._order[0] != epoch:
            order = np.random.default_rng((self._seed, 0, epoch)).permutation(len(self._samples))
            self._order = epoch, order
        while True:
            yield int(self._order[1][place % len(self._samples)])
            place += 1


class _Guarded(Dataset[Clip | FileError]):
    """Returns errors as values. An error raised in a worker would arrive with the worker's traceback as its message."""

    def __init__(self, load: Callable[[int], Clip]) -> None:
        self._load = load

    def __getitem__(self, index: int) -> Clip | FileError:
        try:
            return self._load(index)
        except FileError as error:
            return error


def _part(samples: Samples) -> str:
    """The part of a recipe that samples belong to, for a message. Training reads the target without its classes."""
    return "the target" if samples.dataset.taxonomy is None else "this data set"


def _load(
    load: Callable[[int], Clip],
    completion: Completion | None,
    batches: Iterator[list[int]],
    workers: int,
    pinned: bool = False,
) -> Iterator[Batch]:
    """Yield batches, or raise the error of the first that cannot be loaded."""
    for batch in _tried(load, completion, batches, workers, pinned):
        if isinstance(batch, FileError):
            raise batch
        yield batch


def _tried(
    load: Callable[[int], Clip],
    completion: Completion | None,
    batches: Iterator[list[int]],
    workers: int,
    pinned: bool = False,
) -> Iterator[Batch | FileError]:
    """Yield batches, each as a batch or as the error that prevents it.

    Raises:
        WorkerError: a worker was killed.
    """
    options: dict[str, Any] = {}
    if workers:
        # Not fork: it copies the locks of OpenCV's and PyTorch's threads, in whatever state they are.
        options["multiprocessing_context"] = context = get_context("forkserver")
        context.set_forkserver_preload([__name__])  # imported once, not by every worker
    loader = DataLoader(
        _Guarded(load),
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=_begin,
        pin_memory=pinned,
        generator=torch.Generator().manual_seed(0),  # the default draws from the global one, which disturbs the run
        **options,
    )
    with _killed_workers_told():
        for batch in loader:
            yield replace(batch, completion=completion) if isinstance(batch, Batch) else batch


@contextmanager
def _killed_workers_told() -> Iterator[None]:
    """Turn what PyTorch and Python raise when a worker was killed into an error in words."""
    try:
        yield
    except (BrokenPipeError, ConnectionResetError, EOFError) as error:  # it was killed before it had read what to do
        raise WorkerError(f"DataLoader worker ended while it started. {_KILLED}") from error
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise WorkerError(f"{str(error).splitlines()[0].rstrip('.')}. {_KILLED}") from error


def _collate(clips: Sequence[Clip | FileError]) -> Batch | FileError:
    """Collate samples to a batch, or return the first error."""
    good = [clip for clip in clips if isinstance(clip, Clip)]
    errors = [clip for clip in clips if isinstance(clip, FileError)]
    try:
        return errors[0] if errors else collate(good)
    except FileError as error:
        return error


def _begin(worker: int) -> None:
    """Set up a worker: it computes on one thread, ignores Ctrl-C, and ends when the training process ends.

    Ctrl-C is left to the training process, which saves.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    if worker:  # the first worker's warning that the cache is full is enough
        logging.getLogger("davsn.core.cache").setLevel(logging.ERROR)


def _end_with_parent() -> None:
    """End this worker when the training process ends.

    PyTorch's workers watch only the process that forked them. That is the fork server, which outlives a killed run.
    """
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _mask(clip: Clip, pair: tuple[int, int]) -> NDArray[np.bool_]:
    whole = np.ones(clip.flows[pair].shape[:2], bool)
    return clip.valid.get(pair, whole)
