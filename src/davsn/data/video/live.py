"""Live footage: a thread reads frames as they arrive, and the newest alone is kept for a consumer that is slower."""

import time
from collections.abc import Generator, Iterator
from threading import Condition, Thread
from typing import Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import DataError

_ADDRESSES = ("rtsp://", "rtsps://", "rtmp://", "srt://", "udp://")
_PATIENCE = 2.0
"""Seconds to wait for the thread to end; a stalled network can hold it for longer, and nobody needs it then."""

Item = TypeVar("Item")
Arrival = tuple[int, float, NDArray[np.uint8]]
"""The number of a frame, from 0; the seconds since the source was opened; the frame (H, W, 3) RGB."""


def is_address(text: object) -> bool:
    """Whether a source is the address of a live stream, such as ``rtsp://camera/stream``."""
    return isinstance(text, str) and text.lower().startswith(_ADDRESSES)


class Latest(Generic[Item]):
    """Iterates over what a generator yields, newest first: what the consumer is too slow for is dropped.

    A thread runs the generator, and keeps one item. An error of the generator is raised at the consumer, after the
    last item.

    Args:
        items: the generator; it is closed in the thread.
    """

    def __init__(self, items: Generator[Item, None, None]) -> None:
        self.dropped = 0
        """The number of items that were dropped so far."""
        self._items = items
        self._changed = Condition()
        self._waiting: list[Item] = []
        self._error: Exception | None = None
        self._ended = self._closed = False
        self._thread = Thread(target=self._read, daemon=True)

    def __iter__(self) -> Iterator[Item]:
        self._thread.start()
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._waiting or self._ended)
                    if not self._waiting:
                        break
                    item = self._waiting.pop()
                yield item
            if self._error is not None:
                raise self._error
        finally:
            self.close()

    def close(self) -> None:
        """Stop reading."""
        self._closed = True
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def _read(self) -> None:
        try:
            for item in self._items:
                if self._closed:
                    break
                with self._changed:
                    self.dropped += len(self._waiting)
                    self._waiting = [item]
                    self._changed.notify()
            self._items.close()
        except Exception as error:  # whatever it is, the consumer gets it
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()


def arrivals(source: int | str) -> Generator[Arrival, None, None]:
    """Read frames from a camera or a stream as they arrive, until it or the caller stops.

    Args:
        source: the camera's index, or the stream's address.

    Raises:
        DataError: the source cannot be opened.
    """
    capture = cv2.VideoCapture(source)
    try:
        if not capture.isOpened():
            name = f"camera {source}" if isinstance(source, int) else source
            raise DataError("cannot be opened", name, "Connect it, and close other programs that use it")
        begin, position = time.monotonic(), 0
        while True:
            there, picture = capture.read()
            if not there:
                return
            frame = np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
            yield position, time.monotonic() - begin, frame
            position += 1
    finally:
        capture.release()
