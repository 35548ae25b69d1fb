"""Commands in processes of their own, forked from a server that has imported PyTorch and davsn once."""

import os
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch

from davsn.cli import main

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["davsn.api.training", "davsn.api.adapting", "timm", "torch._dynamo"])


class Command:
    """A running ``davsn`` command. Only the imports are shared: it has its own memory, signals and exit code.

    Args:
        place: the working directory.
        arguments: what follows ``davsn``.
    """

    def __init__(self, place, *arguments):
        self._printed = Path(place) / f".printed-{time.monotonic_ns()}"
        self._process = CONTEXT.Process(target=_run, args=(str(place), [*map(str, arguments)], str(self._printed)))
        self._process.start()

    def poll(self):
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number):
        """Send a signal to the command."""
        os.kill(self._process.pid, number)

    def finish(self, within=240):
        """Wait for the end; returns the exit code and what was printed."""
        self._process.join(within)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f"still running after {within} s: {self._printed.read_text()}")
        printed = self._printed.read_text()
        self._printed.unlink()
        return Ended(self._process.exitcode, printed)


class Ended(NamedTuple):
    """How a command ended: its exit code, negative for a signal, and what it printed."""

    code: int
    printed: str


def _run(place, arguments, printed):
    """What the forked process does: it becomes the command."""
    os.chdir(place)
    file = os.open(printed, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    torch.set_num_threads(1)  # several run at a time
    sys.exit(main(arguments))
