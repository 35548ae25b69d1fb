"""Progress: count and time left first, within the terminal's width; what does not fit is cut from the note."""

import io
import re

import pytest
from rich.console import Console

from davsn.core import console as module

LONG = "  ".join(f"term_{number} {number / 7:.3f}" for number in range(20))


@pytest.fixture(name="terminal")
def _terminal(monkeypatch, request):
    terminal = Console(file=io.StringIO(), width=request.param, force_terminal=True, highlight=False)
    monkeypatch.setattr(module, "console", terminal)
    return terminal


@pytest.mark.parametrize("terminal", [40, 80, 200], indirect=True)
def test_a_terminal_shows_count_and_time_left_in_one_line(terminal):
    with module.progress("training a_run_with_a_very_long_name_of_its_own"[: terminal.width // 2], 40_000) as report:
        report(39_999, LONG)
    last = [line for line in _plain(terminal.file.getvalue()).splitlines() if "39999" in line][-1]
    assert len(last) <= terminal.width
    assert "39999/40000" in last
    assert " left" in last
    assert last.index("left") < (last.index("term_0") if "term_0" in last else terminal.width)
    assert ("term_0 0.000" in last) is (terminal.width >= 80)


@pytest.mark.parametrize("terminal", [80], indirect=True)
def test_a_terminal_says_what_is_done_before_the_first_step(terminal):
    with module.doing("Reading the data sets"):
        pass
    with module.progress("training", 3, before="loading [the] first frames"):
        pass
    shown = _plain(terminal.file.getvalue())
    assert "Reading the data sets" in shown
    assert "loading [the] first frames" in shown


@pytest.mark.parametrize("width", [40, 80])
def test_other_output_gets_lines_of_that_width(capsys, monkeypatch, width):
    monkeypatch.setattr(module, "console", Console(width=width, force_terminal=False))
    with module.progress("training tiny", 2, before="loading the first frames") as report:
        report(1, LONG)  # at most a line every ten seconds
        report(2, LONG)
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("training tiny 0/2  loading the first fr")
    assert last.startswith("training tiny 2/2, 0 s left  term_0")
    assert len(last) == width
    assert len(first) <= width


def test_silence_is_silent(capsys):
    with module.silent(), module.doing("reading"), module.progress("training", 2, before="loading") as report:
        report(2, "note")
    assert capsys.readouterr().out == ""


def _plain(text):
    """The text without the codes that move a terminal's cursor."""
    return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", text).replace("\r", "\n")


def test_lines_break_between_words_at_the_width_and_paths_stay_whole():
    path = "/a/long/path/" + "x" * 60
    text = f"  target.root  'drvie.mp4' does not exist. Did you mean 'drive.mp4'? See {path} for it\nSecond"
    lines = module.wrapped(text, 40).splitlines()
    assert max(len(line) for line in lines if path not in line) <= 40
    assert " ".join(line.strip() for line in lines) == " ".join(text.split("\n")).strip()
    assert lines[1].startswith("    ")
    assert lines[-1] == "Second"


@pytest.mark.parametrize("terminal", [60], indirect=True)
def test_a_terminal_gets_messages_of_its_width_and_commands_whole(terminal):
    text = "davsn predict runs/adapt " + "very " * 20
    module.say(text)
    module.say(text, whole=True)
    *lines, command = terminal.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert command == text.rstrip() or command == text
