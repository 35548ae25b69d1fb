"""Checks a data set without training on it: finds everything that would stop or spoil a run, with a remedy."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from davsn.core.clip import ClipSpec
from davsn.core.errors import FileError
from davsn.data.dataset import VideoDataset
from davsn.data.labels.survey import Survey, count, doubts, rare, size_doubt
from davsn.data.samples import Samples
from davsn.data.transforms import fitted
from davsn.doctor.findings import Finding as Finding
from davsn.doctor.findings import Severity as Severity
from davsn.doctor.findings import grouped as grouped
from davsn.doctor.flow_fit import Explained, fit

Value = TypeVar("Value")
Watch = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Shows progress. It takes a label and a total, and returns a context whose value is called with the count done."""

HERE = "the data set"
_LABELS = 1000
"""Number of label maps up to which all are read, since a wrong id may be in a few files only."""
_PAIRS = 12
"""Number of pairs on which the direction of stored flow is tested."""
_STRETCHED = 0.05
"""Relative tolerance between the aspect ratios of a flow and its frame; half pixels are rounded."""


def unwatched(what: str, total: int) -> AbstractContextManager[Callable[[int], object]]:
    """A :data:`Watch` that shows nothing."""
    return nullcontext(lambda done: None)


def check(
    dataset: VideoDataset, spec: ClipSpec, every: int = 1, batch_size: int = 1, watch: Watch = unwatched
) -> list[Finding]:
    """Check a data set by reading some of its samples.

    Reads the frames, neighbours, labels and stored flow of some of the samples that training would use, and every label
    map if there are at most 1000. Also reads the last frame of every clip in which all frames may be samples, to know
    that a video is complete. Checks that need no reading cover all samples: see :func:`look_up`.

    Args:
        dataset: the data set; it could be built, so its folders exist and hold frames.
        spec: what training will need of its samples.
        every: read only every n-th sample; 1 reads all.
        batch_size: the number of samples in a batch.
        watch: shows the progress of the reading.

    Returns:
        the findings, each once, in the order in which they were found.
    """
    look = _Look(dataset)
    samples = _look_up(look, spec)
    tasks: list[Callable[[], object]] = []
    if samples is not None:
        tasks += [partial(look.sample, samples, *place) for place in samples.places[::every]]
        if spec.labels and len(samples) <= _LABELS and not dataset.draws_labels:
            chosen = set(samples.places[::every])
            tasks += [partial(look.label, *place) for place in samples.places if place not in chosen]
    for clip, info in enumerate(dataset.clips):
        if (
            info.chosen is None
        ):  # otherwise most frames are only neighbours, and there may be tens of thousands of clips
            tasks.append(partial(look.frame, clip, len(info.frames) - 1))
    with watch("reading", len(tasks)) as report:
        for done, task in enumerate(tasks, 1):
            task()
            report(done)
    look.compare_sizes(batch_size)
    look.doubts()
    if samples is not None and spec.labels and not dataset.draws_labels:
        look.labels(samples)
    if samples is not None and _own_flow(dataset):
        look.direction(samples.spread(_PAIRS))
    return list(look.findings)


def look_up(dataset: VideoDataset, spec: ClipSpec) -> list[Finding]:
    """Do the part of :func:`check` that opens no file: counts, neighbours, and the existence of flow files."""
    look = _Look(dataset)
    _look_up(look, spec)
    return list(look.findings)


def _own_flow(dataset: VideoDataset) -> bool:
    return dataset.config.flow.own


def _look_up(look: "_Look", spec: ClipSpec) -> Samples | None:
    dataset = look.dataset
    for damage in dataset.damage:
        look.note(damage, "", "warning")
    look.compare_counts()
    asked = spec if _own_flow(dataset) else replace(spec, flows=())
    samples = look.attempt(HERE, "fatal", lambda: Samples(dataset, asked))
    if samples is None:
        return None
    look.add(HERE, f"{len(samples)} samples in {dataset.summary()}", "", "note")
    for note in dataset.notes:
        look.add(HERE, note, "", "note")
    if samples.left_out:
        look.add(
            HERE,
            f"{samples.left_out} of {samples.left_out + len(samples)} frames have no neighbour and are left out",
            dataset.without_neighbours
            if samples.left_out > len(samples)
            else "Nothing, if these are the first frames of the clips; or set missing: repeat",
        )
    for clip, position in samples.places:
        for one, other in look.pairs(samples, clip, position):
            look.attempt(look.name(clip, one), look.severity, partial(dataset.find_flow, clip, one, other))
    return samples


class _Look:
    """Collects findings while it reads a data set."""

    def __init__(self, dataset: VideoDataset) -> None:
        self.dataset = dataset
        self.severity: Severity = "warning" if dataset.config.bad_files == "skip" else "fatal"
        self._frames: dict[tuple[int, int], tuple[int, int] | None] = {}  # the sizes of the frames that were read
        self._counts: dict[tuple[int, int], NDArray[np.int64]] = {}  # pixels of each class in the label maps read
        self.findings: dict[Finding, None] = {}  # in order, each once

    def add(self, where: str, what: str, remedy: str, severity: Severity = "warning") -> None:
        self.findings[Finding(where, what, remedy, severity)] = None

    def note(self, error: FileError, where: str, severity: Severity) -> None:
        self.add(error.where or where, error.what, error.remedy, severity)

    def attempt(self, where: str, severity: Severity, read: Callable[[], Value]) -> Value | None:
        try:
            return read()
        except FileError as error:
            self.note(error, where, severity)
            return None

    def name(self, clip: int, position: int) -> str:
        info = self.dataset.clips[clip]
        return f"{info.name}/{info.frames[position]}"

    def pairs(self, samples: Samples, clip: int, position: int) -> Iterable[tuple[int, int]]:
        """Return the pairs of positions between which a sample has flow."""
        positions = samples.positions(clip, position)
        assert positions is not None  # otherwise it would not be among the places
        pairs = ((positions[a], positions[b]) for a, b in samples.spec.flows)
        return (pair for pair in pairs if pair[0] != pair[1])

    def compare_counts(self) -> None:
        clips = self.dataset.clips
        counts = {
            "clips": len(clips),
            "frames": sum(len(info.frames) for info in clips),
            "used": sum(len(info.frames if info.chosen is None else info.chosen) for info in clips),
        }
        for what, published in self.dataset.published.items():
            if counts[what] != published:
                named = "frames to use" if what == "used" else what
                fewer = "Download or unpack the rest; training would use only what is there"
                more = "Does the folder hold more than this data set? Training would use all of it"
                remedy = fewer if counts[what] < published else more
                self.add(HERE, f"{counts[what]} {named} where the published data set has {published}", remedy)

    def frame(self, clip: int, position: int) -> tuple[int, int] | None:
        """Read a frame, once; return its (width, height), or None for a damaged one."""
        if (clip, position) not in self._frames:
            frame = self._try(clip, position, lambda: self.dataset.read_frame(clip, position))
            self._frames[clip, position] = None if frame is None else (frame.shape[1], frame.shape[0])
        return self._frames[clip, position]

    def sample(self, samples: Samples, clip: int, position: int) -> None:
        """Read everything that a sample needs."""
        positions = samples.positions(clip, position) or {}
        native = [size for other in sorted(set(positions.values())) if (size := self.frame(clip, other))]
        sizes = [fitted(size, self.dataset.config.size) for size in native]
        if len(set(sizes)) > 1:
            both = _sizes(sizes)
            self.add(
                self.name(clip, position),
                f"the frame and its neighbours differ in size: {both}",
                "Set 'size'",
                self.severity,
            )
        if samples.spec.labels:
            label = self.label(clip, position)
            size = self.frame(clip, position)
            if label is not None and size is not None and (doubt := size_doubt(label.shape, size[::-1])):
                self.add(self.name(clip, position), *doubt)
        for one, other in self.pairs(samples, clip, position):
            self._flow(clip, one, other)

    def label(self, clip: int, position: int) -> NDArray[np.uint8] | None:
        """Read a label map, and count its classes; None for one that cannot be read."""
        label = self._try(clip, position, lambda: self.dataset.read_label(clip, position))
        if label is not None and self.dataset.taxonomy is not None:
            self._counts[clip, position] = count(label, len(self.dataset.taxonomy))
        return label

    def labels(self, samples: Samples) -> None:
        """Tell what is suspicious about the label maps that were read."""
        taxonomy = self.dataset.taxonomy
        assert taxonomy is not None  # the samples have labels
        survey = Survey(np.array(list(self._counts.values())).reshape(-1, len(taxonomy) + 1), len(samples))
        for what, remedy in doubts(survey, taxonomy):
            self.add(HERE, what, remedy, "fatal" if survey.nothing else "warning")
        for what in rare(survey, taxonomy):
            self.add(HERE, what, "Look at these label maps: their ids may be a mistake. Nothing, if the class is rare")

    def doubts(self) -> None:
        """Tell what the data set itself finds suspicious."""
        for doubt in self.dataset.doubts():
            self.note(doubt, HERE, "warning")

    def compare_sizes(self, batch_size: int) -> None:
        config = self.dataset.config
        sizes = [fitted(size, config.size) for size in self._frames.values() if size]
        if len(set(sizes)) > 1:
            severity: Severity = "note" if batch_size == 1 or config.crop is not None else "fatal"
            remedy = "Set 'size', or batch_size: 1" if severity == "fatal" else ""
            self.add(HERE, f"frames of different sizes: {_sizes(sizes)}", remedy, severity)

    def direction(self, few: Samples) -> None:
        """Test whether the stored flow has the direction that training expects."""
        stride = float(self.dataset.config.stride)
        found = [pair for place in few.places for pair in self._explained(few, *place)]
        fits = fit(found, (1.0, -1.0, 0.0, *([stride] if stride > 1 else [])))
        told = f"{fits} ({fits.pairs} pairs, grey levels)"
        if fits.better(-1.0):
            self.add(
                HERE,
                f"the stored flow has the wrong direction: frames differ by {told}",
                "Its files lead from the previous frame to the current one. Compute them from the current frame to the "
                "previous one (docs/conventions.md), or set flow: dis",
                "fatal",
            )
        elif stride > 1 and fits.better(stride):
            self.add(
                HERE,
                f"the stored flow leads to the frame just before, but stride {stride:g} needs an earlier one: "
                f"frames differ by {told}",
                "Compute it for this stride, set stride: 1, or set flow: dis",
                "fatal",
            )
        elif fits.right:
            self.add(HERE, f"the stored flow has the right direction: frames differ by {told}", "", "note")
        elif found:
            why = f"frames differ by {told}" if fits.pairs else "it is nearly 0 everywhere"
            self.add(
                HERE,
                f"the direction of the stored flow is undecided: {why}",
                "Test it on frames with motion before you trust it, or set flow: dis",
            )

    def _explained(self, samples: Samples, clip: int, position: int) -> Iterable[Explained]:
        """Yield the frames and flow of a sample; those that cannot be read are noted."""
        for one, other in self.pairs(samples, clip, position):
            try:
                own = self.dataset.read_flow(clip, one, other)
                if own is not None:
                    yield self.dataset.read_frame(clip, one), self.dataset.read_frame(clip, other), *own
            except FileError as error:
                self.note(error, self.name(clip, one), self.severity)

    def _flow(self, clip: int, position: int, other: int) -> None:
        own = self._try(clip, position, lambda: (self.dataset.read_flow(clip, position, other),))
        if own is None:
            return
        if own[0] is None:
            self.add(HERE, "has no flow of its own", "Set flow: dis", "fatal")
            return
        (height, width), size = own[0][0].shape[:2], self.frame(clip, position)
        if size is not None and abs(width * size[1] / (height * size[0]) - 1) > _STRETCHED:
            self.add(
                self.name(clip, position),
                f"the flow is {width}x{height}, and its frame of {size[0]}x{size[1]} has another aspect ratio",
                "It would be stretched to the frame. Was it computed on frames that were cropped differently?",
            )

    def _try(self, clip: int, position: int, read: Callable[[], Value]) -> Value | None:
        return self.attempt(self.name(clip, position), self.severity, read)


def _sizes(sizes: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{width}x{height}" for width, height in sorted(set(sizes)))
