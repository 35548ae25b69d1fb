"""Metrics on frames and clips whose values are known by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from colour_network import TAXONOMY
from davsn.core.errors import ConfigError
from davsn.flow.consistency import consistent
from davsn.scoring import metric as metric_module
from davsn.scoring.measures import build_metric, chosen_metric, chosen_metrics
from davsn.scoring.metric import Seen
from davsn.scoring.metric_scores import MetricScores

A = [[0, 0, 1], [0, 1, 2]]
B = [[0, 0, 0], [1, 1, 2]]


def made(name, **settings):
    return build_metric(chosen_metric({"name": name, **settings}), TAXONOMY)


def seen(prediction, labels=None, frame=None, **more):
    """A frame of one colour unless told otherwise."""
    ids = torch.as_tensor(prediction, dtype=torch.uint8)
    return Seen(
        clip="x",
        frame=torch.full((3, *ids.shape), 0.5) if frame is None else frame,
        prediction=ids,
        labels=None if labels is None else torch.as_tensor(labels, dtype=torch.uint8),
        **more,
    )


def clip(frames, back=1):
    """The frames of one clip, each with the frames before it."""
    return [
        replace(frame, past=tuple(reversed(frames[max(0, number - back) : number])))
        for number, frame in enumerate(frames)
    ]


def scored(metric, frames):
    """The result of a metric on the frames of one clip."""
    found = [metric.count(frame) for frame in frames]
    counts = [{key: value.numpy() for key, value in each.items()} for each in found if each is not None]
    if not counts:
        return MetricScores.of(metric, {})
    return MetricScores.of(metric, {"x": {key: np.sum([each[key] for each in counts], 0) for key in counts[0]}})


# tc


class Given:
    """An estimator that gives known flow: forth if asked for current→previous, else back."""

    def __init__(self, current, forth, back):
        self.current, self.forth, self.back = current, forth, back

    def estimate(self, frames_a, frames_b):
        return self.forth if torch.equal(frames_a[0], self.current) else self.back

    def identity(self):
        return "given"


def row_flow(columns):
    """(1, 2, 1, W): horizontal motion of each column."""
    return torch.stack([torch.tensor(columns).float(), torch.zeros(len(columns))])[:, None][None]


def tc_of(before, now, forth, back):
    metric = made("tc", flow="zero")
    frames = [torch.zeros(3, 1, len(now)), torch.ones(3, 1, len(now))]
    metric._estimator = Given(frames[1], row_flow(forth), row_flow(back))
    return scored(metric, clip([seen([before], frame=frames[0]), seen([now], frame=frames[1])]))


def test_a_prediction_that_moves_with_the_video_has_a_tc_of_100():
    # everything moves one column to the right; the first column is new
    found = tc_of([0, 0, 1, 2, 2], [0, 0, 0, 1, 2], [-1] * 5, [1] * 5)
    assert found.values == {"TC": 100.0, "visible pixels": 80.0}


def test_tc_counts_changes_of_visible_pixels():
    found = tc_of([0, 0, 1, 2, 2], [1, 0, 1, 1, 2], [-1] * 5, [1] * 5)
    # moved: 0 0 1 2 against 0 1 1 2: class 0 1/2, class 1 1/2, class 2 1/1
    assert found.values["TC"] == pytest.approx((1 / 2 + 1 / 2 + 1) / 3 * 100)
    assert found.classes["TC"] == pytest.approx({"red": 50.0, "green": 50.0, "blue": 100.0})


def test_occluded_pixels_are_left_out_of_tc():
    # columns 0 to 2 stand still; an object (class 2) moves from column 3 to 4 and uncovers column 3
    forth, back = [0, 0, 0, 0, -1], [0, 0, 0, 1, 0]
    assert consistent(row_flow(forth), row_flow(back))[0, 0].tolist() == [True, True, True, False, True]
    found = tc_of([0, 0, 0, 2, 1], [0, 0, 0, 1, 2], forth, back)
    assert found.values == {"TC": 100.0, "visible pixels": 80.0}


def test_tc_states_its_flow_and_estimates_it_without_a_flow_of_the_network():
    found = scored(made("tc"), clip([seen(np.zeros((16, 16))), seen(np.zeros((16, 16)))]))
    assert found.values == {"TC": 100.0, "visible pixels": 100.0}
    assert found.details["flow"].startswith("dis ")
    assert "0.01" in found.details["check"]
    assert not scored(made("tc"), [seen(A)]).values


def test_tc_takes_an_estimator_alone():
    with pytest.raises(ConfigError, match="Name an estimator such as dis"):
        made("tc", flow="exact")


# vc


def vc_of(predictions, labels, windows=(2, 3)):
    metric = made("vc", windows=windows)
    frames = [seen([one], None if label is None else [label]) for one, label in zip(predictions, labels, strict=True)]
    return scored(metric, clip(frames, metric.frames_back))


def test_a_perfect_clip_has_a_vc_of_100():
    found = vc_of([[0, 1, 2]] * 4, [[0, 1, 2]] * 4)
    assert found.values == {"VC2": 100.0, "VC3": 100.0, "VC2 correct": 100.0, "VC3 correct": 100.0}


def test_vc_of_a_constant_wrong_prediction():
    found = vc_of([[1, 1]] * 3, [[0, 1]] * 3)
    assert found.values == {"VC2": 100.0, "VC3": 100.0, "VC2 correct": 50.0, "VC3 correct": 50.0}


def test_vc_of_a_flickering_prediction():
    # column 0 changes in every frame; column 1 changes once, in the last frame
    found = vc_of([[0, 1, 2], [1, 1, 2], [0, 0, 2]], [[0, 1, 2]] * 3)
    assert found.values["VC2"] == pytest.approx((2 / 3 + 1 / 3) / 2 * 100)
    assert found.values["VC3"] == pytest.approx(1 / 3 * 100)
    assert found.classes["VC2"] == {"red": 0.0, "green": 50.0, "blue": 100.0}
    assert found.classes["VC3"] == {"red": 0.0, "green": 0.0, "blue": 100.0}


def test_vc_counts_pixels_with_a_constant_label_alone():
    # the label of column 0 moves to column 1, column 2 has no class, and only column 3 counts
    found = vc_of([[0, 1, 0, 2], [1, 0, 1, 2]], [[0, 1, 255, 2], [1, 0, 255, 2]])
    assert found.values["VC2"] == 100.0
    assert np.isnan(found.values["VC3"])


def test_a_window_with_an_unlabelled_frame_is_left_out():
    assert not vc_of([[0]] * 3, [[0], None, [0]]).values
    assert vc_of([[0], [1], [1]], [None, [0], [0]]).values["VC2"] == 100.0


def test_vc8_and_vc16_by_default():
    metric = made("vc")
    assert metric.frames_back == 15
    predictions = [[0, 0]] * 16 + [[0, 1]]
    frames = clip([seen([one], [[0, 0]]) for one in predictions], 15)
    found = scored(metric, frames)
    assert found.values["VC8"] == pytest.approx((9 * 1 + 1 / 2) / 10 * 100)  # ten windows of 8, and two of 16
    assert found.values["VC16"] == pytest.approx((1 + 1 / 2) / 2 * 100)


# flicker


def test_a_constant_prediction_does_not_flicker():
    found = scored(made("flicker"), clip([seen(A)] * 4))
    assert found.values == {"flicker": 0.0, "static pixels": 100.0}
    assert found.better == "lower"


def test_flicker_is_the_share_of_static_pixels_that_change():
    found = scored(made("flicker"), clip([seen(A), seen(B), seen(A)]))
    # two of six pixels change, from A to B and back: (0,2) from 1 to 0, (1,0) from 0 to 1
    assert found.values["flicker"] == pytest.approx(100 / 3)
    assert found.classes["flicker"] == pytest.approx({"red": 2 / 6 * 100, "green": 2 / 4 * 100, "blue": 0.0})


def test_pixels_of_another_colour_are_not_static():
    before = torch.zeros(3, 2, 3)
    now = before.clone()
    now[1, 0, 2] = 4 / 255  # above the tolerance
    now[1, 1, 0] = 3 / 255  # within it
    frames = clip([seen(A, frame=before), seen(B, frame=now)])
    assert scored(made("flicker"), frames).values == pytest.approx({"flicker": 20.0, "static pixels": 5 / 6 * 100})
    assert scored(made("flicker", tolerance=0), frames).values["flicker"] == 0.0


def test_a_shifted_video_has_no_static_pixel():
    frame = torch.arange(6.0).view(1, 1, 6).expand(3, 2, 6) / 6
    frames = clip([seen(np.zeros((2, 6)), frame=frame), seen(np.ones((2, 6)), frame=frame.roll(1, 2))])
    found = scored(made("flicker"), frames)
    assert np.isnan(found.values["flicker"])
    assert found.values["static pixels"] == 0.0


def test_frames_and_predictions_of_different_sizes():
    large = np.kron(np.array(A), np.ones((2, 2)))
    changed = large.copy()
    changed[0, 0] = 1
    frame = torch.zeros(3, 2, 3)
    found = scored(made("flicker"), clip([seen(large, frame=frame), seen(changed, frame=frame)]))
    assert found.values == pytest.approx({"flicker": 100 / 24, "static pixels": 100.0})


# calibration


def test_calibration_of_known_confidences():
    # confidences 0.92, 0.92, 0.92, 0.62; the first two are right
    likely = torch.tensor([[0.92, 0.04, 0.04], [0.92, 0.08, 0.0], [0.04, 0.92, 0.04], [0.19, 0.19, 0.62]]).T[:, None]
    frame = seen([[0, 0, 1, 2]], [[0, 0, 0, 1]], probabilities=likely)
    found = scored(made("calibration", bins=10), [frame])
    # the bin from 0.9: 3/4 · |2/3 - 0.92|; the bin from 0.6: 1/4 · |0 - 0.62|
    assert found.values == pytest.approx({"ECE": (0.76 + 0.62) / 4 * 100, "mean confidence": 84.5, "accuracy": 50.0})
    assert found.classes["ECE"] == pytest.approx({"red": 8.0, "green": 92.0, "blue": 62.0})
    assert [part["pixels"] for part in found.details["reliability"]] == [0, 0, 0, 0, 0, 0, 1, 0, 0, 3]
    expected = {"from": 90.0, "to": 100.0, "confidence": 92.0, "accuracy": 200 / 3, "pixels": 3}
    assert found.details["reliability"][9] == pytest.approx(expected)
    assert found.details["reliability"][0]["confidence"] is None


def test_a_certain_and_right_network_is_calibrated_and_ignored_pixels_do_not_count():
    likely = torch.eye(3)[[0, 1, 2, 0]].T[:, None]
    found = scored(made("calibration"), [seen([[0, 1, 2, 0]], [[0, 1, 2, 255]], probabilities=likely)])
    assert found.values == {"ECE": 0.0, "mean confidence": 100.0, "accuracy": 100.0}
    assert len(found.details["reliability"]) == 15
    assert found.details["reliability"][14]["pixels"] == 3


# confusion, regions, object size


def test_recall_and_precision():
    found = scored(made("confusion"), [seen([[0, 0, 0, 1], [1, 1, 2, 2]], [[0, 0, 1, 1], [1, 1, 2, 255]])])
    assert found.classes["recall"] == pytest.approx({"red": 100.0, "green": 75.0, "blue": 100.0})
    assert found.classes["precision"] == pytest.approx({"red": 200 / 3, "green": 100.0, "blue": 100.0})
    assert found.details["most confused"] == [{"label": "green", "prediction": "red", "share": 25.0}]


def test_metrics_share_the_confusion_matrix_of_a_frame(monkeypatch):
    counted = []
    counter = metric_module.confusion_matrix
    monkeypatch.setattr(metric_module, "confusion_matrix", lambda *maps: counted.append(maps) or counter(*maps))
    first, second = seen(A, A), seen(B, A)
    found = [made(name).count(frame)["matrix"] for frame in (first, second) for name in ("miou", "confusion")]
    assert len(counted) == 2  # once for each frame
    assert [matrix.tolist() for matrix in found[::2]] == [matrix.tolist() for matrix in found[1::2]]
    assert found[0].tolist() == [[3, 0, 0], [0, 2, 0], [0, 0, 1]]
    assert replace(second, labels=first.prediction).matrix(3).tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_thirds_of_the_frame():
    prediction = [[0], [0], [1], [1], [2], [2]]
    found = scored(made("regions"), [seen(prediction, [[0], [0], [1], [0], [2], [2]])])
    assert found.values == {"top": 100.0, "middle": (0 + 1 / 2) / 2 * 100, "bottom": 100.0}
    assert found.classes["middle"]["red"] == 0.0
    assert np.isnan(found.classes["top"]["blue"])


def test_cells_of_a_grid_hold_every_pixel_once():
    metric = made("regions", rows=2, columns=3)
    frame = seen(np.zeros((5, 7)), np.zeros((5, 7)))
    assert metric.count(frame)["matrices"][:, 0, 0].tolist() == [9, 6, 6, 6, 4, 4]
    assert metric.names[0] == "row 1, column 1"
    assert list(scored(metric, [frame]).values)[5] == "row 2, column 3"


def test_recall_by_the_size_of_objects():
    labels, prediction = np.zeros((20, 20), int), np.zeros((20, 20), int)
    labels[0, 0] = 1  # one pixel, missed
    labels[5:7, 5:7] = prediction[5:7, 5:6] = 1  # four pixels, half of them found
    labels[7, 7] = prediction[7, 7] = 1  # touches at a corner
    labels[10:, :] = prediction[10:, :] = 2
    found = scored(made("object_size", edges=(1, 5)), [seen(prediction, labels)])
    assert found.classes["small"] == pytest.approx({"red": np.nan, "green": 0.0, "blue": np.nan}, nan_ok=True)
    assert found.classes["medium"]["green"] == pytest.approx(3 / 5 * 100)
    assert found.classes["large"] == pytest.approx({"red": 100.0, "green": np.nan, "blue": 100.0}, nan_ok=True)
    assert found.values == pytest.approx({"small": 0.0, "medium": 60.0, "large": 100.0})
    assert found.details["objects"]["medium"] == {"red": 0, "green": 1, "blue": 0}


@pytest.mark.parametrize("name", ["miou", "confusion", "regions", "object_size", "calibration", "vc"])
def test_an_unlabelled_frame_counts_in_no_metric_of_labels(name):
    assert made(name).count(clip([seen(A, probabilities=torch.ones(3, 2, 3) / 3)] * 2)[1]) is None


def test_all_mistakes_in_metrics_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        chosen_metrics(["flickr", {"name": "regions", "rows": 0}, "{name: vc", "{name: object_size, edges: [5, 1]}"])
    text = str(caught.value)
    assert "there is no Metric 'flickr'. Did you mean 'flicker'?" in text
    assert "rows" in text
    assert "should read {name: NAME, key: value}" in text
    assert "two rising percentages" in text
