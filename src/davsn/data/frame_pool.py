"""A pool of target frames, from which the source takes its styles."""

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import DataError, FileError
from davsn.data.dataset import VideoDataset
from davsn.data.reader import Reader
from davsn.data.samples import GroupDraw, target_training

_TRIED = 20
"""Number of frames to try to read, so that a data set without a readable frame ends in an error."""


class StyleFrameError(DataError):
    """A target frame, for the style of a source sample, cannot be read. It is no fault of the source."""


class FramePool:
    """Draws frames of a target data set at random. No label map can be read through it.

    It draws from the frames that training on the target may use as current frames: all with the same probability, or
    with the shares of the sets in ``several``.
    Frames have the ``size`` of the data set's settings, and come from its cache if it has one. The pool can be sent to
    loader processes.

    Args:
        dataset: the target.

    Raises:
        DataError: the data set's frames cannot be cached, but ``cached`` is set.
    """

    def __init__(self, dataset: VideoDataset) -> None:
        unlabelled = target_training(dataset)
        self._reader = Reader(unlabelled)
        self._skips = unlabelled.config.bad_files == "skip"
        self._places = [
            (clip, position)
            for clip, info in enumerate(unlabelled.clips)
            for position in (range(len(info.frames)) if info.chosen is None else info.chosen)
        ]
        self._by_share = GroupDraw(unlabelled.groups, self._places) if unlabelled.groups else None

    def __call__(self, generator: np.random.Generator) -> NDArray[np.uint8]:
        """Draw a frame: (H, W, 3) RGB, read-only. With ``bad_files: skip``, an unreadable one is replaced by another.

        Raises:
            StyleFrameError: the frame cannot be read; or, with ``bad_files: skip``, twenty in a row cannot.
        """
        for _ in range(_TRIED if self._skips else 1):
            try:
                return self._reader.frame(*self._places[self._index(generator)])
            except FileError as error:
                last = error
        if self._skips:
            raise StyleFrameError(f"{_TRIED} frames in a row cannot be read; the last: {last}")
        last = last.or_skip("the target")
        raise StyleFrameError(last.what, last.where, last.remedy)

    def _index(self, generator: np.random.Generator) -> int:
        return int(generator.integers(len(self._places))) if self._by_share is None else self._by_share(generator)
