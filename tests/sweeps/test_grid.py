"""Planning a grid of runs, and what its tables say."""

import math
from dataclasses import replace

import pytest
from rich.console import Console

from davsn.core.errors import ConfigError
from davsn.experiment.checkpoint_scores import CheckpointScores, Entry
from davsn.experiment.experiment import load
from davsn.scoring.measures import Measures, chosen_metrics
from davsn.scoring.metric_scores import MetricScores
from davsn.scoring.scores import Scores
from davsn.sweeps import jobs
from davsn.sweeps.grid import Cell, Row, cells, spread, tables, values_of

OWN = {"method": {"name": "da_vsn", "consistency_weight": 1}}


def test_every_combination_is_a_run_and_those_of_one_seed_come_together(tmp_path):
    found = cells(tmp_path, OWN, ["source_only", "da_vsn"], {"optimiser.learning_rate": [0.1, 0.2]}, 2)
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
    (cell,) = cells(tmp_path, OWN, [], {"training.steps": [4], "training.keep": [2]}, 1)
    assert cell.row == "da_vsn"
    assert cell.assignments == ("training.steps=4", "training.keep=2", "seed=0")


def test_what_needs_a_start_comes_after_source_only_of_its_seed_and_values(tmp_path):
    found = cells(tmp_path, OWN, ["batch_norm", "source_only"], {"training.steps": [4, 8]}, 2)
    assert [cell.row.split()[0] for cell in found] == ["source_only"] * 2 + ["batch_norm"] * 2 + (
        ["source_only"] * 2 + ["batch_norm"] * 2
    )
    for first, then in ((found[0], found[2]), (found[5], found[7])):
        assert then.after == first.folder
        assert then.assignments[-1] == f"start={first.folder}"
        assert first.after is None
    (alone,) = cells(tmp_path, {**OWN, "start": "there.pt"}, ["batch_norm"], {}, 1)
    assert alone.after is None
    composed = {"method": {"name": "masked", "over": {"name": "cmom"}}}
    assert [cell.after is None for cell in cells(tmp_path, composed, ["masked", "source_only"], {}, 1)] == [True, False]
    with pytest.raises(ConfigError, match="batch_norm starts from a trained network: add source_only"):
        cells(tmp_path, OWN, ["batch_norm"], {}, 1)
    with pytest.raises(ConfigError, match="Did you mean 'source_only'"):
        cells(tmp_path, OWN, ["source_onyl"], {}, 1)


class Here:
    """Does each job at once."""

    def __init__(self):
        self.order = []

    def submit(self, function, cell, settings, threads):
        self.order.append(cell.row)
        code = 0 if "source_only-1" not in cell.folder.name else 7

        class Job:
            def done(self):
                return True

            def result(self):
                return code

        return Job()


def test_what_it_starts_from_is_done_first_and_its_failure_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "POLL", 0)
    planned = cells(tmp_path, OWN, ["batch_norm", "source_only"], {}, 2)
    executor = Here()
    nothing = load({"source": "streets", "network": "light", "method": "source_only"})
    problems = jobs.run_all(dict.fromkeys(planned, nothing), executor, None, lambda done, note: None)
    assert executor.order == ["source_only", "source_only", "batch_norm"]
    assert [cell.folder.name for cell in problems] == ["source_only-1", "batch_norm-1"]
    assert "not run, because the run that it starts from failed" in problems[planned[3]]


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
        runs[seed] = CheckpointScores(tmp_path / f"{seed}.json", "city", {})
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
    assert "'best', which was chosen by the labels of city itself and is not a fair score" in " ".join(text.split())
    assert "below the best" in text


def test_a_problem_names_the_last_line_of_the_output(tmp_path):
    cell = Cell("x", 0, (), tmp_path)
    (tmp_path / "output.txt").write_text("one\ntwo\n")

    class Job:
        def result(self):
            return 2

    assert jobs._problem(cell, Job()) == f"ended with code 2: two (full output in {tmp_path / 'output.txt'})"


def test_tables_have_a_column_for_each_metric(tmp_path):
    runs = {}
    for seed, value in enumerate((2.0, 4.0)):
        flicker = MetricScores("flicker on static pixels", "lower", values={"flicker": value, "static pixels": 50.0})
        runs[seed] = CheckpointScores(tmp_path / f"{seed}.json", "city", {})
        runs[seed].add("a", Entry(1, replace(scores(90), metrics={"flicker": flicker})))
    console = Console(width=160)
    with console.capture() as captured:
        console.print(*tables("city", [Row("da_vsn", runs)]))
    assert "3.00 ± 1.41" in captured.get()


def test_a_checkpoint_without_a_wanted_metric_is_scored_again(tmp_path):
    scored = CheckpointScores(tmp_path / "snapshots.json", "city", {})
    flicker = MetricScores("flicker", "lower", {"tolerance": 3}, {"flicker": 1.0})
    always = {name: MetricScores(name, "higher") for name in ("miou", "consistency")}
    scored.add("old", Entry(1, scores(90)))
    scored.add("new", Entry(2, replace(scores(90), metrics={**always, "flicker": flicker})))
    for again in (scored, CheckpointScores(tmp_path / "snapshots.json", "city", {})):  # also as the file has it
        held = [
            [again.has(content, Measures(chosen_metrics(metrics))) for content in ("old", "new", "unknown")]
            for metrics in ([], ["flicker"], [{"name": "flicker", "tolerance": 5}], ["tc"])
        ]
        assert held == [[True, True, False], [False, True, False], [False] * 3, [False] * 3]
