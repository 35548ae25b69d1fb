"""Scores of a run's checkpoints: kept by content, and what each rule chooses."""

import json

import pytest
from rich.console import Console

from davsn.core.errors import DataError
from davsn.experiment.checkpoint_scores import CheckpointScores, Entry
from davsn.scoring.scores import Scores


def scores(*hits):
    """Of classes a and b, where of 100 pixels each so many are right."""
    counts = ((hits[0], 100 - hits[0]), (100 - hits[1], hits[1]))
    return Scores(("a", "b"), frozenset({"b"}), counts, frames=2, seconds=1.0)


def scores_of(place, name="camera", **settings):
    return CheckpointScores(place / "snapshots.json", name, settings)


def test_scores_are_found_again_by_content(tmp_path):
    for step, content, hits in ((20, "c2", 70), (10, "c1", 90)):
        scores_of(tmp_path).add(content, Entry(step, scores(hits, 50)))
    scores_of(tmp_path, "other").add("c1", Entry(10, scores(1, 1)))
    found = scores_of(tmp_path)
    assert list(found.entries) == ["c1", "c2"]
    assert found.entries["c2"] == Entry(20, scores(70, 50))
    assert list(scores_of(tmp_path, "other").entries) == ["c1"]
    assert [file.name for file in tmp_path.iterdir()] == ["snapshots.json"]
    assert json.loads((tmp_path / "snapshots.json").read_text())["sets"]["camera"]["checkpoints"]["c1"]["step"] == 10


def test_a_checkpoint_trained_anew_replaces_the_old_one_of_its_step(tmp_path):
    scores_of(tmp_path).add("old", Entry(10, scores(90, 50)))
    found = scores_of(tmp_path)
    assert "new" not in found.entries  # so it is scored, whatever its number
    found.add("new", Entry(10, scores(40, 50)))
    assert list(scores_of(tmp_path).entries) == ["new"]


def test_scores_taken_with_other_settings_do_not_count(tmp_path):
    scores_of(tmp_path, size=[64, 32]).add("c1", Entry(10, scores(90, 50)))
    assert scores_of(tmp_path, size=[64, 32]).entries
    other = scores_of(tmp_path, size=[128, 64])
    assert not other.entries
    other.add("c2", Entry(20, scores(90, 50)))
    assert list(scores_of(tmp_path, size=[128, 64]).entries) == ["c2"]


def test_two_who_score_different_sets_at_once_keep_both(tmp_path):
    one, other = scores_of(tmp_path), scores_of(tmp_path, "other")
    one.add("c1", Entry(10, scores(90, 50)))
    other.add("c1", Entry(10, scores(80, 50)))
    assert scores_of(tmp_path).entries
    assert scores_of(tmp_path, "other").entries


def test_the_best_is_the_earliest_of_the_highest_reported(tmp_path):
    found = scores_of(tmp_path)
    nothing = Scores(("a", "b"), frozenset(), ((0, 0), (0, 0)), frames=1, seconds=1.0)
    for step, of in ((10, nothing), (20, scores(80, 60)), (30, scores(80, 60)), (40, scores(70, 60))):
        found.add(f"c{step}", Entry(step, of))
    assert (found.last.step, found.best.step) == (40, 20)
    table = found.table()
    assert [column.header for column in table.columns] == ["class", "last\nstep 40", "best\nstep 20"]
    assert list(table.columns[0].cells) == ["a", "b (not in the mean)", "mIoU", "below the best"]
    assert list(table.columns[1].cells) == ["50.00", "46.15", "50.00", "7.14"]
    assert list(table.columns[2].cells) == ["57.14", "50.00", "57.14", "0.00"]
    assert "chosen by the labels of camera itself" in table.caption


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": 1}', '{"format": 9, "sets": {}}', '{"format": 1, "sets": []}']
)
def test_a_file_of_another_form_is_named(tmp_path, content):
    (tmp_path / "snapshots.json").write_text(content)
    with pytest.raises(DataError, match=r"snapshots\.json: .*Delete it, and all are scored anew"):
        scores_of(tmp_path)


@pytest.mark.parametrize("item", [{}, {"step": 1}, {"step": "x", "scores": {}}, {"step": 1, "scores": {"names": []}}])
def test_damaged_scores_are_named(tmp_path, item):
    content = {"format": 1, "sets": {"camera": {"settings": {}, "checkpoints": {"c1": item}}}}
    (tmp_path / "snapshots.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"snapshots\.json: "):
        scores_of(tmp_path)


def test_every_rule_chooses_its_checkpoint(tmp_path):
    for step, (hits, criteria) in enumerate(
        [(90, {"information": 0.1, "invariance": 0.9}), (50, {"information": 0.7, "invariance": 0.9}), (70, {})], 1
    ):
        scores_of(tmp_path).add(f"c{step}", Entry(step, scores(hits, 50), criteria))
    chosen = scores_of(tmp_path).chosen()
    assert {rule: entry.step for rule, entry in chosen.items()} == {
        "last": 3,
        "information": 2,
        "invariance": 1,  # the earliest of equals
        "best": 1,
    }
    console = Console(width=120)
    with console.capture() as captured:
        console.print(scores_of(tmp_path).table())
    lost = next(line for line in captured.get().splitlines() if "below the best" in line)
    assert lost.split("│")[1].strip() == "below the best"
    assert [float(cell) for cell in lost.split("│")[2:6]] == pytest.approx(
        [chosen["best"].scores.miou - entry.scores.miou for entry in chosen.values()], abs=0.006
    )
