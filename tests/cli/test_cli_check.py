"""What ``davsn check`` prints, on a terminal and elsewhere."""

import io
import re

import pytest
from rich.console import Console

from davsn.cli import check as command
from davsn.doctor.data import Finding

LONG = "/a/disk/with/a/very/long/name/" + "below/" * 20 + "000001.png"
FOUND = [
    Finding("", "the tensors of a step take 2 MB", "", "note", "memory"),
    Finding("the data set", "2 of 8 frames have no neighbour", "Set missing: repeat", "warning", "target"),
    *(
        Finding(f"{LONG}{i}", "is a truncated picture (image [1])", "Copy it again", "fatal", "source")
        for i in range(3)
    ),
    Finding("", "file does not fit:\n  missing: a\n  unexpected: b", "Give other weights", "fatal", "network"),
]


@pytest.fixture(name="shown")
def _shown(monkeypatch):
    def shown(found, terminal, width=100):
        out = io.StringIO()
        told = Console(file=out, force_terminal=terminal, width=width, color_system=None, highlight=False)
        monkeypatch.setattr(command, "console", told)
        monkeypatch.setattr("davsn.core.console.console", told)
        command.show(found)
        return out.getvalue()

    return shown


def test_lines_are_whole_and_the_worst_come_first(shown):
    first, second, third, fourth, last = shown(FOUND, terminal=False).splitlines()
    text = "is a truncated picture (image [1]) (and 2 more like this). Copy it again"
    assert first == f"fatal    source  {LONG}0: {text}"
    assert second == "fatal    network  file does not fit:   missing: a   unexpected: b. Give other weights"
    assert third == "warning  target  the data set: 2 of 8 frames have no neighbour. Set missing: repeat"
    assert fourth == "note     memory  the tensors of a step take 2 MB"
    assert last == "4 of 5 would stop training."


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_table_cuts_nothing_short(shown, width):
    lines = shown(FOUND, terminal=True, width=width).splitlines()
    assert all(len(line) <= width for line in lines)
    assert re.split(r"\s{2,}", lines[0].strip()) == ["part", "found", "remedy"]
    found = lines[0].index("found")
    remedy = lines[0].index("remedy")
    column = "".join(line[found:remedy].rstrip() for line in lines)
    assert f"{LONG}0" in column
    assert "…" not in "".join(lines)
    assert lines[-1] == "4 of 5 would stop training."


@pytest.mark.parametrize("terminal", [True, False])
def test_no_problem(shown, terminal):
    assert shown([], terminal).splitlines()[-1] == "No problem found."
    told = shown(FOUND[:1], terminal)
    assert "the tensors of a step take 2 MB" in told
    assert told.splitlines()[-1] == "No problem found."


@pytest.mark.usefixtures("unrehearsed")
def test_many_findings_of_a_kind_are_a_line(davsn, world, tmp_path):
    assert davsn(tmp_path, "streets", "game", "size=[64,32]", "clips=1", "length=40")[0] == 0
    for path in (tmp_path / "game" / "frames").rglob("*.png"):
        path.write_bytes(path.read_bytes()[:200])
    code, out, _ = davsn(world, "check", "tiny.yaml", f"source.root={tmp_path / 'game'}", "--all", "-o", "new")
    assert code == 2
    (line,) = (line for line in out.splitlines() if line.startswith("fatal"))
    assert "000000.png: is a truncated or damaged image" in line
    assert line.endswith("(and 39 more like this). Copy or render the file again")


@pytest.mark.usefixtures("unrehearsed")
def test_where_it_would_run(davsn, world, tmp_path):
    code, out, _ = davsn(world, "check", "tiny.yaml", "-o", tmp_path / "there")
    assert code == 0
    assert f"note     disk  {tmp_path / 'there'}: checkpoints take " in out
    assert out.splitlines()[0].startswith("reading source ")
