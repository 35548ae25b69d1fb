"""Printing of messages and of progress with the time left; made for terminals, log files and notebooks."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

console = Console(highlight=False)
_silent = ContextVar("silent", default=False)
_shown: ContextVar[Progress | None] = ContextVar("shown", default=None)
"""The bars on the terminal; a task inside another one adds a bar."""


@contextmanager
def silent(wished: bool = True) -> Iterator[None]:
    """Print nothing inside the block, neither progress nor messages.

    Args:
        wished: False changes nothing.
    """
    before = _silent.set(_silent.get() or wished)
    try:
        yield
    finally:
        _silent.reset(before)


def say(text: str, style: str | None = None) -> None:
    """Print a text unchanged: brackets in it are no markup, and long lines, such as paths, are not broken."""
    if not _silent.get():
        console.print(text, style=style, markup=False, soft_wrap=True)


class Report(Protocol):
    """A function that a long task calls to report its progress."""

    def __call__(self, done: int, note: str = "") -> None:
        """Report the amount of work that is done, with an optional note."""


@contextmanager
def progress(what: str, total: int | None, start: int = 0) -> Iterator[Report]:
    """Show the progress of a task and the time left.

    A terminal shows a bar; any other output gets a line at most every ten seconds.

    Args:
        what: the task, in a word or two.
        total: the amount of work at the end; None if it is unknown.
        start: the amount that was done before, such as by a run that was interrupted.
    """
    if _silent.get():
        yield lambda done, note="": None
        return
    if not console.is_terminal:
        yield _lines(what, total, start)
        return
    outer = _shown.get()
    if outer is not None:
        yield _bar(outer, what, total, start)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}")) as bars:
        before = _shown.set(bars)
        try:
            yield _bar(bars, what, total, start)
        finally:
            _shown.reset(before)


def _bar(bars: Progress, what: str, total: int | None, start: int) -> Report:
    task = bars.add_task(what, total=total, completed=start, note="")
    return lambda done, note="": bars.update(task, completed=done, note=note)


def _lines(what: str, total: int | None, start: int) -> Report:
    begun = last = time.monotonic()

    def report(done: int, note: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < 10 and done != total:
            return
        last = now
        left = f", {(now - begun) / max(done - start, 1) * (total - done):.0f} s left" if total else ""
        print(f"{what} {done}{f'/{total}' if total else ''}{left}  {note}".rstrip(), flush=True, file=sys.stdout)

    return report
