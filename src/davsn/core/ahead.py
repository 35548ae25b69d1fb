"""Stages that run beside one another: what an iterator yields next is made in a thread while its consumer works."""

from collections.abc import Generator, Iterable
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Generator[Item, None, None]:
    """Yield the same items in the same order, each made in a thread of its own while the consumer has the one before.

    At most two items exist that the consumer has not taken: one waits, and one is made. An error of the iterator is
    raised at the consumer, after the last item. If the consumer stops early, the thread ends after the item that it is
    making; closing the generator waits for that, and closes the iterator in the thread.

    Threads help where the work leaves Python's lock alone, as FFmpeg, OpenCV and PyTorch do.

    Args:
        items: the iterator; it is used in the thread alone. It sees the caller's context variables, such as
            :func:`davsn.core.console.silent`.
    """
    made: Queue[Item | _End] = Queue(1)
    left = Event()
    thread = Thread(target=copy_context().run, args=(_make, items, made, left), daemon=True)
    thread.start()
    try:
        while not isinstance(item := made.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        left.set()
        while thread.is_alive():
            with suppress(Empty):
                made.get_nowait()  # makes room for what the thread may be waiting to hand over
            thread.join(0.01)


class _End:
    """What comes after the last item: the error that ended the iterator, or None."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def _make(items: Iterable[Item], made: "Queue[Item | _End]", left: Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            made.put(item)
            if left.is_set():
                break
    except BaseException as raised:  # whatever it is, the consumer gets it
        error = raised
    finally:
        if isinstance(items, Generator):
            items.close()
        made.put(_End(error))
