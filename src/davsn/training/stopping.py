"""How a signal stops a run: after the current step, with everything saved."""

import signal
from collections.abc import Iterator
from types import FrameType
from typing import TypeVar

from davsn.core import ranks
from davsn.core.errors import WorkerError

Value = TypeVar("Value")

_PASSED_ON = getattr(signal, "SIGUSR2", signal.SIGTERM)  # Windows has no such signal
_STOPPING = {signal.SIGINT, signal.SIGTERM, _PASSED_ON}


class Stop:
    """Turns signals into a request to stop after the current step; the same signal again stops at once.

    The other signal does not, since a terminal's Ctrl-C reaches all processes of a sweep, which then end each other.
    Neither does the same signal if several ranks share the run: the launcher passes on what the ranks get themselves.

    The signals are SIGINT, SIGTERM, and SIGUSR2, which submitit lets SLURM send before a job must end. The last one
    belongs to whoever handled it before: when the block ends, and so everything is saved, it is passed on.
    """

    def __init__(self) -> None:
        self._signals: set[int] = set()

    @property
    def wished(self) -> bool:
        """Whether the run should stop."""
        return bool(self._signals)

    def __enter__(self) -> "Stop":
        self.before = {number: signal.signal(number, self._wish) for number in _STOPPING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if _PASSED_ON in self._signals and callable(self.before[_PASSED_ON]):
            signal.raise_signal(_PASSED_ON)

    def guard(self, loaded: Iterator[Value]) -> Value | None:
        """The next batches; None if the signal that asked us to stop has also ended the loader's workers.

        Raises:
            WorkerError: a loader's worker was killed.
        """
        try:
            return next(loaded)
        except WorkerError:
            if self.wished:
                return None
            raise

    def _wish(self, number: int, frame: FrameType | None) -> None:
        if number in self._signals and not ranks.several():
            raise KeyboardInterrupt
        self._signals.add(number)
