"""Pairs of frames to show or measure flow on, from two images, a video, a folder of frames or a data set."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.core.clip import ClipSpec
from davsn.core.errors import DataError, FlowError
from davsn.data.dataset import VideoDataset
from davsn.data.samples import Samples
from davsn.data.video.footage import Frame, Shot, footage
from davsn.flow.files.direction import Direction
from davsn.flow.files.io import Flow, found_flow, read_flow


@dataclass(frozen=True)
class Pair:
    """Two frames of the same size, and the stored or exact flow a→b if there is one.

    Attributes:
        name: name of frame a.
        other: name of frame b.
        a: frame a, (H, W, 3) uint8 RGB.
        b: frame b, of the same shape and type.
        flow: the stored or exact flow a→b, (H, W, 2), with its valid mask; None if there is no flow.
        label: (H, W) class ids of frame a, 255 = ignore; None if there are none.
        duration: for how many seconds frame a is shown; None for images.
    """

    name: str
    other: str
    a: Frame
    b: Frame
    flow: Flow | None = None
    label: NDArray[np.uint8] | None = None
    duration: float | None = None


@dataclass(frozen=True)
class Pairs:
    """Pairs that can be iterated more than once.

    Attributes:
        count: number of pairs.
        make: returns a new iterator over all pairs.
    """

    count: int
    make: Callable[[], Iterator[Pair]]

    def __iter__(self) -> Iterator[Pair]:
        return self.make()


def pair_of(a: Path, b: Path, flow: Path | None = None, form: str | None = None) -> Pairs:
    """Make one pair of two images, with the flow a→b from a file if one is given.

    Raises:
        DataError: an image cannot be read, or the images differ in size.
        FlowError: the flow cannot be read, or differs in size from the images.
    """

    def make() -> Iterator[Pair]:
        first, second = next(footage(a).frames), next(footage(b).frames)
        yield _fitting(first, second, None if flow is None else read_flow(flow, form), str(flow or b))

    return Pairs(1, make)


def pairs_in(
    path: Path,
    direction: Direction = "current-to-previous",
    flow: Path | None = None,
    form: str | None = None,
    number: int | None = None,
) -> Pairs:
    """Make pairs of neighbours in a video or a folder of frames.

    Args:
        path: the video or folder.
        direction: frame a is the later of two neighbours (current-to-previous) or the earlier one.
        flow: a folder with one flow file for each frame a, named after it; frames without a file are left out.
        form: the format of the flow files; None decides by their suffixes.
        number: take this many pairs, evenly spread; None takes all.

    Raises:
        DataError: the path holds nothing that can be read, or fewer than two frames.
        FlowError: no frame has flow. During iteration: flow cannot be read, or differs in size from its frame.
    """
    first = footage(path)
    later = direction == "current-to-previous"
    named = [shot.name for shot in first.frames] if flow is not None else list(map(str, range(first.count or 0)))
    positions = [at for at in range(len(named) - 1) if flow is None or _flow_file(flow, named[at + later], form)]
    if len(named) < 2:
        raise DataError("has only one frame", str(path), "Flow needs two frames: give a video, a folder or two images")
    if not positions:
        raise FlowError(f"holds no flow for the frames in {path}", str(flow), "Name flow files after their frames")
    chosen = set(_spread(positions, number))

    def make() -> Iterator[Pair]:
        before: Shot | None = None
        for position, after in enumerate(footage(path).frames, -1):
            if position in chosen and before is not None:
                a, b = (after, before) if later else (before, after)
                file = None if flow is None else _flow_file(flow, a.name, form)
                yield _fitting(a, b, None if file is None else read_flow(file, form), str(file or path))
            before = after

    return Pairs(len(chosen), make)


def pairs_of(dataset: VideoDataset, number: int | None = None) -> Pairs:
    """Make pairs of the frames of a data set, each with its neighbour before.

    They have labels if the data set has any. They have the data set's own flow if its setting ``flow`` is 'exact' or
    'stored'.

    Args:
        dataset: the data set.
        number: take this many pairs, evenly spread; None takes all.

    Raises:
        DataError: no frame has a neighbour.
    """
    own, labels = dataset.config.flow.own, dataset.taxonomy is not None
    samples = Samples(dataset, ClipSpec((0, -1), ((0, -1),) if own else (), labels), every_frame=True)
    samples = samples if number is None else samples.spread(number)

    def make() -> Iterator[Pair]:
        for (clip, position), sample in zip(samples.places, map(samples.load, range(len(samples))), strict=True):
            positions = samples.positions(clip, position)
            assert positions is not None  # places holds only samples with all their frames
            info = dataset.clips[clip]
            a = Shot(sample.name, sample.frames[0])
            b = Shot(f"{info.name}/{info.frames[positions[-1]]}", sample.frames[-1])
            flow = (sample.flows[0, -1], sample.valid.get((0, -1))) if own else None
            label = sample.labels
            fits = label is not None and label.shape == sample.frames[0].shape[:2]
            yield _fitting(a, b, flow, sample.name, label if fits else None)

    return Pairs(len(samples), make)


def _fitting(
    a: Shot,
    b: Shot,
    flow: Flow | None,
    where: str,
    label: NDArray[np.uint8] | None = None,
) -> Pair:
    """Make a pair of two named frames. An error, if their sizes differ from each other or from the flow's."""
    (height, width), other = a.frame.shape[:2], b.frame.shape[:2]
    if other != (height, width):
        found = f"{b.name} is {other[1]}x{other[0]} pixels, but {a.name} is {width}x{height}"
        raise DataError(found, where, "Give frames of one size")
    if flow is not None and flow[0].shape[:2] != (height, width):
        found = f"is flow of {flow[0].shape[1]}x{flow[0].shape[0]} pixels, but its frame {a.name} is {width}x{height}"
        raise FlowError(found, where, "Give frames of the flow's size")
    return Pair(a.name, b.name, a.frame, b.frame, flow, label, a.duration)


def _flow_file(folder: Path, name: str, form: str | None) -> Path | None:
    return found_flow(folder / name, form)


def _spread(positions: list[int], number: int | None) -> list[int]:
    if number is None or number >= len(positions):
        return positions
    return [positions[index] for index in np.linspace(0, len(positions) - 1, number).round().astype(int)]
