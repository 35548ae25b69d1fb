"""Planning a grid of runs, and what its tables say."""

import math

import pytest
from rich.console import Console

from davsn import grid
from davsn.errors import ConfigError
from davsn.grid import Cell, Row, cells, spread, tables, values_of
from davsn.scores import Scores
from davsn.snapshots import Entry, SnapshotScores


def test_every_combination_is_a_run_and_those_of_one_seed_come_together(tmp_path):
    found = cells(tmp_path, "da_vsn", ["source_only", "da_vsn"], {"optimiser.learning_rate": [0.1, 0.2]}, range(2))
    assert [cell.seed for cell in found] == [0] * 4 + [1] * 4
    assert len({cell.folder for cell in found}) == 8
    assert [cell.row for cell in found[:2]] == [
        "source_only optimiser.learning_rate=0.1",
        "source_only optimiser.learning_rate=0.2",
    ]
    assert found[0].assignments[:2] == ("method=source_only", "optimiser.learning_rate=0.1")
    assert not any(text.startswith("method=") for text in found[2].assignments)  # keeps the recipe's settings
    assert found[-1].assignments[-1] == "seed=1"
    assert all(cell.folder.parent == tmp_path for cell in found)


def test_one_value_does_not_name_the_row(tmp_path):
    (cell,) = cells(tmp_path, "da_vsn", [], {"training.steps": [4], "training.keep": [2]}, [0])
    assert cell.row == "da_vsn"
    assert cell.assignments == ("training.steps=4", "training.keep=2", "seed=0")


def test_values():
    assert values_of(["a=1,2", "b.c=[1,2],null", "d=x"]) == {"a": [1, 2], "b.c": [[1, 2], None], "d": ["x"]}
    with pytest.raises(ConfigError) as error:
        values_of(["a", "=1", "b=", "c=["])
    assert len(error.value.mistakes) == 4


def test_spread():
    assert spread([1.0, 3.0]) == "2.00 ± 1.41"  # n - 1
    assert spread([2.0, None, math.nan]) == "2.00"
    assert spread([None]) == "–"


def scores(hits):
    return Scores(("road", "sky"), frozenset(), ((hits, 100 - hits), (0, 100)), 1, 1.0)


def test_tables(tmp_path):
    runs = {}
    for seed, last in enumerate((80, 60)):
        runs[seed] = SnapshotScores(tmp_path / f"{seed}.json", "city", {})
        runs[seed].add("a", Entry(1, scores(90)))
        runs[seed].add("b", Entry(2, scores(last)))
    console = Console(width=120)
    with console.capture() as captured:
        console.print(*tables("city", [Row("da_vsn", runs)]))
    text = captured.get()
    last = [(80 + 100 * 100 / 120) / 2, (60 + 100 * 100 / 140) / 2]
    assert f"{spread([round(value, 2) for value in last])}" in text
    assert "90.45 ± 0.00" in text  # the best: (90 + 100·100/110) / 2
    assert "70.00 ± 14.14" in text  # road
    assert "'best' was chosen on city itself, by its labels" in text


def test_a_problem_names_the_last_line_of_the_output(tmp_path):
    cell = Cell("x", 0, (), tmp_path)
    (tmp_path / grid.OUTPUT).write_text("one\ntwo\n")

    class Job:
        def result(self):
            return 2

    assert grid._problem(cell, Job()) == f"ended with code 2: two (all of it in {tmp_path / grid.OUTPUT})"
