"""A look at a data set without training on it: everything that would stop or spoil a run, with its remedy."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from davsn.clip import ClipSpec
from davsn.data.base import OWN_FLOW, VideoDataset
from davsn.data.samples import Samples
from davsn.errors import FileError

Value = TypeVar("Value")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        where: the file, or the clip and frame.
        what: what is wrong.
        remedy: what to do.
        severity: 'fatal' would stop training; 'warning' would not.
    """

    where: str
    what: str
    remedy: str
    severity: Literal["fatal", "warning"]


def check(dataset: VideoDataset, spec: ClipSpec, every: int = 1) -> list[Problem]:
    """What is wrong with a data set, as far as a look can tell.

    Reads the frames, neighbours, labels and stored flow of some of the samples that training would use, and the
    last frame of every clip whose frames may all be samples, so that a video is known to be whole.

    Args:
        dataset: what to look at; that its folders exist and hold frames is known since it was made.
        spec: what will be asked of it.
        every: look at every n-th sample only; 1 looks at all.

    Returns:
        the problems, each once, in the order they were met.
    """
    look = _Look(dataset)
    for damage in dataset.damage:
        look.note(damage, "", "warning")
    own_flow = dataset.config.flow in OWN_FLOW
    samples = look.attempt(
        "the data set", "fatal", lambda: Samples(dataset, spec if own_flow else replace(spec, flows=()))
    )
    if samples is not None:
        if samples.left_out:
            look.add(
                "the data set",
                f"{samples.left_out} of {samples.left_out + len(samples)} frames have no neighbour and are left out",
                "Nothing, if these are the first frames of the clips; or set missing: repeat",
            )
        look.read(samples, every)
    for clip, info in enumerate(dataset.clips):
        if info.chosen is None:  # else most frames are used as neighbours only, and clips may be ten thousands
            look.frame(clip, len(info.frames) - 1)
    if dataset.config.size is None and len(look.sizes) > 1:
        sizes = ", ".join(f"{width}x{height}" for width, height in sorted(look.sizes))
        look.add("the data set", f"frames of different sizes: {sizes}", "Set 'size', or batch_size to 1")
    return list(look.problems)


class _Look:
    """Collects problems while reading."""

    def __init__(self, dataset: VideoDataset) -> None:
        self._dataset = dataset
        self._severity: Literal["fatal", "warning"] = "warning" if dataset.config.bad_files == "skip" else "fatal"
        self._seen: set[tuple[int, int]] = set()
        self._shapes: dict[tuple[int, int], tuple[int, int]] = {}
        self.problems: dict[Problem, None] = {}  # in order, each once
        self.sizes: set[tuple[int, int]] = set()

    def add(self, where: str, what: str, remedy: str, severity: Literal["fatal", "warning"] = "warning") -> None:
        self.problems[Problem(where, what, remedy, severity)] = None

    def note(self, error: FileError, where: str, severity: Literal["fatal", "warning"]) -> None:
        self.add(error.where or where, error.what, error.remedy, severity)

    def attempt(self, where: str, severity: Literal["fatal", "warning"], read: Callable[[], Value]) -> Value | None:
        try:
            return read()
        except FileError as error:
            self.note(error, where, severity)
            return None

    def frame(self, clip: int, position: int) -> None:
        if (clip, position) in self._seen:
            return
        self._seen.add((clip, position))
        frame = self._try(clip, position, lambda: self._dataset.read_frame(clip, position))
        if frame is not None:
            self._shapes[clip, position] = (frame.shape[1], frame.shape[0])
            self.sizes.add(self._shapes[clip, position])

    def read(self, samples: Samples, every: int) -> None:
        for clip, position in samples.places[::every]:
            self._sample(samples, clip, position)

    def _sample(self, samples: Samples, clip: int, position: int) -> None:
        positions = samples.positions(clip, position)
        assert positions is not None  # or it would not be among the places
        for other in sorted(set(positions.values())):
            self.frame(clip, other)
        if samples.spec.labels:
            self._label(clip, position)
        for a, b in samples.spec.flows:
            if positions[a] != positions[b]:
                self._flow(clip, positions[a], positions[b])

    def _label(self, clip: int, position: int) -> None:
        label = self._try(clip, position, lambda: self._dataset.read_label(clip, position))
        size = self._shapes.get((clip, position))
        if label is None or size is None or label.shape[::-1] == size:
            return
        found = f"labels of another size than their pictures, such as {label.shape[1]}x{label.shape[0]} for "
        remedy = "Nothing, if either was made smaller: in training both are resized, and scores are at the labels' size"
        self.add("the data set", f"{found}{size[0]}x{size[1]}", remedy)

    def _flow(self, clip: int, position: int, other: int) -> None:
        own = self._try(clip, position, lambda: (self._dataset.read_flow(clip, position, other),))
        if own == (None,):
            self.add("the data set", "has no flow of its own", "Set flow: dis", "fatal")

    def _try(self, clip: int, position: int, read: Callable[[], Value]) -> Value | None:
        return self.attempt(self._name(clip, position), self._severity, read)

    def _name(self, clip: int, position: int) -> str:
        info = self._dataset.clips[clip]
        return f"{info.name}/{info.frames[position]}"
