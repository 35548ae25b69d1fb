"""Frames and label maps at the size of training, from the cache if they are there, else from the data set."""

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
    """The cache of a data set. Whether frames and label maps use it depends on ``cached`` only."""
    return Store(config.cache_folder or default_folder(), round(config.cache_limit * GIGABYTE))


class Reader:
    """Reads a data set. With ``cached`` in its settings, every frame and label map is decoded and resized only once.

    A cached copy is used only while nothing that its pixels depend on has changed: file, settings, code and libraries.
    See :mod:`davsn.data.origin`.

    Args:
        dataset: the data set to read.

    Raises:
        DataError: ``cached`` is set, but the data set has no method ``frame_origin``.
    """

    def __init__(self, dataset: VideoDataset) -> None:
        self._dataset = dataset
        self._store = store_of(dataset.config) if dataset.config.cached else None
        if self._store is not None:
            dataset.frame_origin(0, 0)

    def frame(self, clip: int, position: int) -> Picture:
        """Read a frame: (h, w, 3) RGB at the settings' ``size``, read-only; see :meth:`VideoDataset.read_frame`."""
        size = self._dataset.config.size

        def read() -> Picture:
            frame = self._dataset.read_frame(clip, position)
            return frame if size is None else resize_frame(frame, size)

        return self._kept(lambda: ("frame", size, self._dataset.frame_origin(clip, position)), read)

    def label(self, clip: int, position: int, size: tuple[int, int]) -> Picture:
        """Read a label map: (h, w) train ids at (width, height), read-only; see :meth:`VideoDataset.resized_label`."""
        return self._kept(
            lambda: ("label", size, self._dataset.label_origin(clip, position)),
            lambda: self._dataset.resized_label(clip, position, size),
        )

    def _kept(self, depends_on: Callable[[], Origin], read: Callable[[], Picture]) -> Picture:
        if self._store is None:
            return read()
        parts = depends_on()  # before reading: a file changed meanwhile gets another key
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
