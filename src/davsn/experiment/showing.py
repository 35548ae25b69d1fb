"""Predictions of several networks on the same few clips, for a report: masks, errors, flicker and confidence."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from davsn.core.clip import LABELLED_PAIR, Batch
from davsn.core.console import progress
from davsn.core.plugins import Choice
from davsn.data.loading import Samples, evaluation_batches, target_training
from davsn.data.transforms import resize_frame, resize_label
from davsn.experiment.building import build_dataset, build_labelled
from davsn.experiment.experiment import asked
from davsn.experiment.trained import Trained
from davsn.experiment.windows import windows, windows_of
from davsn.flow.measure import Tally, without_exact
from davsn.networks.predicting import predicting
from davsn.ops.arrays import to_arrays
from davsn.ops.warp import resize_flow
from davsn.report.content import BINS, Behaviour, Footage, Look, Mask, Picture, Seen, Still
from davsn.report.flow_picture import scale_of
from davsn.report.render import flow_wheel

WIDTH = 480
"""Largest width in pixels of a frame that is shown."""
_BAD = 3
"""One of so many clips is chosen for its bad frames."""
_STATIC = 8
"""Largest change of a colour of a static pixel from one frame to the next, in 8-bit levels."""
_ENOUGH = 0.01
"""Smallest share of static pixels of a frame whose flicker is measured."""


@dataclass(frozen=True)
class Extent:
    """How much is shown of a set: at most ``clips`` clips of at most ``frames`` frames each."""

    clips: int = 10
    frames: int = 24


def look(
    name: str,
    networks: Mapping[int, tuple[Trained, Choice]],
    extent: Extent,
    labelled: bool = True,
    bad: Sequence[str] = (),
) -> Look:
    """Predict on a few clips of a set with every network, and show progress.

    Args:
        name: the name of the set.
        networks: each network with its settings of the set, by its position on the page. The first one chooses the
            frames; others show what they have of them, by the frames' names.
        extent: how much is shown.
        labelled: whether the set has labels; without, nothing but its frames is read.
        bad: names ``clip/frame`` of frames with bad scores, the worst first. A part of the clips is chosen to show
            them. These clips are in no sum.

    Raises:
        DataError, FlowError: the set cannot be used.
    """
    behaviour: dict[int, Behaviour] = {}
    stills: dict[str, Still] = {}
    order: dict[tuple[str, ...], bool] = {}
    flows: dict[str, NDArray[np.floating]] = {}
    for number, (trained, part) in networks.items():
        samples = _samples(trained, part, labelled)
        if not order:
            order = _windows(samples, extent, bad)
        wanted = {name for window in order for name in window}
        typical = {name for window, spread in order.items() if spread for name in window}
        few = samples.only([place for place in samples.places if samples.name(*place) in wanted])
        watcher = _Watcher(trained, flows if not flows else {}, typical)
        with progress(f"looking at {name}", len(few)) as report:
            for done, still in enumerate(watcher.watch(few, number), 1):
                known = stills.get(still.name, still)
                stills[still.name] = replace(known, seen={**known.seen, **still.seen})
                report(done)
        behaviour[number] = watcher.behaviour()
    found = [([stills[name] for name in window if name in stills], spread) for window, spread in order.items()]
    footage = [Footage(_title(window, spread), _with_flow(window, flows), spread) for window, spread in found if window]
    return Look(name, footage, behaviour, labelled)


def _samples(trained: Trained, part: Choice, labelled: bool) -> Samples:
    """Return every frame of a set as a sample, also where training takes few frames of it."""
    if "samples" in type(part.settings).model_fields:  # a few frames of a video, far apart, would show no motion
        part = part.model_copy(update={"settings": part.settings.model_copy(update={"samples": None})})
    if labelled:
        return Samples(build_labelled(part, trained.taxonomy), asked(trained.experiment, LABELLED_PAIR), True)
    return Samples(target_training(build_dataset(part)), asked(trained.experiment))


def _windows(samples: Samples, extent: Extent, bad: Sequence[str]) -> dict[tuple[str, ...], bool]:
    """Choose the windows to show, as names of frames: those that spread evenly (True), then those of bad frames."""
    spread = windows(samples, extent.clips, extent.frames)
    few = max(extent.clips // _BAD, 1) if extent.clips > 1 else 0
    worst = [window for window in windows_of(samples, bad, few, extent.frames) if window not in spread]
    if worst:
        spread = windows(samples, extent.clips - len(worst), extent.frames)
    chosen = [(window, True) for window in spread] + [(window, False) for window in worst]
    return {tuple(samples.name(*place) for place in window): typical for window, typical in chosen}


def _title(window: Sequence[Still], typical: bool) -> str:
    """Name a window by its clip, by its first and last frame, and by why it was chosen."""
    clip, _, first = window[0].name.rpartition("/")
    last = window[-1].name.rpartition("/")[2]
    name = f"{clip}, {first}" if first == last else f"{clip}, {first} to {last}"
    return name if typical else f"{name} (among the worst of the set)"


def _with_flow(window: Sequence[Still], flows: Mapping[str, NDArray[np.floating]]) -> list[Still]:
    """Add the flow in colours, on one scale for the whole window."""
    known = [flows[still.name] for still in window if still.name in flows]
    if not known:
        return list(window)
    fastest = scale_of(known)
    return [
        replace(still, flow=flow_wheel(flows[still.name], fastest)) if still.name in flows else still
        for still in window
    ]


@dataclass
class _Watcher:
    """Predicts frames in order, and sums what their predictions are like."""

    trained: Trained
    flows: dict[str, NDArray[np.floating]]
    summed: Set[str]
    before: Still | None = None
    seen_before: Seen | None = None
    flow_error: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        classes = len(self.trained.taxonomy)
        self.sums = Behaviour(np.zeros(classes, np.int64), np.zeros(classes, np.int64))

    def watch(self, samples: Samples, number: int) -> Iterator[Still]:
        """Yield each frame with this network's prediction alone, under its position on the page."""
        device, last = self.trained.device, None
        with predicting(self.trained.segmenter, device, self.trained.experiment.training.precision):
            batches = evaluation_batches(samples)
            places = {samples.name(*place): place for place in samples.places}
            for batch in batches:
                place = places[batch.names[0]]
                if last is None or place != (last[0], last[1] + 1):
                    self.before = self.seen_before = None
                still, seen = self._predict(batch.to(device))
                self.before, self.seen_before, last = still, seen, place
                yield replace(still, seen={number: seen})

    def behaviour(self) -> Behaviour:
        """Return the sums."""
        means = self.flow_error.means()
        moved, rest = means.get("photometric error"), means.get("photometric error at rest")
        return replace(self.sums, flow_error=None if moved is None or rest is None else (moved, rest))

    def _predict(self, batch: Batch) -> tuple[Still, Seen]:
        size = batch.size if batch.labels is None else (batch.labels.shape[-2], batch.labels.shape[-1])
        likely, classes = self.trained.segmenter.scores(*batch.seen, size).float().softmax(1).max(1)
        mask: Mask = classes[0].to(torch.uint8).cpu().numpy()
        sure: NDArray[np.float32] = likely[0].cpu().numpy()
        label: Mask | None = None if batch.labels is None else batch.labels[0].to(torch.uint8).cpu().numpy()
        wrong = _wrong(mask, label, len(self.trained.taxonomy))
        if batch.names[0] in self.summed:
            self._sum(mask, sure, label)
        frame = to_arrays((batch.current * 255).round().to(torch.uint8))[0]
        if frame.shape[1] > WIDTH:
            frame = resize_frame(frame, (WIDTH, max(round(frame.shape[0] * WIDTH / frame.shape[1]), 1)))
        shown = frame.shape[1], frame.shape[0]
        self._flow(batch, shown)
        still = Still(batch.names[0], frame, None if label is None else resize_label(label, shown), {})
        small = resize_label(mask, shown)
        return still, Seen(small, wrong, self._flicker(frame, small), 100 * float(sure.mean()))

    def _sum(self, mask: Mask, sure: NDArray[np.float32], label: Mask | None) -> None:
        """Add a frame to the sums."""
        classes = len(self.sums.predicted)
        bins = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
        self.sums.predicted += np.bincount(mask.ravel(), minlength=classes)[:classes]
        self.sums.confidence += np.bincount(bins.ravel(), minlength=BINS)
        if label is not None:
            counted = label < classes
            self.sums.labelled += np.bincount(label[counted], minlength=classes)
            self.sums.total += np.bincount(bins[counted], minlength=BINS)
            self.sums.right += np.bincount(bins[counted & (mask == label)], minlength=BINS)

    def _flicker(self, frame: Picture, mask: Mask) -> float | None:
        """Return the percentage of the static pixels whose class changed."""
        if self.before is None or self.seen_before is None or self.before.frame.shape != frame.shape:
            return None
        change = np.abs(frame.astype(np.int16) - self.before.frame).max(-1)
        static = change <= _STATIC
        if static.mean() < _ENOUGH:
            return None
        return 100 * float((mask != self.seen_before.mask)[static].mean())

    def _flow(self, batch: Batch, shown: tuple[int, int]) -> None:
        """Keep the flow that the network used, at the size that is shown, and measure it on the frames."""
        if (0, -1) not in batch.flows:
            return
        flow = to_arrays(resize_flow(batch.flow.float(), batch.size))[0]
        frames = [to_arrays(batch.frames[offset] * 255)[0].round().astype(np.uint8) for offset in (0, -1)]
        if batch.names[0] in self.summed and not np.array_equal(*frames):
            self.flow_error += without_exact(frames[0], frames[1], flow)
        self.flows[batch.names[0]] = to_arrays(resize_flow(batch.flow.float(), (shown[1], shown[0])))[0]


def _wrong(mask: Mask, label: Mask | None, classes: int) -> float | None:
    """The percentage of the labelled pixels of a frame that are wrong; None without one."""
    if label is None or not (counted := label < classes).any():
        return None
    return 100 * float((mask != label)[counted].mean())
