import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from davsn.core.errors import DataError
from davsn.scoring.confusion import confusion_matrix, iou
from davsn.scoring.measures import build_metric, chosen_metric
from davsn.scoring.metric_scores import MetricScores
from davsn.scoring.scores import Scores, percent


def literal_counts(labels, prediction, classes):
    """The protocol word by word: one pixel after the other."""
    counts = [[0] * classes for _ in range(classes)]
    for label, predicted in zip(labels.flatten().tolist(), prediction.flatten().tolist(), strict=True):
        if 0 <= label < classes:
            counts[label][predicted] += 1
    return counts


def some_scores(counts=((3, 1, 0), (0, 2, 0), (1, 0, 0)), **changes):
    fields = {"names": ("road", "fence", "car"), "unscored": frozenset(), "counts": counts, "frames": 2, "seconds": 0.5}
    return Scores(**fields | changes)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 6), st.integers(0, 2**31 - 1))
def test_counts_equal_the_literal_loop(classes, seed):
    random = np.random.default_rng(seed)
    labels = torch.from_numpy(random.choice([*range(classes), classes, -1, 255], size=(2, 5, 7)))
    prediction = torch.from_numpy(random.integers(0, classes, (2, 5, 7)))
    matrix = sum(confusion_matrix(one, other, classes) for one, other in zip(labels, prediction, strict=True))
    assert matrix.tolist() == literal_counts(labels, prediction, classes)


def test_counts_take_bytes_and_do_not_overflow():
    nineteen, eighteen = (torch.full((1, 300), number, dtype=torch.uint8) for number in (19, 18))
    matrix = confusion_matrix(nineteen, eighteen, 20)
    assert matrix[19, 18] == 300
    assert matrix.sum() == 300


def test_all_ignored_counts_nothing():
    assert not confusion_matrix(torch.full((3, 3), 255), torch.zeros(3, 3, dtype=torch.long), 2).any()


def test_a_prediction_outside_the_classes_is_an_error():
    with pytest.raises(ValueError, match="outside the 2 classes"):
        confusion_matrix(torch.tensor([0, 1]), torch.tensor([0, 2]), 2)


def test_different_shapes_are_an_error():
    with pytest.raises(ValueError, match=r"\(2,\), but the prediction has \(3,\)"):
        confusion_matrix(torch.zeros(2), torch.zeros(3), 2)


def test_iou_worked_by_hand():
    # class 0: 3 hits, 1 missed, 1 wrongly claimed; class 1: 2 hits, 1 wrongly claimed; class 2: 1 missed
    np.testing.assert_allclose(iou(np.array([[3, 1, 0], [0, 2, 0], [1, 0, 0]])), [3 / 5, 2 / 3, 0.0])


def test_a_class_that_never_occurs_has_no_iou_and_is_left_out_of_the_mean():
    scores = some_scores(counts=((1, 1, 0), (0, 2, 0), (0, 0, 0)))
    assert math.isnan(scores.iou["car"])
    assert scores.exact_miou == pytest.approx((1 / 2 + 2 / 3) / 2 * 100)


def test_an_unscored_class_leaves_the_mean_but_its_predictions_stay_errors():
    scores = some_scores(unscored=frozenset({"fence"}))
    assert scores.iou["road"] == pytest.approx(3 / 5)  # 3/4 if predictions of fence on road were forgotten
    assert scores.exact_miou == pytest.approx((3 / 5 + 0) / 2 * 100)


def test_miou_is_rounded_to_two_digits():
    scores = some_scores(counts=((2, 1, 0), (0, 3, 0), (0, 0, 0)))
    assert scores.exact_miou == pytest.approx(70.8333333)
    assert scores.miou == 70.83


def test_pixel_accuracy():
    assert some_scores().pixel_accuracy == pytest.approx(5 / 7 * 100)


@pytest.mark.parametrize("consistency", [None, 87.25])
def test_scores_come_back_from_their_file(tmp_path, consistency):
    scores = some_scores(unscored=frozenset({"fence"}), temporal_consistency=consistency)
    scores.save(tmp_path / "new" / "scores.json")
    assert Scores.load(tmp_path / "new" / "scores.json") == scores
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["scores.json"]


def test_the_file_can_be_read_without_us(tmp_path):
    some_scores(counts=((0, 0, 0),) * 3).save(tmp_path / "scores.json")
    content = json.loads((tmp_path / "scores.json").read_text())
    assert content["miou"] is None
    assert content["iou"] == {"road": None, "fence": None, "car": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a scores file"),
        ("[]", "is not a scores file"),
        ('{"names": ["a"]}', "is not a scores file"),
        (
            '{"names": ["a", "b"], "unscored": [], "counts": [[1, 2]], "frames": 1, "seconds": 1, '
            '"temporal_consistency": null}',
            "names 2 classes, but its counts have another shape",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    (tmp_path / "scores.json").write_text(text)
    with pytest.raises(DataError, match=message):
        Scores.load(tmp_path / "scores.json")


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(DataError, match="davsn eval"):
        Scores.load(tmp_path / "scores.json")


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"scores\.json: could not be written"):
        some_scores().save(tmp_path / "file" / "scores.json")


def test_the_table_names_every_class_and_marks_the_unscored():
    text = io.StringIO()
    Console(file=text, width=80).print(some_scores(unscored=frozenset({"fence"}), temporal_consistency=91.234).table())
    for part in ("road", "60.00", "fence (not in the mean)", "66.67", "car", "30.00", "91.23", "2 frames in 0.5 s"):
        assert part in text.getvalue()


def test_percent():
    assert [percent(value) for value in (None, math.nan, 0.0, 12.345)] == ["–", "–", "0.00", "12.35"]


# the schema


def test_metrics_come_back_from_the_file(tmp_path):
    metric = build_metric(chosen_metric("confusion"), some_scores().taxonomy)
    found = MetricScores.of(metric, {f"c{n}": {"matrix": np.diag([n, 1, 0])} for n in range(4)})
    scores = some_scores(protocol="unified", metrics={"confusion": found})
    scores.save(tmp_path / "scores.json")
    content = json.loads((tmp_path / "scores.json").read_text())
    assert (content["schema"], content["protocol"]) == (2, "unified")
    assert content["metrics"]["confusion"]["classes"]["recall"] == {"road": 100.0, "fence": 100.0, "car": None}
    assert "[3, 0, 0]" in (tmp_path / "scores.json").read_text()  # a list of numbers is on one line
    again = Scores.load(tmp_path / "scores.json")
    assert again.as_data() == scores.as_data()
    assert math.isnan(again.metrics["confusion"].classes["recall"]["car"])
    assert again.metrics["confusion"].counts()["c3"]["matrix"].tolist() == np.diag([3, 1, 0]).tolist()
    assert not again.without_clips().metrics["confusion"].clips


def test_a_file_of_the_first_schema_is_read():
    """A file that was written at commit e5e6131, before there were metrics and protocols."""
    path = Path(__file__).parents[1] / "experiment" / "before" / "whole_scores.json"
    content = json.loads(path.read_text())
    assert "schema" not in content
    scores = Scores.load(path)
    assert (scores.protocol, scores.metrics) == ("davsn", {})
    assert scores.exact_miou == content["exact_miou"]
    assert scores.temporal_consistency == content["temporal_consistency"]
    assert {name: value if value == value else None for name, value in scores.iou.items()} == content["iou"]


def test_a_file_of_a_later_schema_says_so(tmp_path):
    data = {**some_scores().as_data(), "schema": 3}
    with pytest.raises(DataError, match=r"has schema 3, and this davsn reads schemas up to 2\. Update davsn"):
        Scores.from_data(data, "scores.json")


def test_the_table_of_metrics_shows_values_and_intervals():
    metric = build_metric(chosen_metric("confusion"), some_scores().taxonomy)
    found = MetricScores.of(metric, {f"c{n}": {"matrix": np.diag([n, 1, 0])} for n in range(4)})
    text = io.StringIO()
    table = some_scores(metrics={"confusion": found, "flicker": MetricScores("flicker", "lower")}).metric_table()
    Console(file=text, width=100).print(table)
    for part in ("mean recall", "100.00", "100.00 … 100.00", "flicker", "–", "bootstrap over 4 clips"):
        assert part in text.getvalue()
