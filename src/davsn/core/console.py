"""Printing of messages and of progress with the time left; made for terminals, log files and notebooks."""

import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

console = Console(highlight=False)
_TITLE = 28  # the most characters of a task's name; count, time left and bar then leave some for the note
_COUNT = 32  # characters that count and time left take
_BAR = 10
_WIDE = 60
_silent = ContextVar("silent", default=False)
_shown: ContextVar[Progress | None] = ContextVar("shown", default=None)
"""The bars on the terminal; a task inside another one adds a bar."""


@contextmanager
def silent(wished: bool = True) -> Iterator[None]:
    """Print nothing inside the block, neither progress nor messages nor tables.

    Args:
        wished: False changes nothing.
    """
    before, quiet = _silent.set(_silent.get() or wished), console.quiet
    console.quiet = quiet or wished
    try:
        yield
    finally:
        _silent.reset(before)
        console.quiet = quiet


def say(text: str, style: str | None = None, whole: bool = False) -> None:
    """Print a text: brackets in it are no markup. A terminal gets lines of its width, broken between words alone.

    Args:
        text: the text.
        style: a style of rich, such as a colour.
        whole: break no line, such as a command that is to be copied.
    """
    if not _silent.get():
        shown = text if whole or not console.is_terminal else wrapped(text, console.width)
        console.print(shown, style=style, markup=False, soft_wrap=True)


def wrapped(text: str, width: int) -> str:
    """Break the lines of a text between words, and indent what follows. A long word, such as a path, stays whole."""
    return "\n".join(
        line
        for whole in text.split("\n")
        for line in textwrap.wrap(
            whole,
            width,
            subsequent_indent=" " * (len(whole) - len(whole.lstrip()) + 2),
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
            drop_whitespace=True,
        )
        or [""]
    )


class Report(Protocol):
    """A function that a long task calls to report its progress."""

    def __call__(self, done: int, note: str = "") -> None:
        """Report the amount of work that is done, with an optional note."""


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say what is done while nothing moves, such as reading a data set.

    A terminal shows the text until the block ends; any other output gets it as a line.
    """
    if _silent.get():
        yield
    elif console.is_terminal:
        with console.status(Text(what)):
            yield
    else:
        say(what)
        yield


@contextmanager
def if_interrupted(left: Callable[[], str]) -> Iterator[None]:
    """Say what is left, and which command resumes, if Ctrl-C stops the block.

    Args:
        left: makes the sentence; it is called only then.
    """
    try:
        yield
    except KeyboardInterrupt:
        say(left())
        raise


@contextmanager
def progress(what: str, total: int | None, start: int = 0, before: str = "") -> Iterator[Report]:
    """Show the progress of a task: its count and the time left first, then the note, cut to the terminal's width.

    A terminal shows a bar; any other output gets a line at most every ten seconds.

    Args:
        what: the task, in a word or two.
        total: the amount of work at the end; None if it is unknown.
        start: the amount that was done before, such as by a run that was interrupted.
        before: the note until the first report: what is done while nothing moves.
    """
    if _silent.get():
        yield lambda done, note="": None
        return
    if not console.is_terminal:
        yield _lines(what, total, start, before)
        return
    outer = _shown.get()
    if outer is not None:
        yield _bar(outer, what, total, start, before)
        return
    note_column = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False), MofNCompleteColumn()]
    columns.append(TimeRemainingColumn())
    columns += [TextColumn("left"), *[BarColumn(_BAR)] * (console.width >= _WIDE)]
    columns.append(TextColumn("{task.fields[note]}", markup=False, table_column=note_column))
    with Progress(*columns, console=console, expand=True) as bars:
        reset = _shown.set(bars)
        try:
            yield _bar(bars, what, total, start, before)
        finally:
            _shown.reset(reset)


def _bar(bars: Progress, what: str, total: int | None, start: int, before: str) -> Report:
    title = _short(what, min(_TITLE, max(console.width - _COUNT, 8)))
    task = bars.add_task(title, total=total, completed=start, note=before)
    return lambda done, note="": bars.update(task, completed=done, note=note)


def _lines(what: str, total: int | None, start: int, before: str) -> Report:
    begun = last = time.monotonic()

    def show(done: int, left: str, note: str) -> None:
        line = f"{_short(what, _TITLE)} {done}{f'/{total}' if total else ''}{left}  {note}".rstrip()
        print(_short(line, console.width), flush=True, file=sys.stdout)

    def report(done: int, note: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < 10 and done != total:
            return
        last = now
        left = f", {(now - begun) / max(done - start, 1) * (total - done):.0f} s left" if total else ""
        show(done, left, note)

    if before:
        show(start, "", before)
    return report


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
