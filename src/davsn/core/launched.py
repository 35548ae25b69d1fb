"""What PyTorch's launcher tells a process: whether it is one of several, and which. It needs no PyTorch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def launched() -> bool:
    """Whether a launcher has started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "MASTER_ADDR" in os.environ


def first_launched() -> bool:
    """Whether this process is the first of those that a launcher has started, or the only one."""
    return not launched() or os.environ.get("RANK", "0") == "0"


def place() -> int:
    """The number of this process on its machine, from 0: the CUDA device that it takes."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def changed_environment(**values: str | None) -> Iterator[None]:
    """Set environment variables, also for processes that are started in the block; None removes one."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
