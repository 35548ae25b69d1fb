"""The tables of the pages of results, on small records."""

import pytest

from benchmarks.pages import overview, tables, tables_of_methods
from benchmarks.pages.tables_of_flow import flow_quality
from benchmarks.pages.text import section_text, sections


def record(**changes):
    rows = [
        {"method": method, "seed": seed, "miou": miou, "iou": {"road": miou / 100, "fence": None}, "seconds": 8.0}
        for method, mious in {"source only": (20.0, 24.0), "da_vsn": (30.0, 30.0)}.items()
        for seed, miou in enumerate(mious)
    ]
    about = {"command": "davsn demo", "commit": "abc", "date": "2026-11-22", "machine": "a laptop"}
    return {**about, "settings": {"steps": 200}, "rows": rows, **changes}


def shown(name, **changes):
    """The section on a record, with another record in its place."""
    (section,) = (section for section in sections() if section.name == name)
    return section_text(section, {name: record(**changes)})


def test_seeds_are_averaged():
    text = shown("demo")
    assert "| source only | 22.0 ± 2.8 | – | 8 ± 0 |" in text
    assert "| da_vsn | 30.0 ± 0.0 | – | 8 ± 0 |" in text
    assert "| road | 22.0 ± 2.8 | 30.0 ± 0.0 |" in text
    assert "| fence | – | – |" in text
    assert "`davsn demo`, commit abc, 2026-11-22, a laptop.\nSeeds: 0, 1.\nSettings: steps 200." in text


def test_sets_are_kept_apart():
    rows = [{"method": "da_vsn", "set": kind, "seed": 0, "miou": 10.0 + len(kind)} for kind in ("stills", "clip")]
    assert "| da_vsn | stills | 16.0 | – | – |\n| da_vsn | clip | 14.0 | – | – |" in tables.summary(rows)


def test_rows_are_averaged_by_any_key():
    rows = [{"gap": 0.6, "ratio": ratio} for ratio in (0.5, 0.7)] + [{"gap": 0.9, "ratio": 0.25}]
    assert tables.averages(rows, "gap", {"the ratio": ("ratio", 2)}) == (
        "| gap | the ratio |\n|---|--:|\n| 0.6 | 0.60 ± 0.14 |\n| 0.9 | 0.25 |"
    )


def test_a_network_without_weights_is_timed_and_not_scored():
    error = {"end-point error": 1.234, "outliers": 5.67, "s0-10": 1.0, "s10-40": 2.0, "s40+": None, "near edges": 3.0}
    rows = [
        {"estimator": title, "scored": scored, "set": name, "ms": 12.0, "memory_mib": 34.0, **(error if scored else {})}
        for title, scored in (("dis medium", True), ("raft_small", False))
        for name in ("ProcCity", "Sintel", "streets, game", "streets, camera")
    ]
    text = flow_quality(rows)
    assert "| dis medium | 1.23 · 5.7 | 1.23 · 5.7 | 1.23 · 5.7 | 1.23 · 5.7 | 12 | 12 | 34 |" in text
    assert "| raft_small, random weights | – | – | – | – | 12 | 12 | 34 |" in text
    assert "| dis medium | 1.00 | 2.00 | – | 3.00 |" in text


@pytest.fixture
def methods():
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
    titles = dict.fromkeys(["source_only", "tps", "tps, then batch_norm", "tps: all accidents"], "{}")
    return record(rows=rows, costs=costs, settings={"methods": titles})


def test_methods_are_compared_at_equal_steps_and_at_equal_time(methods):
    steps, time = (tables_of_methods.comparison(methods, "unseen", budget) for budget in ("steps", "time"))
    heads = "| method | steps | last | information | best on the test set | over source_only | then batch_norm |"
    assert heads in steps  # and none of rules that chose nothing
    assert "| source_only | 100 | 21.5 ± 0.7 | 20.5 ± 0.7 | 22.0 ± 0.7 | – | – | 90.0 ± 0.0 | – | – |" in steps
    after = "10.0 ± 0.0 | 34.5 ± 0.7 | 90.0 ± 0.0 | 0.40 | 1000 |"
    assert f"| tps | 100 | 31.5 ± 0.7 | 30.5 ± 0.7 | 32.0 ± 0.7 | {after}" in steps
    assert "| tps | 100 | 31.5 ± 0.7 | 30.5 ± 0.7 | 32.0 ± 0.7 | 9.0 ± 0.0 |" in time  # over longer training
    assert "then batch_norm" not in time  # of which there is none
    assert "all accidents" not in steps + time


def test_the_summary_has_a_line_for_each_method(methods):
    costs = {"source_only": {"seconds": 0.2}, "tps": {"seconds": 0.5}}
    assert overview.overview({**methods, "costs": costs}) == (
        "| method | mIoU | then batch_norm | temporal consistency | cost of a step |\n|---|--:|--:|--:|--:|\n"
        "| source_only | 21.5 ± 0.7 | – | 90.0 ± 0.0 | 1.00 |\n| tps | 31.5 ± 0.7 | 34.5 ± 0.7 | 90.0 ± 0.0 | 2.50 |"
    )


def test_what_a_rule_loses_and_what_an_accident_costs(methods):
    text = tables_of_methods.regrets(methods["rows"])
    assert "| last | 10 | 0.50 ± 0.00 | 0.50 | 0 |" in text
    assert "| information | 10 | 1.50 ± 0.00 | 1.50 | 0 |" in text
    assert overview.regret(methods["rows"], "information") == "1.50"
    worth = tables_of_methods.corrections(methods)
    assert "| tps | 31.5 ± 0.7 | – | 90.0 ± 0.0 |" in worth
    assert "| tps: all accidents | 25.5 ± 0.7 | 6.00 ± 0.00 | 90.0 ± 0.0 |" in worth


def test_whose_statistics_is_compared_on_the_same_seeds(methods):
    mious = {"": (30.0, 36.0), ", statistics of the target": (33.0, 40.0), ", then batch_norm": (35.0, 41.0)}
    rows = [
        {**methods["rows"][0], "method": f"tps{behind}", "seed": seed, "miou": miou}
        for behind, values in mious.items()
        for seed, miou in enumerate(values)
    ]
    text = tables_of_methods.statistics(rows, "unseen")
    assert "| mIoU on unseen | both | target | then batch_norm | target over both |" in text
    assert "| tps | 33.0 ± 4.2 | 36.5 ± 4.9 | 38.0 ± 4.2 | 3.5 ± 0.7 | 90.0 ± 0.0 | 90.0 ± 0.0 |" in text


def test_numbers_in_a_sentence_are_those_of_the_rows(methods):
    rows = methods["rows"]
    assert tables.score(rows, "source_only", "unseen") == "21.5 ± 0.7"
    assert tables.score(rows, "source_only", "unseen", budget="time") == "22.5 ± 0.7"
    assert tables.difference(rows, "tps", "source_only", "unseen") == "10.0 ± 0.0"


def test_the_consistency_that_target_statistics_cost_is_that_of_all_but_tps():
    consistencies = {"a": (90.0, 84.4), "b": (90.0, 80.0), "tps": (90.0, 95.0)}
    rows = [
        {"method": method + behind, "seed": seed, "set": "clip", "temporal_consistency": value + seed}
        for method, values in consistencies.items()
        for behind, value in zip(("", ", statistics of the target"), values, strict=True)
        for seed in (0, 1)
    ]
    assert (
        overview.consistency_lost([*rows, {"method": "a", "set": "stills", "temporal_consistency": None}]) == "6 to 10"
    )


def test_costs_of_a_step_are_shown_by_variant():
    rows = [{"method": name, "of_source_only": value} for name, value in [("a", 1.0), ("a, small views", 2.25)]]
    assert "| a | 1.0 | – | 2.2 |" in tables_of_methods.step_cost_table(rows)


def test_the_cost_of_loading_is_shown():
    rows = [{"what": "decode", "ms of processor a pair": 80.0}, {"what": "flow: zero", "ms of processor a pair": 75.5}]
    settings = {"picture": [2048, 1024], "size": [1024, 512], "megabytes": 2.27}
    text = shown("loading", settings=settings, rows=rows)
    assert "A pair of 2048×1024 PNGs of 2.3 MB each, read and made a batch at 1024×512 on one thread.\n" in text
    assert "| decode | 80.00 |\n| flow: zero | 75.50 |" in text


def test_the_cost_of_a_step_is_shown_with_its_ratios():
    seconds = {"fp32": {"step": 2.0, "passes": 1.9}, "bf16": {"step": 1.0, "passes": 0.9}}
    settings = {"width": 320, "height": 160}
    text = shown("step", settings=settings, seconds=seconds, results={"bf16_over_fp32": 0.5})
    assert "| step | 2.00 | 1.00 |\n| passes | 1.90 | 0.90 |" in text
    assert "| bf16 over fp32 | 0.50 |" in text


def test_rows_of_any_form_are_shown():
    text = shown("streets", rows=[{"domain": "game", "frame_ms": 21.26}])
    assert "| domain | frame ms |\n|---|--:|\n| game | 21.26 |" in text
