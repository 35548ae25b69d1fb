"""benchmarks/studies/methods.py: what is run, from where and for how long; and the pictures of its records."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.pictures import gain_by_class, gain_by_cost
from benchmarks.pictures import methods as methods_picture
from benchmarks.pictures.shared import shown as read_numbers
from benchmarks.records import OF_TARGET, THEN
from benchmarks.records import load as load_records
from benchmarks.studies import methods, plans
from davsn.core.settings import override
from davsn.experiment.experiment import dump, load


@pytest.fixture(scope="module")
def world():
    return plans.streets(Namespace(study="methods", first=None, steps=None))


@pytest.fixture(scope="module")
def cells(world):
    """Every method's step costs as much as da_vsn's, but for two."""
    plan = list(plans.planned(world))
    costs = {row.title: {"seconds": 0.4} for row in plan if row.timed}
    costs["minent"], costs["masked over mean_teacher"] = {"seconds": 0.38}, {"seconds": 0.8}
    return methods.cells_of(world, 7, Path("runs"), costs, plan)


def test_the_fields_methods_have_a_row(world):
    rows = {json.loads(row.changes[0].partition("=")[2])["name"] for row in plans.planned(world)}
    field = {"minent", "advent", "da_vsn", "tps", "pixmatch", "cmom", "mean_teacher", "masked"}
    assert rows >= {"source_only", "batch_norm"} | field  # one of your own need not be measured


def test_every_run_is_a_recipe_of_one_seed_and_comes_after_the_one_it_starts_from(world, cells):
    done = {None}
    for cell in cells:
        experiment = load(override(world.recipe, cell.assignments), paths=False)
        assert experiment.seed == 7
        assert cell.after in done
        assert experiment.start == cell.after
        assert cell.folder not in done
        done.add(cell.folder)
    first, *others = cells
    assert (first.row, first.after) == ("source_only, the start", None)
    assert all(cell.after == first.folder for cell in others if ", then" not in cell.row)
    after = {cell.row: cell.after for cell in others}
    assert after["da_vsn, then cmom"] == after["da_vsn, then batch_norm"] == Path("runs/da_vsn")


def test_no_run_but_the_ceiling_reads_the_targets_labels(world, cells):
    for cell in cells:
        experiment = load(override(world.recipe, cell.assignments), paths=False)
        ceiling = cell.row == "trained on target labels"
        assert Path(experiment.source.settings.root).name == ("camera" if ceiling else "game")
        assert experiment.target is None or experiment.target.settings.labels is None


def test_equal_time_is_fewer_steps_of_a_dearer_method(world, cells):
    steps = {(cell.row, budget): load(override(world.recipe, cell.assignments), paths=False).training.steps
             for cell, budget in cells.items()}  # fmt: skip
    assert steps["masked over mean_teacher", "time"] == 75
    assert ("minent", "time") not in steps  # within a tenth: the run of equal steps is both
    assert ("tps: all accidents", "time") not in steps
    assert steps["source_only, the start", "steps"] == 240
    assert {count for (row, budget), count in steps.items() if budget == "steps" and "the start" not in row} == {150}


def test_whose_statistics_is_tried_on_runs_that_are_alike_otherwise(world):
    plan = list(plans.normalised(world))
    cells = {cell.row: cell for cell in methods.cells_of(world, 7, Path("runs"), {}, plan)}
    for name in plans.NORMALISED:
        both, target = (dump(load(override(world.recipe, cells[row].assignments), paths=False))
                        for row in (name, name + OF_TARGET))  # fmt: skip
        assert (both["training"].pop("statistics"), target["training"].pop("statistics")) == ("both", "target")
        assert both == target
        assert cells[name + THEN].after == cells[name].folder


@pytest.mark.parametrize("picture", [methods_picture, gain_by_cost, gain_by_class])
def test_a_picture_shows_what_the_records_say(picture):
    shown = picture.panels_of(load_records())
    assert read_numbers(picture.PICTURE) == shown, f"run: python -m {picture.__name__}"
    assert len(shown) == 2
    assert all(len(methods) >= 10 for methods in shown.values())


def test_the_picture_of_methods_has_every_seed():
    panels = methods_picture.panels_of(load_records())
    assert all(len(found["steps"]) == 3 for rows in panels.values() for found in rows.values())


def test_labels_of_the_picture_of_costs_do_not_overlap():
    heights = gain_by_cost.apart({"a": 1.0, "b": 1.1, "c": 1.15, "d": 5.0}, gap=0.5)
    assert list(heights) == ["a", "b", "c", "d"]
    assert heights["d"] == 5.0
    assert heights["b"] - heights["a"] > 0.49
    assert heights["c"] - heights["b"] > 0.49
