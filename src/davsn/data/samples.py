"""The samples of a data set: frames with their neighbours, flow and label map."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from davsn.core.clip import Clip, ClipSpec
from davsn.core.errors import DataError, FileError
from davsn.data.dataset import ClipInfo, Group, VideoDataset
from davsn.data.origin import Origin
from davsn.data.randomisation import Draw, photometric, styled
from davsn.data.reader import Reader, store_of
from davsn.data.transforms import colour, crop, mirror, rescale
from davsn.flow.cache import FlowCache
from davsn.flow.estimation import Completion, estimated
from davsn.flow.files.io import Flow
from davsn.ops.arrays import pictures, to_arrays


class Samples(Dataset[Clip]):
    """The samples of a data set that have everything a method asks for.

    If labels are required, the samples are the labelled frames. Otherwise they are the chosen frames of
    :class:`~davsn.data.dataset.ClipInfo`, which usually are all frames. The setting ``missing`` says what becomes of a
    frame without its neighbours. Neighbours always belong to the same clip.

    Args:
        dataset: the data set; its settings say how frames are sized, paired and changed.
        spec: the frames, flows and label map that each sample needs.
        every_frame: if labels are required, include the chosen frames without a label map as well. Their samples have
            no labels.
        style_frames: draws the target frames for the setting ``style``; see :class:`davsn.data.frame_pool.FramePool`.

    Raises:
        DataError: no samples, or a frame has no neighbour and ``missing`` is 'error'.
        FlowError, CheckpointError: the weights of the flow estimator cannot be used.

    Attributes:
        places: (clip, position) of each sample in the data set.
        left_out: how many frames had no neighbour and were skipped.
    """

    def __init__(
        self, dataset: VideoDataset, spec: ClipSpec, every_frame: bool = False, style_frames: Draw | None = None
    ) -> None:
        self.dataset, self.spec, self._style_frames = dataset, spec, style_frames
        self._config = dataset.config
        self._reader = Reader(dataset)
        self._flow_cache: FlowCache | None = None
        if spec.labels and dataset.taxonomy is None:
            raise DataError("labels are required, but the data set has none; see docs/data.md")
        if spec.flows and not self._config.flow.own:
            self._config.flow.build()  # finds unusable weights here, not in a worker at the first batch
        wanted = [
            (clip, position)
            for clip, info in enumerate(dataset.clips)
            for position in _current(info, spec.labels and not every_frame)
        ]
        self.places = [place for place in wanted if self.positions(*place) is not None]
        self.left_out = len(wanted) - len(self.places)
        self._check(wanted)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Clip:
        """Load a sample for evaluation: resized frames, the label map at its own size, no random changes."""
        return self.load(index)

    def load(self, index: int, generator: np.random.Generator | None = None) -> Clip:
        """Load a sample.

        Args:
            index: the sample's index in ``places``.
            generator: draws the random changes of training. If given, the label map is resized like the frames.

        Raises:
            DataError: a file cannot be used, or the frames differ in size.
            FlowError: flow is missing or cannot be used.
        """
        clip, position = self.places[index]
        info, positions = self.dataset.clips[clip], self.positions(clip, position)
        assert positions is not None  # places holds only samples with all their frames
        name = self.name(clip, position)
        sample = Clip(self._frames(clip, positions, name), name=name)
        if self.spec.labels and position in info.labelled:
            height, width = sample.frames[0].shape[:2]
            label = (
                self.dataset.read_label(clip, position)
                if generator is None
                else self._reader.label(clip, position, (width, height))
            )
            sample = replace(sample, labels=label)
        sample = self._with_flows(sample, clip, positions)
        return sample if generator is None else self._changed(sample, generator)

    def name(self, clip: int, position: int) -> str:
        """The name of a frame's sample: ``clip/frame``."""
        info = self.dataset.clips[clip]
        return f"{info.name}/{info.frames[position]}"

    def positions(self, clip: int, position: int) -> dict[int, int] | None:
        """The position in the clip of each required frame of a sample, by offset; None if one does not exist.

        If ``missing`` is 'repeat', an offset that leads out of the clip is replaced by the nearest one inside.
        """
        length, stride, found = len(self.dataset.clips[clip].frames), self._config.stride, {}
        for offset in self.spec.frames:
            nearest = offset
            while not 0 <= position + nearest * stride < length:
                if self._config.missing != "repeat":
                    return None
                nearest -= 1 if nearest > 0 else -1
            found[offset] = position + nearest * stride
        return found

    def spread(self, number: int) -> "Samples":
        """Select at most ``number`` samples, evenly spread over all."""
        chosen = np.linspace(0, len(self) - 1, min(number, len(self))).round().astype(int)
        return self.only([self.places[index] for index in chosen])

    def only(self, places: Sequence[tuple[int, int]]) -> "Samples":
        """Select the samples at these places (clip, position)."""
        few = copy.copy(self)
        few.places = list(places)
        return few

    @property
    def completion(self) -> Completion | None:
        """The flow that is still to be estimated where a batch is used: neural flow that is not cached; else None."""
        setting = self._config.flow
        if self.spec.flows and setting.on_device and not setting.cached:
            return Completion(setting, self.spec.flows)
        return None

    @property
    def flow_cache(self) -> FlowCache:
        """The cache for flow. It is made once, and a copy in another process knows its estimator too."""
        if self._flow_cache is None:
            self._flow_cache = FlowCache(self._config.flow, store_of(self._config))
        return self._flow_cache

    def _check(self, wanted: Sequence[tuple[int, int]]) -> None:
        if self.left_out and self._config.missing == "error":
            clip, position = next(place for place in wanted if self.positions(*place) is None)
            info = self.dataset.clips[clip]
            raise DataError(
                f"{self.left_out} of {len(wanted)} frames have no neighbour at {_offsets(self.spec)}",
                f"{info.name}/{info.frames[position]}",
                "Set missing: skip to leave them out, or missing: repeat to pair them with themselves",
            )
        if not self.places:
            raise DataError(
                f"none of {len(wanted)} frames in {len(self.dataset.clips)} clips has a neighbour at "
                f"{_offsets(self.spec)}",
                remedy=self.dataset.without_neighbours,
            )

    def _frames(self, clip: int, positions: Mapping[int, int], name: str) -> dict[int, NDArray[np.uint8]]:
        # In ascending order, so that a video is decoded forwards, and only once.
        read = {position: self._reader.frame(clip, position) for position in sorted(set(positions.values()))}
        sizes = sorted({f"{frame.shape[1]}x{frame.shape[0]}" for frame in read.values()})
        if len(sizes) > 1:
            raise DataError(f"the frame and its neighbours differ in size: {', '.join(sizes)}", name, "Set 'size'")
        return {offset: read[position] for offset, position in positions.items()}

    def _with_flows(self, sample: Clip, clip: int, positions: Mapping[int, int]) -> Clip:
        if self.completion is not None:
            return sample
        flows, valid = {}, {}
        for a, b in self.spec.flows:
            mask = None
            if positions[a] == positions[b]:
                flow: NDArray[np.floating] = np.zeros((*sample.frames[0].shape[:2], 2), np.float32)
            elif self._config.flow.own:
                own = self.dataset.read_flow(clip, positions[a], positions[b])
                if own is None:
                    raise DataError("the data set has no flow of its own", sample.name, "Set flow: dis")
                flow, mask = own
            else:
                flow, mask = self._estimate(sample.frames[a], sample.frames[b])
            flows[a, b] = flow
            if mask is not None:
                valid[a, b] = mask
        return replace(sample, flows=flows, valid=valid)

    def _estimate(self, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Flow:
        """The flow a→b, from the cache if the setting allows it and the cache has it; else estimated now."""
        cache = self.flow_cache if self._config.flow.cached else None
        kept = None if cache is None else cache.get(a, b)
        if kept is not None:
            return kept
        flow, mask = as_arrays(*estimated(self._config.flow, pictures([a]), pictures([b])))[0]
        return (flow, mask) if cache is None else cache.put(a, b, flow, mask)[0]

    def _changed(self, sample: Clip, generator: np.random.Generator) -> Clip:
        """Apply the random changes of training to a sample."""
        config = self._config
        if config.crop is not None:
            if config.scale is not None:
                sample = rescale(sample, config.scale, config.crop, generator)
            sample = crop(sample, config.crop, generator, config.crop_limit)
        if config.mirror and generator.random() < 0.5:
            sample = mirror(sample)
        if config.colour:
            sample = colour(sample, config.colour, generator)
        if config.photometric is not None:
            sample = photometric(sample, config.photometric, generator)
        if config.style is None:
            return sample
        if self._style_frames is None:
            raise DataError("a style needs frames of a target, and there are none", sample.name, "Remove 'style'")
        return styled(sample, config.style, self._style_frames, generator)


class GroupDraw:
    """Draws samples of the groups of a data set with the share of each; see :class:`davsn.data.dataset.Group`.

    Args:
        groups: of the data set; at least one.
        places: (clip, position) of each sample.

    Raises:
        DataError: a group has no sample.
    """

    def __init__(self, groups: Sequence[Group], places: Sequence[tuple[int, int]]) -> None:
        clips = np.array([clip for clip, _ in places])
        self._shares = [group.share for group in groups]
        self._samples = [np.flatnonzero((clips >= group.clips.start) & (clips < group.clips.stop)) for group in groups]
        if any(not len(samples) for samples in self._samples):
            raise DataError(
                "a set with a share has no frame with all that the method needs. Set missing: repeat, or leave it out"
            )

    def __call__(self, generator: np.random.Generator) -> int:
        """Draw the index of a sample."""
        return int(generator.choice(self._samples[generator.choice(len(self._shares), p=self._shares)]))


class _Unlabelled(VideoDataset):
    """A data set as training on the target sees it: the same frames, but no labels."""

    def __init__(self, dataset: VideoDataset) -> None:
        self._dataset, self.config, self.taxonomy = dataset, dataset.config, None
        self.clips: Sequence[ClipInfo] = tuple(replace(info, labelled=()) for info in dataset.clips)
        self.damage, self.without_neighbours = dataset.damage, dataset.without_neighbours
        self.published, self.groups, self.notes = dataset.published, dataset.groups, dataset.notes

    def doubts(self) -> Sequence[FileError]:
        return self._dataset.doubts()

    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        return self._dataset.read_frame(clip, position)

    def frame_origin(self, clip: int, position: int) -> Origin | None:
        return self._dataset.frame_origin(clip, position)

    def read_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        info = self.clips[clip]
        raise DataError(
            "training tried to read a label map of the target domain",
            f"{info.name}/{info.frames[position]}",
            "Target labels are for evaluation only",
        )

    def read_flow(
        self, clip: int, position: int, other: int
    ) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None] | None:
        return self._dataset.read_flow(clip, position, other)

    def find_flow(self, clip: int, position: int, other: int) -> Path | None:
        return self._dataset.find_flow(clip, position, other)

    def flow_file(self, clip: int, position: int, other: int) -> str | None:
        return self._dataset.flow_file(clip, position, other)


def target_training(dataset: VideoDataset) -> VideoDataset:
    """View a target data set without its labels. Training on the target always uses this view."""
    return _Unlabelled(dataset)


def as_arrays(flows: Tensor, valid: Tensor | None) -> list[Flow]:
    """Convert flows (B, 2, H, W) to one array (H, W, 2) each, with its (H, W) valid mask, or None without masks."""
    arrays = to_arrays(flows)
    masks: Sequence[NDArray[np.bool_] | None] = [None] * len(arrays) if valid is None else list(valid.cpu().numpy())
    return list(zip(arrays, masks, strict=True))


def _current(info: ClipInfo, labelled_only: bool) -> Sequence[int]:
    """The positions in a clip that can be samples."""
    if labelled_only:
        return info.labelled
    return range(len(info.frames)) if info.chosen is None else info.chosen


def _offsets(spec: ClipSpec) -> str:
    return ", ".join(f"{offset:+d}" for offset in spec.frames if offset)
