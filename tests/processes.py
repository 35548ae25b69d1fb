"""Processes of their own, forked from a server that has imported PyTorch and davsn once, which takes ten seconds."""

import os
import socket
import subprocess
import sys
import time
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import torch

from davsn.cli import main
from davsn.sweeps import cell, jobs

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["davsn.api.training", "davsn.api.adapting", "timm", "torch._dynamo"])


class Ended(NamedTuple):
    """How a process ended: its exit code, negative for a signal, and what it printed."""

    code: int
    printed: str


class _Forked:
    """A running process. Only the imports are shared: it has its own memory, signals and exit code."""

    def __init__(self, place, call, *arguments):
        self._printed = Path(place) / f".printed-{time.monotonic_ns()}"
        self._printed.touch()
        self._process = CONTEXT.Process(target=_run, args=(str(place), str(self._printed), call, *arguments))
        self._process.start()

    def poll(self):
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def lines(self):
        """The number of lines that it has printed."""
        return self._printed.read_text().count("\n")

    def send_signal(self, number):
        """Send a signal to the process."""
        os.kill(self._process.pid, number)

    def finish(self, within=600):
        """Wait for the end; returns the exit code and what was printed."""
        self._process.join(within)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f"still running after {within} s: {self._printed.read_text()}")
        printed = self._printed.read_text()
        self._printed.unlink()
        return Ended(self._process.exitcode, printed)


class Command(_Forked):
    """A running ``davsn`` command; a sweep there forks its cells too.

    Args:
        place: the working directory.
        arguments: what follows ``davsn``.
        environment: environment variables that are changed.
    """

    def __init__(self, place, *arguments, environment=None):
        super().__init__(place, _command, [*map(str, arguments)], environment or {})


class Script(_Forked):
    """A running script, as ``python -c`` runs it.

    Args:
        place: the working directory.
        code: the text of the script.
        arguments: what it finds in ``sys.argv[1:]``.
        environment: environment variables that are changed.
    """

    def __init__(self, place, code, *arguments, **environment):
        super().__init__(place, _script, code, [*map(str, arguments)], environment)


class _Cell:
    """What a sweep uses of ``subprocess.Popen``, for a cell that is forked instead of started afresh."""

    def __init__(self, program, env, stdin, stdout, stderr):
        assert program[:3] == [sys.executable, "-m", "davsn.sweeps.cell"]
        assert (stdin, stderr) == (subprocess.PIPE, stdout)
        receiver, self._sender = CONTEXT.Pipe(duplex=False)
        call = (str(Path.cwd()), stdout.name, _cell, program[3:], dict(env), receiver)
        self._process = CONTEXT.Process(target=_run, args=call)
        self._process.start()

    @property
    def returncode(self):
        return self._process.exitcode

    def communicate(self, settings):
        self._sender.send_bytes(settings)
        self._process.join()

    def send_signal(self, number):
        os.kill(self._process.pid, number)


CELLS = SimpleNamespace(Popen=_Cell, PIPE=subprocess.PIPE)
"""Stands for the module ``subprocess`` in ``davsn.sweeps.jobs``."""


def together(place, number, *commands):
    """Commands, one after another, in processes that share the work of each as torchrun starts them.

    Returns:
        for each command: the exit code of every process, and what all printed.
    """
    processes = [Several(place, commands, environment) for environment in launch_environments(number)]
    for process in processes:
        process.finish()
    place, found = Path(place), []
    for index in range(len(commands)):
        codes, printed = (sorted(place.glob(f".{kind}-{index}-*")) for kind in ("code", "printed"))
        found.append(Ended([int(file.read_text()) for file in codes], "".join(file.read_text() for file in printed)))
        for file in (*codes, *printed):
            file.unlink()
    return found


class Several(_Forked):
    """A running process that does several commands and leaves the exit code and the output of each in files."""

    def __init__(self, place, commands, environment):
        given = [[str(argument) for argument in arguments] for arguments in commands]
        super().__init__(place, _commands, given, environment)


def launch_environments(number):
    """The environment variables that a launcher sets for each of its processes on this machine."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])  # nobody listens there
    shared = {"WORLD_SIZE": str(number), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [{"RANK": str(rank), "LOCAL_RANK": str(rank), **shared} for rank in range(number)]


def _run(place, printed, call, *arguments):
    """What every forked process does: it prints to a file, and calls."""
    os.chdir(place)
    _print_to(printed)
    torch.set_num_threads(1)  # several run at a time
    sys.exit(call(*arguments))


def _print_to(path):
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)


def _commands(commands, environment):
    os.environ.update(environment)
    for index, arguments in enumerate(commands):
        _print_to(f".printed-{index}-{environment['RANK']}")
        Path(f".code-{index}-{environment['RANK']}").write_text(str(main(arguments)))


def _command(arguments, environment):
    os.environ.update(environment)
    jobs.subprocess = CELLS
    return main(arguments)


def _cell(arguments, environment, settings):
    os.environ.update(environment)
    sys.argv[1:] = arguments
    sys.stdin = StringIO(settings.recv_bytes().decode())
    return cell.main()


def _script(code, arguments, environment):
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    exec(code, {"__name__": "__main__"})
