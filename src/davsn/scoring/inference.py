"""A trained network on new video: masks frame by frame, an overlay video or a folder of palette PNGs."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from davsn.core.clip import Levels
from davsn.core.errors import DataError
from davsn.data.footage import Frame, footage
from davsn.data.taxonomy import Taxonomy
from davsn.data.transforms import resize_frame
from davsn.data.writers import Mask, writer_for
from davsn.flow.estimator import FlowEstimator
from davsn.networks.predicting import Precision, predicting
from davsn.networks.video import VideoSegmenter
from davsn.ops.resize import upsample


def stream(
    segmenter: VideoSegmenter,
    frames: Iterable[Frame],
    estimator: FlowEstimator,
    size: tuple[int, int] | None = None,
    device: torch.device | str = "cpu",
    precision: Precision = "fp32",
) -> Iterator[Mask]:
    """Masks of a video, in order, one for each frame as it comes; memory does not grow with the length.

    Every frame passes the image network once: what it said of the previous frame is kept. The first frame, and
    one whose size differs from that of the frame before, has no past: it is its own previous frame, at rest. A
    network of single frames is given each frame alone, and no motion is estimated.

    Args:
        segmenter: the network.
        frames: read one at a time.
        estimator: motion between neighbours, at the network's input size.
        size: (width, height) of the network's input; None takes each frame's own.
        device: where to compute.
        precision: of the network.

    Yields:
        (H, W) uint8 train ids at the frame's own size.
    """
    previous: Tensor | None = None
    logits: Levels | None = None
    flow: Tensor | None = None
    for frame in frames:
        current = _tensor(frame, size).to(device)
        # Entered for each frame anew: a mode held across a yield would be the caller's mode as well.
        with predicting(segmenter, device, precision):
            if segmenter.looks_back and previous is not None and previous.shape == current.shape:
                flow = estimator.estimate(current, previous)
            elif segmenter.looks_back:
                previous, logits = current, None
                flow = current.new_zeros(1, 2, *current.shape[-2:])
            prediction = segmenter(current, previous, flow, logits)
            mask = upsample(prediction.fused.main, frame.shape[:2]).argmax(1)[0].to(torch.uint8)
            previous, logits = current, prediction.current
        yield mask.cpu().numpy()


@dataclass(frozen=True)
class Progress:
    """How far a prediction is.

    Attributes:
        done: frames written.
        total: frames there are.
        seconds: since the start.
    """

    done: int
    total: int
    seconds: float

    @property
    def left(self) -> float:
        """Seconds to go, at the pace so far."""
        return self.seconds / self.done * (self.total - self.done)


@dataclass(frozen=True)
class Summary:
    """What a prediction wrote.

    Attributes:
        output: the video file, or the folder of masks.
        frames: how many.
        seconds: wall time of reading, predicting and writing them.
    """

    output: Path
    frames: int
    seconds: float

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds


@dataclass(frozen=True)
class Predictor:
    """A trained network with all it needs to label new video; the attributes are those of :func:`stream`."""

    segmenter: VideoSegmenter
    taxonomy: Taxonomy
    estimator: FlowEstimator
    size: tuple[int, int] | None = None
    device: torch.device | str = "cpu"
    precision: Precision = "fp32"

    def masks(self, frames: Iterable[Frame]) -> Iterator[Mask]:
        """See :func:`stream`."""
        return stream(self.segmenter, frames, self.estimator, self.size, self.device, self.precision)

    def predict(
        self, source: Path, target: Path, progress: Callable[[Progress], object] = lambda progress: None
    ) -> Summary:
        """Label a video file, a folder of pictures or a picture.

        Args:
            source: what to label.
            target: a name ending in .mp4, .mov or .mkv for an overlay video; any other name is a folder of masks.
            progress: called after each frame.

        Raises:
            DataError: the input cannot be read, or the output not be written. What was finished before is
                kept, and the message says where.
        """
        found = footage(source)
        begin, done = time.perf_counter(), 0
        writer = writer_for(source, target, self.taxonomy, found.rate)
        shown, seen = itertools.tee(found.frames)  # holds one frame: each is shown right after it was seen
        try:
            with writer:
                for mask, (name, frame) in zip(self.masks(frame for _, frame in seen), shown, strict=True):
                    writer.write(name, frame, mask)
                    done += 1
                    progress(Progress(done, found.count, time.perf_counter() - begin))
        except DataError as error:
            if not done:
                raise
            remedy = f"{error.remedy}. {writer.kept(done)}" if error.remedy else writer.kept(done)
            raise DataError(error.what, error.where, remedy) from error
        return Summary(target, done, time.perf_counter() - begin)


def _tensor(frame: Frame, size: tuple[int, int] | None) -> Tensor:
    """(1, 3, H, W) float32 RGB in [0, 1]."""
    frame = np.array(frame if size is None else resize_frame(frame, size))  # a copy: torch wants it writable
    return torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
