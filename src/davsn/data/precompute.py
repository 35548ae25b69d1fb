"""Flow computed ahead of its use: into the cache, or into files with the names that ``flow: stored`` reads."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from davsn.core import ranks
from davsn.core.cache import identity
from davsn.core.errors import ConfigError, FileError, FlowError
from davsn.data.samples import Samples, as_arrays
from davsn.flow.cache import Frame
from davsn.flow.estimation import estimated
from davsn.flow.files.io import write_flow
from davsn.ops.arrays import pictures


class Report(Protocol):
    """Reports progress."""

    def __call__(self, done: int, note: str = "") -> None:
        """Report how many pairs are done."""


@dataclass(frozen=True)
class Filled:
    """Counts of pairs by where their flow came from.

    Attributes:
        estimated: pairs whose flow was estimated now.
        present: pairs whose flow was already there.
        copied: pairs whose flow was copied from the cache into files.
    """

    estimated: int = 0
    present: int = 0
    copied: int = 0


class PairOfFrames:
    """Two frames a and b of a clip, which are read on first use.

    Attributes:
        place: (clip, position of a, position of b).
    """

    def __init__(self, place: tuple[int, int, int], load: Callable[[], tuple[Frame, Frame]]) -> None:
        self.place, self._load = place, load

    @cached_property
    def frames(self) -> tuple[Frame, Frame]:
        """Both frames as (H, W, 3)."""
        return self._load()


class Keeper(ABC):
    """A place that stores flow."""

    @abstractmethod
    def has(self, pair: PairOfFrames) -> bool:
        """Whether the flow of a pair is stored here."""

    @abstractmethod
    def keep(self, pair: PairOfFrames, flow: NDArray[np.floating], valid: NDArray[np.bool_] | None) -> None:
        """Store the flow of a pair.

        Raises:
            DataError, FlowError: the flow cannot be stored.
        """


class Cached(Keeper):
    """Stores flow in the cache that a data set's settings name.

    Args:
        samples: samples of the data set.
    """

    def __init__(self, samples: Samples) -> None:
        self._cache = samples.flow_cache

    def __str__(self) -> str:
        return f"the cache in {self._cache.folder}"

    def has(self, pair: PairOfFrames) -> bool:
        """See :meth:`Keeper.has`."""
        return self._cache.get(*pair.frames) is not None

    def keep(self, pair: PairOfFrames, flow: NDArray[np.floating], valid: NDArray[np.bool_] | None) -> None:
        """See :meth:`Keeper.keep`. A full cache is an error here, because the estimated flow would be lost."""
        if not self._cache.put(*pair.frames, flow, valid)[1]:
            raise FlowError(
                "the cache has no room for more flow",
                str(self._cache.folder),
                "Raise cache_limit, or set cache_folder to another disk; then run the same command again: it keeps the "
                "flow that is there",
            )


class Files(Keeper):
    """Stores flow in files, in tenths of a pixel, under the names that the data set reads with ``flow: stored``.

    Args:
        samples: samples of the data set that gives the names.
        folder: the folder for the files, later the data set's ``flow_root``.

    Raises:
        ConfigError: the data set lacks a name for some of the flow, or the flow has valid masks, which these files
            cannot hold.
    """

    def __init__(self, samples: Samples, folder: Path) -> None:
        self._folder = folder
        self._names = {pair.place: samples.dataset.flow_file(*pair.place) for pair in _pairs(samples)}
        mistakes = []
        if None in self._names.values() or len(set(self._names.values())) < len(self._names):
            mistakes.append(
                f"this data set has no separate file names for the flows {_arrows(samples)}. Leave out --out to store "
                "them in the cache"
            )
        if samples.dataset.config.flow.checked:
            mistakes.append("files in tenths of a pixel cannot hold a valid mask. Leave out --out, or 'checked'")
        if mistakes:
            raise ConfigError("--out", mistakes)

    def __str__(self) -> str:
        return str(self._folder)

    def has(self, pair: PairOfFrames) -> bool:
        """See :meth:`Keeper.has`. A file under its final name is complete."""
        return self._path(pair).is_file()

    def keep(self, pair: PairOfFrames, flow: NDArray[np.floating], valid: NDArray[np.bool_] | None) -> None:
        """See :meth:`Keeper.keep`."""
        write_flow(self._path(pair), flow, valid)

    def _path(self, pair: PairOfFrames) -> Path:
        return self._folder / str(self._names[pair.place])


def count_pairs(samples: Samples) -> int:
    """Count the flows that the samples need and that have to be estimated."""
    return sum(1 for _ in _pairs(samples))


def fill(
    samples: Samples,
    keeper: Keeper,
    device: torch.device | str = "cpu",
    report: Report = lambda done, note="": None,
    batch_size: int = 1,
) -> Filled:
    """Estimate all flow of these samples that is not stored yet.

    The flow is computed in full precision on whole frames, which are resized but not changed otherwise. A process that
    is killed loses only its current batch. The next process continues from there.

    Args:
        samples: the samples; they define the pairs and the estimator.
        keeper: where the flow is stored.
        device: the device that estimates.
        report: called with the progress.
        batch_size: number of pairs estimated at once.

    Returns:
        How many flows were estimated, were already there, or were copied.

    Raises:
        DataError, FlowError: a file cannot be read and ``bad_files`` is not 'skip'; or there is no room.
    """
    counted, waiting = Filled(), list[PairOfFrames]()
    cache = samples.flow_cache if samples.dataset.config.flow.cached else None
    for done, pair in enumerate(_pairs(samples)):
        report(done, f"{counted.estimated} estimated")
        try:
            if keeper.has(pair):
                counted = replace(counted, present=counted.present + 1)
                continue
            kept = cache.get(*pair.frames) if cache is not None else None
            if kept is not None:
                keeper.keep(pair, *kept)
                counted = replace(counted, copied=counted.copied + 1)
                continue
            shape = pair.frames[0].shape
        except FileError as error:
            if samples.dataset.config.bad_files == "error":
                raise error.or_skip("this data set") from None
            continue
        if waiting and waiting[0].frames[0].shape != shape:
            counted, waiting = _estimate(samples, keeper, waiting, device, counted), []
        waiting.append(pair)
        if len(waiting) >= batch_size:
            counted, waiting = _estimate(samples, keeper, waiting, device, counted), []
    counted = _estimate(samples, keeper, waiting, device, counted)
    report(count_pairs(samples), f"{counted.estimated} estimated")
    return counted


def needs_filling(samples: Samples) -> bool:
    """Whether the cache must be filled before the first step. Cached neural flow needs this once. All ranks ask."""
    setting = samples.dataset.config.flow
    return ranks.from_first(
        setting.cached and setting.on_device and not samples.flow_cache.is_whole(_described(samples))
    )


def fill_ahead(
    samples: Samples, device: torch.device | str, report: Report = lambda done, note="": None, batch_size: int = 1
) -> None:
    """Fill the cache, if this is needed before the first step; see :func:`fill`. All ranks call it, and share the work.

    A step cannot fill it. The cache holds the flow of whole frames, which a step no longer has after a crop. Writing
    would also copy to the host and wait. The loader's workers can estimate flow, but only on the CPU. They do so for
    entries that get lost later.
    """
    if needs_filling(samples):
        fill(shared(samples), Cached(samples), device, report, batch_size)
        ranks.sums(0)  # waits for all
        if ranks.rank() == 0:
            samples.flow_cache.whole(_described(samples))


def shard(samples: Samples, index: int, count: int) -> Samples:
    """Select one of ``count`` parts of nearly equal length. A part is consecutive, so a video is read forwards."""
    bounds = np.linspace(0, len(samples), count + 1).astype(int)
    return samples.only(samples.places[bounds[index] : bounds[index + 1]])


def shared(samples: Samples) -> Samples:
    """Select the part of this rank; see :func:`shard`."""
    return shard(samples, ranks.rank(), ranks.world())


def shared_by_clip(samples: Samples) -> Samples:
    """Select the part of this rank, of whole clips. A part may be empty; all parts, one after another, are in order."""
    clips: dict[str, list[tuple[int, int]]] = {}
    for place in samples.places:
        clips.setdefault(samples.dataset.clips[place[0]].name, []).append(place)
    parts: list[list[tuple[int, int]]] = [[] for _ in range(ranks.world())]
    for places in clips.values():
        middle = sum(map(len, parts)) + len(places) / 2
        parts[int(middle / len(samples) * len(parts))] += places
    return samples.only(parts[ranks.rank()])


def _pairs(samples: Samples) -> Iterator[PairOfFrames]:
    """Yield every pair of different frames whose flow is needed, once."""
    bare = Samples(samples.dataset, replace(samples.spec, flows=(), labels=False)).only(samples.places)
    seen = set()
    for index, (clip, position) in enumerate(samples.places):
        positions = samples.positions(clip, position)
        assert positions is not None  # places holds only samples with all their frames
        loaded = _Loaded(bare, index)
        for a, b in samples.spec.flows:
            place = clip, positions[a], positions[b]
            if positions[a] != positions[b] and place not in seen:
                seen.add(place)
                yield PairOfFrames(place, lambda loaded=loaded, a=a, b=b: loaded.pair(a, b))  # type: ignore[misc]


def _described(samples: Samples) -> str:
    """Identify the samples by their settings and names, without reading their content."""
    clips = [(info.name, len(info.frames)) for info in samples.dataset.clips]
    return identity(samples.dataset.config.model_dump(mode="json"), clips, samples.places, samples.spec.flows)


def _arrows(samples: Samples) -> str:
    return ", ".join(f"{a}→{b}" for a, b in samples.spec.flows)


class _Loaded:
    """The frames of one sample, which all of its pairs share and which are read once."""

    def __init__(self, samples: Samples, index: int) -> None:
        self._samples, self._index = samples, index

    @cached_property
    def _clip(self) -> dict[int, Frame]:
        return dict(self._samples.load(self._index).frames)

    def pair(self, a: int, b: int) -> tuple[Frame, Frame]:
        return self._clip[a], self._clip[b]


def _estimate(
    samples: Samples, keeper: Keeper, pairs: Sequence[PairOfFrames], device: torch.device | str, counted: Filled
) -> Filled:
    """Estimate the flow of a batch of pairs and store it."""
    if not pairs:
        return counted
    a, b = (pictures([pair.frames[side] for pair in pairs]).to(device) for side in (0, 1))
    for pair, (flow, valid) in zip(pairs, as_arrays(*estimated(samples.dataset.config.flow, a, b)), strict=True):
        keeper.keep(pair, flow, valid)
    return replace(counted, estimated=counted.estimated + len(pairs))
