"""Prediction on new video: masks frame by frame, written as the outputs that the user chose."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from davsn.core.ahead import ahead
from davsn.core.console import say
from davsn.core.errors import DataError
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.transforms import Size
from davsn.data.video.brush import Brush
from davsn.data.video.footage import BadFiles, Frame, Shot, Source, footage
from davsn.data.video.labelled import Labelled
from davsn.data.video.outputs import Output
from davsn.flow.estimator import FlowEstimator
from davsn.networks.folding import folded
from davsn.networks.predicting import Precision
from davsn.networks.views import SegmentationNetwork, Views
from davsn.scoring.streaming import stream as stream


@dataclass(frozen=True)
class Progress:
    """The progress of a prediction.

    Attributes:
        done: the number of frames written.
        total: the number of all frames; None if it is unknown.
        seconds: the time since the start.
        dropped: the number of frames of a live source that came too fast.
    """

    done: int
    total: int | None
    seconds: float
    dropped: int = 0

    @property
    def left(self) -> float | None:
        """The remaining seconds at the pace so far; None if the number of frames is unknown."""
        return None if self.total is None else self.seconds / self.done * (self.total - self.done)


@dataclass(frozen=True)
class Summary:
    """The summary of a finished prediction.

    Attributes:
        output: the file or the folder that was written.
        frames: the number of frames written.
        seconds: the wall time of reading, predicting and writing them.
        skipped: the number of frames passed over because they could not be read.
        dropped: the number of frames of a live source that came too fast.
    """

    output: Path
    frames: int
    seconds: float
    skipped: int = 0
    dropped: int = 0

    @property
    def rate(self) -> float:
        """The speed in frames per second."""
        return self.frames / self.seconds


@dataclass(frozen=True)
class Predictor:
    """A trained network with all that it needs to predict on new video; see :func:`stream` for the attributes."""

    network: SegmentationNetwork | Views
    taxonomy: Taxonomy
    estimator: FlowEstimator
    size: Size | None = None
    device: torch.device | str = "cpu"
    precision: Precision = "fp32"
    smooth: float = 0.0

    def label(
        self, frames: Iterable[Frame], probabilities: bool = False, side_by_side: bool = False
    ) -> Generator[Labelled, None, None]:
        """Predict the masks of frames by a copy of the network that is made for speed.

        See :func:`stream` and :func:`davsn.networks.folding.folded`.
        """
        where = (self.estimator, self.size, self.device, self.precision)
        return stream(folded(self.network, self.device), frames, *where, probabilities, self.smooth, side_by_side)

    def predict(
        self,
        source: Source,
        target: Path | Output,
        progress: Callable[[Progress], object] = lambda progress: None,
        bad_files: BadFiles = "error",
        stream: int | None = None,
    ) -> Summary:
        """Predict on a video, images or frames, and write the result.

        Reading, flow, the network and writing run beside one another, a few frames apart. Frames of unknown number come
        one at a time, since they may be live: each is read when the one before it is written.

        Args:
            source: see :func:`davsn.data.video.footage.footage`.
            target: where to write, and what; a path alone says it by its name, see :attr:`Output.chosen`.
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
        writer, brush = output.writer(source, self.taxonomy, found), Brush(self.taxonomy, output.look)
        waiting: deque[Shot] = deque()  # the frames between reading and writing
        side_by_side = found.count is not None
        said = self.label(_remembered(found.frames, waiting), output.probabilities, side_by_side)
        coming = ahead(said) if side_by_side else said
        try:
            with writer:
                for labelled in coming:
                    writer.write(waiting.popleft(), brush.chosen(labelled))
                    done += 1
                    progress(Progress(done, found.count, time.perf_counter() - begin, found.dropped))
        except DataError as error:
            if not done:
                raise
            remedy = f"{error.remedy}. {writer.kept(done)}" if error.remedy else writer.kept(done)
            raise DataError(error.what, error.where, remedy) from error
        except KeyboardInterrupt:
            say(writer.kept(done) if done else "Nothing was written")
            if found.dropped:
                say(f"{found.dropped} frames came too fast and were dropped")
            raise
        finally:
            coming.close()
            found.close()
        if not done and found.skipped:
            raise found.skipped[0]
        return Summary(output.path, done, time.perf_counter() - begin, len(found.skipped), found.dropped)


def _remembered(shots: Iterable[Shot], waiting: deque[Shot]) -> Iterator[Frame]:
    """The frames of shots; each shot is appended before its frame is given."""
    for shot in shots:
        waiting.append(shot)
        yield shot.frame
