"""Pairs of frames to look at and to measure flow on: of two pictures, a video, a folder of frames or a data set."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.core.clip import ClipSpec
from davsn.core.errors import DataError, FlowError
from davsn.data.dataset import VideoDataset
from davsn.data.footage import Frame, Shot, footage
from davsn.data.samples import Samples
from davsn.flow.files.direction import Direction
from davsn.flow.files.io import FORMS, SUFFIXES, Flow, read_flow


@dataclass(frozen=True)
class Pair:
    """Two frames of one size, and what is known of the flow a→b.

    Attributes:
        name: of frame a.
        other: name of frame b.
        a: (H, W, 3) uint8 RGB.
        b: the same shape.
        flow: the flow a→b that is stored or exact, (H, W, 2) and where it is known; None where there is none.
        label: (H, W) class ids of frame a, 255 = none, or None.
    """

    name: str
    other: str
    a: Frame
    b: Frame
    flow: Flow | None = None
    label: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Pairs:
    """Pairs that can be gone through more than once.

    Attributes:
        count: how many.
        make: goes through them from the first.
    """

    count: int
    make: Callable[[], Iterator[Pair]]

    def __iter__(self) -> Iterator[Pair]:
        return self.make()


def pair_of(a: Path, b: Path, flow: Path | None = None, form: str | None = None) -> Pairs:
    """One pair from two pictures, with the flow a→b from a file if one is given.

    Raises:
        DataError: a picture that cannot be read, or two of different sizes.
        FlowError: flow that cannot be read, or of another size.
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
    """Neighbours in a video or a folder of frames.

    Args:
        path: of the video or folder.
        direction: frame a is the later of two neighbours (current-to-previous) or the earlier one.
        flow: a folder with a flow file a frame a, of its name; frames without one are left out.
        form: of those files; None goes by their suffixes.
        number: take this many pairs, evenly spread; None takes all.

    Raises:
        DataError: nothing there that can be read, or fewer than two frames.
        FlowError: no flow for any frame. While going through them: flow that cannot be read, or of another size.
    """
    first = footage(path)
    later = direction == "current-to-previous"
    named = [shot.name for shot in first.frames] if flow is not None else list(map(str, range(first.count or 0)))
    positions = [at for at in range(len(named) - 1) if flow is None or _flow_file(flow, named[at + later], form)]
    if len(named) < 2:
        raise DataError("has only one frame", str(path), "Flow is between two: give a video, a folder, or two pictures")
    if not positions:
        raise FlowError(f"holds no flow of the frames in {path}", str(flow), "Files must have their frames' names")
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
    """Each frame of a data set with its neighbour before, evenly spread; with labels if the set has any, and with its
    own flow if the setting ``flow`` is 'exact' or 'stored'.

    Raises:
        DataError: no frame has a neighbour.
    """
    own, labels = dataset.config.flow.own, dataset.taxonomy is not None
    samples = Samples(dataset, ClipSpec((0, -1), ((0, -1),) if own else (), labels), every_frame=True)
    samples = samples if number is None else samples.spread(number)

    def make() -> Iterator[Pair]:
        for (clip, position), sample in zip(samples.places, map(samples.load, range(len(samples))), strict=True):
            positions = samples.positions(clip, position)
            assert positions is not None  # or it would not be among the places
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
    """A pair from two named frames, if their sizes agree with each other and with the flow's."""
    (height, width), other = a.frame.shape[:2], b.frame.shape[:2]
    if other != (height, width):
        found = f"{b.name} is {other[1]}x{other[0]} pixels, and {a.name} {width}x{height}"
        raise DataError(found, where, "Give frames of one size")
    if flow is not None and flow[0].shape[:2] != (height, width):
        found = f"is flow of {flow[0].shape[1]}x{flow[0].shape[0]} pixels, and its frame {a.name} has {width}x{height}"
        raise FlowError(found, where, "Give frames of the flow's size")
    return Pair(a.name, b.name, a.frame, b.frame, flow, label)


def _flow_file(folder: Path, name: str, form: str | None) -> Path | None:
    suffixes = SUFFIXES if form is None else (FORMS[form].suffix,)
    return next((path for suffix in suffixes if (path := folder / f"{name}{suffix}").is_file()), None)


def _spread(positions: list[int], number: int | None) -> list[int]:
    if number is None or number >= len(positions):
        return positions
    return [positions[index] for index in np.linspace(0, len(positions) - 1, number).round().astype(int)]
