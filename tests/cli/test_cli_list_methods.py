"""``davsn list methods``: facts that are read off the methods themselves."""

import json
import re
from pathlib import Path

import pytest

from davsn.api import listing
from davsn.core.console import console
from davsn.core.plugins import available
from davsn.learning.method import Method

METHODS = available(Method)


@pytest.fixture(scope="module", name="cards")
def _cards():
    return {name: listing.describe_method(name) for name in METHODS}


def test_the_list_has_a_few_lines_a_method_at_80_columns(davsn, tmp_path, monkeypatch):
    monkeypatch.setattr(console, "_width", 80)
    code, out, _ = davsn(tmp_path, "list", "methods")
    assert code == 0
    table, hint, after = out.partition("davsn list methods NAME")
    lines = table.splitlines()[1:]
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(METHODS)
    assert len(lines) <= 4 * len(METHODS)
    assert max(map(len, lines)) <= 80
    assert sum(len(line.split()) for line in lines) > 5 * len(lines)  # not a word a line
    assert hint
    assert "no auxiliary classifier, a method leaves out its losses" in after


@pytest.mark.parametrize("name", METHODS)
def test_one_method_is_shown_with_its_paper_needs_cost_and_settings(davsn, tmp_path, monkeypatch, name):
    monkeypatch.setattr(console, "_width", 80)
    code, out, _ = davsn(tmp_path, "list", "methods", name)
    assert code == 0
    text, method = " ".join(out.split()), METHODS[name]
    assert method.when
    assert method.when in text
    assert method.paper in text
    assert all(f"{setting} = " in text for setting in method.Config.model_fields)


def test_an_unknown_method_is_answered_with_the_nearest(davsn, tmp_path):
    code, _, err = davsn(tmp_path, "list", "methods", "tpss")
    assert code == 2
    assert "Did you mean 'tps'?" in err


def test_the_cost_of_a_step_is_what_was_measured(cards, davsn, tmp_path):
    record = Path(__file__).parents[2] / "benchmarks" / "results" / "method_cost.json"
    rows = json.loads(record.read_text(encoding="utf-8"))["rows"]
    measured = {row["method"].partition(",")[0] for row in rows}
    assert "source_only" in measured
    assert measured <= cards.keys()  # a new method is one file, and may be measured later
    for row in rows:
        name, _, variant = row["method"].partition(", ")
        assert round(cards[name].costs[variant or "as it stands"], 1) == round(row["of_source_only"], 1), row
    assert "1.0 × as it stands" in davsn(tmp_path, "list", "methods", "source_only").out


def test_a_method_that_was_not_measured_has_a_dash(davsn, tmp_path, monkeypatch):
    (tmp_path / "none.json").write_text("{}")
    monkeypatch.setattr(listing, "_COSTS", str(tmp_path / "none.json"))
    code, out, _ = davsn(tmp_path, "list", "methods")
    assert code == 0
    assert len(re.findall("–", out)) >= len(METHODS)
    assert "as it stands" not in out


def test_what_each_needs(cards):
    for name, wanted in {
        "source_only": ["source 0, -1 and flow"],
        "batch_norm": ["target 0", "2018", "start"],
        "advent": ["2 discriminators", "2019"],
        "da_vsn": ["4 discriminators", "target 0, -1 and flow", "2021"],
        "tps": ["target 0, -1, -2 and flow", "2022"],
        "mean_teacher": ["teacher", "or single frames"],
        "masked": ["teacher", "2023"],
        "cmom": ["labeller", "start", "2023"],
    }.items():
        text = "\n".join([*cards[name].needs, cards[name].year])
        for part in wanted:
            assert part in text, (name, part)
    assert not any("discriminator" in need for need in cards["tps"].needs)
    assert not any("source 0" in need for need in cards["batch_norm"].needs)
    assert "or single frames" not in cards["cmom"].needs
