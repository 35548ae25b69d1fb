"""Runs a program in several processes on this machine, with PyTorch's own launcher."""

import logging
import os
import signal
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from davsn.core.errors import ElsewhereError, RankError
from davsn.core.launched import changed_environment

TOLD, ENDED, STOPPED = 2, 3, 130
"""Exit codes of a process: an error was printed, here or elsewhere; another process was killed; a signal stopped it."""
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
"""The signals that PyTorch's launcher handles."""
_SAVING = 600
"""Seconds that processes get to finish their step and save after a signal, before the launcher kills them. PyTorch
before 2.9 gives them 30."""


def launch(program: Sequence[str], number: int, logs: Path) -> None:
    """Run a program in several processes, and wait for all.

    If one process ends with an error, the others are stopped. Ctrl-C and SIGTERM are passed on to all.

    Args:
        program: the program and its arguments; it ends with the codes of this module.
        number: the number of processes.
        logs: a folder for the launcher's files.

    Raises:
        ElsewhereError: a process failed, and has printed why.
        RankError: a process was killed.
        KeyboardInterrupt: a signal stopped the processes.
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=number,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(str(logs)),
    )
    try:
        with _launcher_set_up(number):
            elastic_launch(config, program[0])(*program[1:])
    except SignalException:
        raise KeyboardInterrupt from None
    except ChildFailedError as error:
        raise _what_failed(error.failures, number) from None


@contextmanager
def _launcher_set_up(number: int) -> Iterator[None]:
    """Let the launcher log nothing, and each process use its share of the cores; restore signal handlers at the end."""
    names = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    handlers, disabled = {each: signal.getsignal(each) for each in names}, logging.root.manager.disable
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, _cores() // number)))
    logging.disable(logging.CRITICAL)
    try:
        with changed_environment(OMP_NUM_THREADS=threads, TORCH_ELASTIC_SHUTDOWN_TIMEOUT=str(_SAVING)):
            yield
    finally:
        logging.disable(disabled)
        for each, handler in handlers.items():
            signal.signal(each, handler)


def _cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _what_failed(failures: Mapping[int, ProcessFailure], number: int) -> BaseException:
    """The error that says what failed. The launcher has stopped the other processes, which count as failed too."""
    codes = {rank: failure.exitcode for rank, failure in failures.items()}
    if STOPPED in codes.values():
        return KeyboardInterrupt()
    if any(code > 0 and code != ENDED for code in codes.values()):
        return ElsewhereError("a process of this run failed; its message says why")
    killed = next(((rank, signal.Signals(-code).name) for rank, code in codes.items() if code < 0), None)
    which = "A process" if killed is None else f"Process {killed[0] + 1} of {number}"
    how = "has ended" if killed is None else f"was ended by {killed[1]}"
    return RankError(
        f"{which} {how}, perhaps because memory ran out. Run the same command again: it resumes from the newest "
        "checkpoint"
    )
