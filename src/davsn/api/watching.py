"""``davsn.watch``: follows a run in the terminal."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from rich.live import Live
from rich.text import Text

from davsn.core.console import console
from davsn.core.errors import ConfigError
from davsn.report.terminal import screen
from davsn.scoring.scores import percent
from davsn.training.folder import RunFolder

POLL = 1.0
"""Least seconds between two looks at the run."""


def watch(run: Path | str, once: bool = False) -> None:
    """Show how far a run is, its losses as curves, and its last scores, until it is finished.

    The time left comes from the steps that were done while this function watched.

    Args:
        run: a run folder. The run may be in another process or on another machine that shares the folder.
        once: show it once, and return.

    Raises:
        ConfigError: the folder holds no run.
    """
    folder = RunFolder(Path(run))
    if not folder.settings.is_file():
        raise ConfigError("RUN", [f"{run} holds no run (settings.yaml is missing)"])
    frames = _screens(folder)
    if once or not console.is_terminal:
        console.print(Text(next(frames)[0]))
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            begun = time.monotonic()
            text, finished = next(frames)
            live.update(Text(text), refresh=True)
            if finished:
                return
            time.sleep(max(POLL, 10 * (time.monotonic() - begun)))  # the log of a long run takes time to read


def _screens(folder: RunFolder) -> Iterator[tuple[str, bool]]:
    """What there is to see now, again and again, and whether the run is finished."""
    settings = yaml.safe_load(folder.settings.read_text(encoding="utf-8"))
    steps, begun, at_first = int(settings["training"]["steps"]), time.monotonic(), None
    while True:
        log = list(_lines(folder.log))
        done = int(log[-1]["step"]) + 1 if log else 0
        at_first = done if at_first is None else at_first
        pace = (time.monotonic() - begun) / (done - at_first) if done > at_first else None
        left = None if pace is None else pace * (steps - done)
        width = shutil.get_terminal_size().columns
        yield screen(folder.path.name, steps, log, left, dict(_scores(folder)), width), done >= steps


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a log that may be written just now."""
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else ():
        try:
            yield json.loads(line)
        except ValueError:  # the last line is not whole yet
            return


def _scores(folder: RunFolder) -> Iterator[tuple[str, str]]:
    """The scores of the last checkpoint that was scored, for each validation set."""
    if folder.snapshots.is_file():
        for name, held in json.loads(folder.snapshots.read_text(encoding="utf-8"))["sets"].items():
            if entries := held["checkpoints"].values():
                last = max(entries, key=lambda entry: int(entry["step"]))
                yield name, f"mIoU {percent(last['scores']['miou'])} at step {last['step']}"
