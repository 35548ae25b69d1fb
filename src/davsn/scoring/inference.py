"""Prediction on new video: masks frame by frame, written as an overlay video or a folder of palette PNGs."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davsn.core.clip import Levels
from davsn.core.console import say
from davsn.core.errors import DataError
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.transforms import Size, resize_frame
from davsn.data.video.footage import BadFiles, Frame, Source, footage
from davsn.data.video.writers import Mask, Output, writer_for
from davsn.flow.estimator import FlowEstimator
from davsn.networks.predicting import Precision, predicting
from davsn.networks.video import VideoSegmenter
from davsn.ops.arrays import pictures
from davsn.ops.resize import upsample


class Labelled(NamedTuple):
    """The prediction for a frame, at the frame's own size.

    Attributes:
        mask: (H, W) uint8 train ids.
        probabilities: (C, H, W) float32 in [0, 1] that add up to 1 over the classes; None unless requested.
    """

    mask: Mask
    probabilities: NDArray[np.float32] | None = None


def stream(
    segmenter: VideoSegmenter,
    frames: Iterable[Frame],
    estimator: FlowEstimator,
    size: Size | None = None,
    device: torch.device | str = "cpu",
    precision: Precision = "fp32",
    probabilities: bool = False,
) -> Iterator[Labelled]:
    """Predict the masks of a video, one for each frame, in order. Memory does not grow with the video's length.

    Every frame passes the image network once, because the logits of the previous frame are kept. Two kinds of frames
    have no previous frame: the first one, and one whose size differs from the frame before. They are their own
    previous frame, without motion. A single-frame network gets each frame alone, and no flow is estimated.

    Args:
        segmenter: the segmentation network.
        frames: the frames, read one at a time.
        estimator: estimates the flow between neighbours, at the network's input size.
        size: the size of the network's input, by which each frame is resized; None: each frame's own size.
        device: the device to compute on.
        precision: the precision of the network.
        probabilities: whether to return the probability of every class too.
    """
    previous: Tensor | None = None
    logits: Levels | None = None
    flow: Tensor | None = None
    for frame in frames:
        current = _tensor(frame, size).to(device)
        # Entered anew for each frame: a mode held across a yield would apply to the caller's code too.
        with predicting(segmenter, device, precision):
            if segmenter.looks_back and previous is not None and previous.shape == current.shape:
                flow = estimator.estimate(current, previous)
            elif segmenter.looks_back:
                previous, logits = current, None
                flow = current.new_zeros(1, 2, *current.shape[-2:])
            prediction = segmenter(current, previous, flow, logits)
            scores = upsample(prediction.fused.main, frame.shape[:2])
            mask = scores.argmax(1)[0].to(torch.uint8)
            likely = scores.float().softmax(1)[0] if probabilities else None
            previous, logits = current, prediction.current
        yield Labelled(mask.cpu().numpy(), None if likely is None else likely.cpu().numpy())


@dataclass(frozen=True)
class Progress:
    """The progress of a prediction.

    Attributes:
        done: the number of frames written.
        total: the number of all frames; None if it is unknown.
        seconds: the time since the start.
    """

    done: int
    total: int | None
    seconds: float

    @property
    def left(self) -> float | None:
        """The remaining seconds at the pace so far; None if the number of frames is unknown."""
        return None if self.total is None else self.seconds / self.done * (self.total - self.done)


@dataclass(frozen=True)
class Summary:
    """The summary of a finished prediction.

    Attributes:
        output: the video file, or the folder of masks.
        frames: the number of frames written.
        seconds: the wall time of reading, predicting and writing them.
        skipped: the number of frames passed over because they could not be read.
    """

    output: Path
    frames: int
    seconds: float
    skipped: int = 0

    @property
    def rate(self) -> float:
        """The speed in frames per second."""
        return self.frames / self.seconds


@dataclass(frozen=True)
class Predictor:
    """A trained network with all that it needs to predict on new video; see :func:`stream` for the attributes."""

    segmenter: VideoSegmenter
    taxonomy: Taxonomy
    estimator: FlowEstimator
    size: Size | None = None
    device: torch.device | str = "cpu"
    precision: Precision = "fp32"

    def label(self, frames: Iterable[Frame], probabilities: bool = False) -> Iterator[Labelled]:
        """Predict the masks of frames; see :func:`stream`."""
        return stream(self.segmenter, frames, self.estimator, self.size, self.device, self.precision, probabilities)

    def predict(
        self,
        source: Source,
        target: Path | Output,
        progress: Callable[[Progress], object] = lambda progress: None,
        bad_files: BadFiles = "error",
        stream: int | None = None,
    ) -> Summary:
        """Predict on a video, images or frames, and write the result.

        Args:
            source: see :func:`davsn.data.video.footage.footage`.
            target: a name that ends in .mp4, .mov or .mkv for an overlay video with the input's times and audio; for a
                single image, .png for its mask or .jpg for its overlay; any other name is a folder of masks. An
                :class:`Output` says more.
            progress: called after each frame.
            bad_files: see :func:`davsn.data.video.footage.footage`.
            stream: see :func:`davsn.data.video.footage.footage`.

        Raises:
            DataError: the input cannot be read, or the output cannot be written. What was finished before is kept, and
                the message says where.
            KeyboardInterrupt: the user stopped it. What was finished is kept, and a line says where.
        """
        found = footage(source, bad_files, stream)
        begin, done = time.perf_counter(), 0
        output = (target if isinstance(target, Output) else Output(target)).of_source(source)
        writer = writer_for(source, output, self.taxonomy, found)
        shown, seen = itertools.tee(found.frames)  # holds only one frame: each is written right after its prediction
        try:
            with writer:
                for labelled, shot in zip(self.label(shot.frame for shot in seen), shown, strict=True):
                    writer.write(shot, labelled.mask)
                    done += 1
                    progress(Progress(done, found.count, time.perf_counter() - begin))
        except DataError as error:
            if not done:
                raise
            remedy = f"{error.remedy}. {writer.kept(done)}" if error.remedy else writer.kept(done)
            raise DataError(error.what, error.where, remedy) from error
        except KeyboardInterrupt:
            say(writer.kept(done) if done else "Nothing was written")
            raise
        if not done and found.skipped:
            raise found.skipped[0]
        return Summary(output.path, done, time.perf_counter() - begin, len(found.skipped))


def _tensor(frame: Frame, size: Size | None) -> Tensor:
    """A frame as a tensor (1, 3, H, W) float32, RGB in [0, 1], resized to ``size`` if given."""
    return pictures([frame if size is None else resize_frame(frame, size)])
