"""Jobs that carry out the runs of a grid, in parallel on this machine or on a cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from davsn.core.errors import ConfigError
from davsn.experiment.experiment import Experiment, dump
from davsn.experiment.resuming import alone
from davsn.sweeps.grid import Cell
from davsn.training.folder import RunFolder

POLL = 0.5
"""Seconds between two checks of the progress of the cells."""
_AGAIN = 100
"""How often a cluster queues a job again that its time limit has stopped, if the job can resume."""
DAY = 24 * 60
"""Minutes that a job may take if nobody says otherwise."""


def carry_out(cell: Cell, settings: Mapping[str, Any], threads: int | None = None) -> int:
    """Train a cell and score its checkpoints in a process of its own; return the exit code.

    If another process still trains in the folder, for example after a sweep was killed, wait for it first.

    Args:
        cell: the cell to run.
        settings: the experiment as plain data.
        threads: CPU threads; None leaves the choice to PyTorch.
    """
    environment = dict(os.environ)
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    with alone(cell.folder, wait=-1):
        pass
    program = [sys.executable, "-m", "davsn.sweeps.cell", str(cell.folder), *cell.metrics]
    with RunFolder(cell.folder).output.open("ab") as output:
        running = subprocess.Popen(program, env=environment, stdin=subprocess.PIPE, stdout=output, stderr=output)
        _RUNNING.add(running)
        running.communicate(json.dumps(settings).encode())
        _RUNNING.discard(running)
    return running.returncode


_RUNNING: set[subprocess.Popen[bytes]] = set()
"""Processes that this process started, and that end with it."""


class Job(Protocol):
    """A running or queued cell, on this machine or on a cluster."""

    def done(self) -> bool:
        """Whether it has ended, with or without an error."""

    def result(self) -> int:
        """Return its exit code, or raise the error that stopped it."""


class Executor(Protocol):
    """Executor of cells: threads that start processes on this machine, or submitit."""

    def submit(self, function: Callable[..., int], /, *args: Any, **kwargs: Any) -> Job:
        """Start, or queue, a call."""


def cluster(folder: Path, kind: str, options: Mapping[str, Any]) -> Executor:
    """Make an executor that submits jobs through submitit.

    Args:
        folder: the folder for its scripts and logs.
        kind: 'slurm', or 'local' to try it with processes on this machine.
        options: options of submitit, such as timeout_min and slurm_partition. Jobs have a day if there is no
            timeout_min; submitit alone would give them five minutes.

    Raises:
        ConfigError: submitit is not installed, there is no such cluster, or submitit does not know an option.
    """
    try:
        import submitit
    except ImportError:
        raise ConfigError("--submit", ["needs submitit, which is not installed: pip install 'davsn[slurm]'"]) from None
    try:
        executor: Any = submitit.AutoExecutor(folder, cluster=kind, slurm_max_num_timeout=_AGAIN)
        executor.update_parameters(**{"timeout_min": DAY, **options})
    except (RuntimeError, NameError, TypeError, ValueError, AssertionError) as error:
        raise ConfigError("--submit", [f"{kind}: {error}"]) from None
    return executor  # type: ignore[no-any-return]


def run_all(
    wanted: Mapping[Cell, Experiment],
    executor: Executor,
    threads: int | None,
    progress: Callable[[int, str], object],
) -> dict[Cell, str]:
    """Run cells, and wait until all have ended.

    Args:
        wanted: the cells to run, and their experiments.
        executor: runs the cells.
        threads: CPU threads of each cell.
        progress: called with the number of steps done in all cells, and a line about the running cells.

    Returns:
        the problem of each cell that failed.
    """
    jobs: dict[Cell, Job] = {}
    problems: dict[Cell, str] = {}
    while True:
        over = [cell for cell, job in jobs.items() if job.done()]
        problems.update((cell, problem) for cell in over if (problem := _problem(cell, jobs[cell])))
        open_ = {cell.folder for cell in wanted if cell not in over and cell not in problems}
        broken = {cell.folder for cell in problems}
        for cell in wanted:
            if cell.after in broken and cell not in problems:
                problems[cell] = f"not run, because the run that it starts from failed: {cell.after}"
            elif cell not in jobs and cell not in problems and cell.after not in open_:
                jobs[cell] = executor.submit(carry_out, cell, dump(wanted[cell]), threads)
        steps = {cell: _steps(cell) for cell in wanted}
        under_way = [cell.folder.name for cell in wanted if cell not in over and steps[cell]]
        progress(sum(steps.values()), f"{len(over)} of {len(wanted)} runs done  {' '.join(under_way[:2])}".rstrip())
        if len(over) + sum(cell not in jobs for cell in problems) == len(wanted):
            return problems
        time.sleep(POLL)


class Processes:
    """Runs a number of cells at the same time on this machine. When it ends, also by SIGTERM, it stops their processes.

    The processes get a SIGTERM, so that they save their state.
    """

    def __init__(self, number: int) -> None:
        self._threads = ThreadPoolExecutor(number)

    def __enter__(self) -> ThreadPoolExecutor:
        self._before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        return self._threads

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)
        self._threads.shutdown(wait=False, cancel_futures=True)
        for running in list(_RUNNING):
            running.send_signal(signal.SIGTERM)
        self._threads.shutdown()


def _steps(cell: Cell) -> int:
    """Count the steps that a cell has logged; its log has one line for each step."""
    log = RunFolder(cell.folder).log
    if not log.is_file():
        return 0
    with log.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _problem(cell: Cell, job: Job) -> str:
    """Describe what stopped a cell; empty if nothing did."""
    try:
        code = job.result()
    except Exception as error:  # a cluster can stop a job in any way
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    if code == 0:
        return ""
    output = RunFolder(cell.folder).output
    lines = output.read_text(encoding="utf-8", errors="replace").strip().splitlines() if output.is_file() else []
    return f"ended with code {code}: {lines[-1] if lines else 'no output'} (full output in {output})"
