"""Frames and labels at the size of training: from the cache where they are kept, else from the data set."""

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from davsn.core.cache import GIGABYTE, Store, default_folder, identity
from davsn.data.dataset import DatasetSettings, VideoDataset
from davsn.data.origin import Origin
from davsn.data.transforms import resize_frame

_SHAPE = struct.Struct("<3I")

Picture = NDArray[np.uint8]


def store_of(config: DatasetSettings) -> Store:
    """Where a data set keeps what it computes; only ``cached`` says whether it does."""
    return Store(config.cache_folder or default_folder(), round(config.cache_limit * GIGABYTE))


class Reader:
    """Reads a data set; with ``cached`` in its settings every frame and label is decoded and resized once.

    A kept copy is used only where all is as it was that its pixels depend on: file, settings, code and libraries; see
    :mod:`davsn.data.origin`.

    Args:
        dataset: whose frames.

    Raises:
        DataError: ``cached`` is set, and the data set does not say what its frames depend on.
    """

    def __init__(self, dataset: VideoDataset) -> None:
        self._dataset = dataset
        self._store = store_of(dataset.config) if dataset.config.cached else None
        if self._store is not None:
            dataset.frame_origin(0, 0)

    def frame(self, clip: int, position: int) -> Picture:
        """(h, w, 3) RGB at the ``size`` of the settings; see :meth:`VideoDataset.read_frame`. Not to be written to."""
        size = self._dataset.config.size

        def read() -> Picture:
            frame = self._dataset.read_frame(clip, position)
            return frame if size is None else resize_frame(frame, size)

        return self._kept(lambda: ("frame", size, self._dataset.frame_origin(clip, position)), read)

    def label(self, clip: int, position: int, size: tuple[int, int]) -> Picture:
        """(h, w) train ids at (width, height); see :meth:`VideoDataset.resized_label`. Not to be written to."""
        return self._kept(
            lambda: ("label", size, self._dataset.label_origin(clip, position)),
            lambda: self._dataset.resized_label(clip, position, size),
        )

    def _kept(self, depends_on: Callable[[], Origin], read: Callable[[], Picture]) -> Picture:
        if self._store is None:
            return read()
        parts = depends_on()  # before it is read: a file that is changed meanwhile is another one
        if parts[-1] is None:
            return read()
        key = identity(*parts)
        kept = _unpacked(self._store.get(key))
        if kept is None:
            kept = read()
            self._store.put(key, _packed(kept))
        return kept


def _packed(picture: Picture) -> bytes:
    return _SHAPE.pack(*picture.shape, *[0] * (3 - picture.ndim)) + picture.tobytes()


def _unpacked(content: bytes | None) -> Picture | None:
    if content is None or len(content) < _SHAPE.size:
        return None
    height, width, channels = _SHAPE.unpack_from(content)
    shape = (height, width, channels) if channels else (height, width)
    pixels = np.frombuffer(content, np.uint8, offset=_SHAPE.size)
    return pixels.reshape(shape) if pixels.size == np.prod(shape) else None
