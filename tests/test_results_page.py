"""docs/results.md and the README's table hold what the records say, and nothing typed by hand."""

import importlib
import re

import pytest

from davsn.components import available
from davsn.methods.base import Method


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("benchmarks.pages.__main__")


def record(**changes):
    rows = [
        {"method": method, "seed": seed, "miou": miou, "iou": {"road": miou / 100, "fence": None}, "seconds": 8.0}
        for method, mious in {"source only": (20.0, 24.0), "da_vsn": (30.0, 30.0)}.items()
        for seed, miou in enumerate(mious)
    ]
    about = {"command": "davsn demo", "commit": "abc", "date": "2026-11-22", "machine": "a laptop"}
    return {**about, "settings": {"steps": 200}, "rows": rows, **changes}


def test_the_page_is_what_the_records_say(script):
    again = "run: python -m benchmarks.pages"
    assert script.PAGE.read_text(encoding="utf-8") == script.page(script.load(script.RECORDS)), again
    readme = script.README.read_text(encoding="utf-8")
    assert readme == script.in_readme(readme, script.load(script.RECORDS)), again


def test_the_page_on_flow_has_the_tables_of_its_record(script):
    text = script.FLOW_PAGE.read_text(encoding="utf-8")
    assert text == script.in_flow_page(text, script.load(script.RECORDS)), "run: python -m benchmarks.pages"
    assert "Not recorded yet." in script.in_flow_page(text, {})


def test_the_page_on_methods_has_the_costs_of_every_method(script):
    text = script.METHODS_PAGE.read_text(encoding="utf-8")
    assert text == script.in_methods_page(text, script.load(script.RECORDS)), "run: python -m benchmarks.pages"
    assert "Not recorded yet." in script.in_methods_page(text, {})
    table = text.split(script.START)[1].split(script.END)[0]
    measured = set(re.findall(r"^\| (\w+) \|", table, re.MULTILINE))
    assert {"source_only", "da_vsn"} <= measured
    assert measured <= set(available("davsn.methods", Method))  # a new method is one file, and may be measured later
    rows = [{"method": name, "of_source_only": value} for name, value in [("a", 1.0), ("a, small views", 2.25)]]
    assert "| a | 1.0 | – | 2.2 |" in script.in_methods_page(text, {"method_cost": record(rows=rows)})


def test_the_costs_that_the_program_shows_are_those_of_the_record(script):
    found = script.COSTS.read_text(encoding="utf-8")
    assert found == script.of_methods(script.load(script.RECORDS)), "run: python -m benchmarks.pages"
    assert script.of_methods({}) == "{}\n"


def test_a_network_without_weights_is_timed_and_not_scored(script):
    error = {"end-point error": 1.234, "outliers": 5.67, "s0-10": 1.0, "s10-40": 2.0, "s40+": None, "near edges": 3.0}
    rows = [
        {"estimator": title, "scored": scored, "set": name, "ms": 12.0, "memory_mib": 34.0, **(error if scored else {})}
        for title, scored in (("dis medium", True), ("raft_small", False))
        for name in ("ProcCity", "Sintel", "streets, game", "streets, camera")
    ]
    text = script.page({"flow_quality": record(rows=rows)})
    assert "| dis medium | 1.23 · 5.7 | 1.23 · 5.7 | 1.23 · 5.7 | 1.23 · 5.7 | 12 | 12 | 34 |" in text
    assert "| raft_small, random weights | – | – | – | – | 12 | 12 | 34 |" in text
    assert "| dis medium | 1.00 | 2.00 | – | 3.00 |" in text


def of_methods(**changes):
    """A record of benchmarks/studies/methods.py: two seeds, and one run that counts for both budgets."""
    rows = [
        {
            "method": method,
            "seed": seed,
            "set": "unseen",
            "miou": miou + seed,
            "iou": {"road": 0.5},
            "temporal_consistency": 90.0,
            "budgets": budgets,
            "steps": steps,
            "chosen": {"last": miou + seed, "information": miou + seed - 1, "best": miou + seed + 0.5},
        }
        for method, miou, budgets, steps in (
            ("source_only", 20.0, ["steps"], 100),
            ("source_only", 21.0, ["time"], 250),
            ("tps", 30.0, ["steps", "time"], 100),
            ("tps: all accidents", 24.0, ["steps"], 100),
            ("tps, then batch_norm", 33.0, ["steps"], 100),
        )
        for seed in (1, 2)
    ]
    costs = {"tps": {"seconds": 0.4, "memory_mib": 999.6}}
    methods = dict.fromkeys(["source_only", "tps", "tps, then batch_norm", "tps: all accidents"], "{}")
    return record(rows=rows, costs=costs, settings={"methods": methods}, **changes)


def test_methods_are_compared_at_equal_steps_and_at_equal_time(script):
    text = script.page({"methods_streets": of_methods()})
    steps, rest = text.split("### Equal steps")[1].split("### Equal time")
    time = rest.split("###")[0]
    heads = "| method | steps | last | information | best on the test set | over source_only | then batch_norm |"
    assert heads in steps  # and none of rules that chose nothing
    assert "| source_only | 100 | 21.5 ± 0.7 | 20.5 ± 0.7 | 22.0 ± 0.7 | – | – | 90.0 ± 0.0 | – | – |" in steps
    after = "10.0 ± 0.0 | 34.5 ± 0.7 | 90.0 ± 0.0 | 0.40 | 1000 |"
    assert f"| tps | 100 | 31.5 ± 0.7 | 30.5 ± 0.7 | 32.0 ± 0.7 | {after}" in steps
    assert "| tps | 100 | 31.5 ± 0.7 | 30.5 ± 0.7 | 32.0 ± 0.7 | 9.0 ± 0.0 |" in time  # over longer training
    assert "then batch_norm" not in time  # of which there is none
    assert "all accidents" not in steps + time


def test_what_a_rule_loses_and_what_an_accident_costs(script):
    text = script.page({"methods_streets": of_methods()})
    assert "| last | 10 | 0.50 ± 0.00 | 0.50 | 0 |" in text
    assert "| information | 10 | 1.50 ± 0.00 | 1.50 | 0 |" in text
    worth = text.split("### What each correction of TPS is worth")[1]
    assert "| tps | 31.5 ± 0.7 | – | 90.0 ± 0.0 |" in worth
    assert "| tps: all accidents | 25.5 ± 0.7 | 6.00 ± 0.00 | 90.0 ± 0.0 |" in worth


def test_whose_statistics_is_compared_on_the_same_seeds(script):
    mious = {"": (30.0, 36.0), ", statistics of the target": (33.0, 40.0), ", then batch_norm": (35.0, 41.0)}
    rows = [
        {**of_methods()["rows"][0], "method": f"tps{behind}", "seed": seed, "miou": miou}
        for behind, values in mious.items()
        for seed, miou in enumerate(values)
    ]
    text = script.page({"methods_statistics_streets": record(rows=rows, costs={}, settings={"methods": {}})})
    assert "| mIoU on unseen | both | target | then batch_norm | target over both |" in text
    assert "| tps | 33.0 ± 4.2 | 36.5 ± 4.9 | 38.0 ± 4.2 | 3.5 ± 0.7 | 90.0 ± 0.0 | 90.0 ± 0.0 |" in text


def test_runs_that_two_records_share_gave_the_same_numbers(script):
    records = script.load(script.RECORDS)
    for world in ("streets", "procity_camvid"):
        both = [records[f"methods_{study}{world}"]["rows"] for study in ("", "statistics_")]
        first, again = (
            {(row["method"], row["seed"], row["set"]): row["miou"] for row in rows if "steps" in row["budgets"]}
            for rows in both
        )
        shared = first.keys() & again.keys()
        assert len(shared) >= 39
        assert {key: first[key] for key in shared} == {key: again[key] for key in shared}


def test_every_record_has_a_section(script):
    assert script.load(script.RECORDS).keys() <= script.SECTIONS.keys()


def test_seeds_are_averaged(script):
    text = script.page({"demo": record()})
    assert "| source only | 22.0 ± 2.8 | – | 8 ± 0 |" in text
    assert "| da_vsn | 30.0 ± 0.0 | – | 8 ± 0 |" in text
    assert "| road | 22.0 ± 2.8 | 30.0 ± 0.0 |" in text
    assert "| fence | – | – |" in text
    assert "`davsn demo`, commit abc, 2026-11-22, a laptop.\nSeeds: 0, 1.\nSettings: steps 200." in text


def test_sets_are_kept_apart_and_notes_are_printed(script):
    rows = [{"method": "da_vsn", "set": kind, "seed": 0, "miou": 10.0 + len(kind)} for kind in ("stills", "clip")]
    text = script.page({"procity_camvid": record(rows=rows, notes=["One street."])})
    assert "| da_vsn | stills | 16.0 | – | – |\n| da_vsn | clip | 14.0 | – | – |" in text
    assert "\n\nOne street.\n" in text


def test_the_cost_of_loading_is_shown(script):
    rows = [{"what": "decode", "ms of processor a pair": 80.0}, {"what": "flow: zero", "ms of processor a pair": 75.5}]
    settings = {"picture": [2048, 1024], "size": [1024, 512], "megabytes": 2.27}
    text = script.page({"loading": record(settings=settings, rows=rows)})
    assert "A pair of 2048×1024 PNGs of 2.3 MB each, read and made a batch at 1024×512 on one thread.\n" in text
    assert "| decode | 80.00 |\n| flow: zero | 75.50 |" in text


def test_the_cost_of_a_step_is_shown_with_its_ratios(script):
    seconds = {"fp32": {"step": 2.0, "passes": 1.9}, "bf16": {"step": 1.0, "passes": 0.9}}
    settings = {"width": 320, "height": 160}
    text = script.page({"step": record(settings=settings, seconds=seconds, results={"bf16_over_fp32": 0.5})})
    assert "| step | 2.00 | 1.00 |\n| passes | 1.90 | 0.90 |" in text
    assert "| bf16 over fp32 | 0.50 |" in text


def test_rows_of_any_form_are_shown(script):
    text = script.page({"streets": record(rows=[{"domain": "game", "frame_ms": 21.26}])})
    assert "| domain | frame ms |\n|---|--:|\n| game | 21.26 |" in text


def test_a_missing_record_is_said_to_be_missing(script):
    text = script.page({})
    assert text.count("Not recorded yet.") == len(script.SECTIONS)


def test_the_readme_gets_the_demos_table_between_its_marks(script):
    readme = f"above\n{script.START}\nold\n{script.END}\nbelow\n"
    assert script.in_readme(readme, {}) == f"above\n{script.START}\n\nNot recorded yet.\n\n{script.END}\nbelow\n"
    filled = script.in_readme(readme, {"demo": record()})
    assert "| da_vsn | 30.0 ± 0.0 | – | 8 ± 0 |" in filled
    assert "old" not in filled
    assert script.in_readme(filled, {}) == script.in_readme(readme, {})
