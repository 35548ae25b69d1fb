"""``davsn list methods``: facts that are read off the methods themselves."""

import json
import re
from pathlib import Path

import pytest

from davsn.core.plugins import available
from davsn.learning.method import Method


@pytest.fixture(name="blocks")
def _blocks(davsn, tmp_path, monkeypatch):
    """What is printed of each method, by its name."""
    from davsn.cli import console

    monkeypatch.setattr(console.console, "_width", 260)
    code, out, _ = davsn(tmp_path, "list", "methods")
    assert code == 0
    found, name = {}, ""
    for line in out.splitlines()[1:]:
        name = line.split()[0] if not line.startswith(" ") else name
        found[name] = found.get(name, "") + "\n" + line
    return found


def test_every_method_has_its_paper_year_use_and_settings(blocks):
    methods = available(Method)
    assert blocks.keys() == methods.keys()
    for name, method in methods.items():
        assert method.when, name
        text = " ".join(blocks[name].split())
        assert method.paper.split(",")[0] in text, name
        assert all(setting in text for setting in method.Config.model_fields), name


def test_the_cost_of_a_step_is_what_was_measured(blocks):
    record = Path(__file__).parents[2] / "benchmarks" / "results" / "method_cost.json"
    rows = json.loads(record.read_text(encoding="utf-8"))["rows"]
    measured = {row["method"].partition(",")[0] for row in rows}
    assert "source_only" in measured
    assert measured <= blocks.keys()  # a new method is one file, and may be measured later
    for row in rows:
        name, _, variant = row["method"].partition(", ")
        assert f"{row['of_source_only']:.1f} × {variant or 'as it stands'}" in blocks[name], row
    assert "1.0 × as it stands" in blocks["source_only"]


def test_a_method_that_was_not_measured_has_a_dash(davsn, tmp_path, monkeypatch):
    from davsn.cli import console
    from davsn.cli import list as listing

    monkeypatch.setattr(console.console, "_width", 260)
    (tmp_path / "none.json").write_text("{}")
    monkeypatch.setattr(listing, "_COSTS", str(tmp_path / "none.json"))
    code, out, _ = davsn(tmp_path, "list", "methods")
    assert code == 0
    assert len(re.findall("–", out)) >= len(available(Method))
    assert "as it stands" not in out


def test_what_each_needs(blocks):
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
        for text in wanted:
            assert text in blocks[name], (name, text)
    assert "discriminator" not in blocks["tps"]
    assert "source 0" not in blocks["batch_norm"]
    assert "single frames" not in blocks["cmom"]
