"""What a report shows of a set: which frames, and what is counted on them, on frames whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from colour_network import TAXONOMY, colour_segmenter
from davsn.core.errors import DataError
from davsn.core.plugins import choose
from davsn.data.dataset import VideoDataset
from davsn.experiment import showing
from davsn.experiment.experiment import load
from davsn.experiment.showing import Extent, look
from davsn.experiment.trained import Trained
from davsn.experiment.windows import windows, windows_of
from davsn.report.content import BINS

RED, GREEN, BLUE = range(3)


def samples(lengths, labelled=None, left_out=()):
    clips = [SimpleNamespace(labelled=() if labelled is None else labelled[clip]) for clip in range(len(lengths))]
    places = [(clip, place) for clip, length in enumerate(lengths) for place in range(length)]
    return SimpleNamespace(
        places=[each for each in places if each not in left_out],
        dataset=SimpleNamespace(clips=clips),
        name=lambda clip, place: f"{clip}/{place}",
    )


def described(found):
    return [(window[0], len(window)) for window in found]


def test_windows_are_consecutive_and_spread_evenly():
    assert described(windows(samples([4, 4, 4, 4, 4]), 3, 8)) == [((0, 0), 4), ((2, 0), 4), ((4, 0), 4)]
    assert described(windows(samples([100]), 3, 10)) == [((0, 0), 10), ((0, 40), 10), ((0, 90), 10)]
    assert described(windows(samples([6], left_out=[(0, 2)]), 9, 9)) == [((0, 0), 2), ((0, 3), 3)]


def test_windows_with_labels_come_before_others_and_short_rests_are_left_out():
    assert described(windows(samples([30, 30], [[19], []]), 10, 10)) == [((0, 10), 10)]
    assert described(windows(samples([21]), 10, 10)) == [((0, 0), 10), ((0, 10), 10)]


def test_stills_are_shown_together():
    assert described(windows(samples([1] * 5), 10, 3)) == [((0, 0), 3), ((3, 0), 2)]
    assert windows(samples([]), 10, 3) == []


def test_windows_of_bad_frames_come_in_the_order_of_the_frames():
    names = ["2/3", "2/0", "nowhere/0", "0/7", "1/1"]
    assert described(windows_of(samples([9, 4, 4]), names, 2, 5)) == [((2, 0), 4), ((0, 5), 4)]
    assert windows_of(samples([9, 4, 4]), [], 2, 5) == []


def test_a_clip_of_bad_frames_is_shown_and_is_in_no_sum(part):
    usual = look("camera", {0: (trained(), part)}, Extent(clips=2, frames=2))
    assert [clip.name for clip in usual.footage] == ["a, 0 to 1", "b, 0 to 1"]
    shown = look("camera", {0: (trained(), part)}, Extent(clips=2, frames=2), bad=["a/2", "a/1"])
    assert [(clip.name, clip.typical) for clip in shown.footage] == [
        ("a, 0 to 1", True),
        ("a, 2 (among the worst of the set)", False),
    ]
    assert shown.footage[1].stills[0].seen[0].wrong == 50
    assert shown.behaviour[0].predicted.sum() == 2 * 24
    assert shown.behaviour[0].total.sum() == 2 * 18
    again = look("camera", {0: (trained(), part)}, Extent(clips=2, frames=2), bad=["b/1", "a/1"])
    assert [clip.name for clip in again.footage] == [clip.name for clip in usual.footage]  # they are shown anyway


def experiment(propagation):
    return load(
        {
            "source": "streets",
            "network": "light",
            "method": "source_only",
            "video": {"propagation": propagation},
            "training": {"device": "cpu"},
        }
    )


def trained(sharpness=20.0, propagation="none"):
    return Trained(colour_segmenter(sharpness, propagation), TAXONOMY, experiment(propagation), 5)


@pytest.fixture(name="part")
def _part(tmp_path):
    """Two clips of 6x4: the first turns from red to green in its left half, its label stays red; the second is blue."""
    lines = "".join(
        f"  - {{name: {name}, color: {list(colour)}}}\n"
        for name, colour in zip(TAXONOMY.names, TAXONOMY.colours, strict=True)
    )
    (tmp_path / "classes.yaml").write_text(f"classes:\n{lines}")
    for clip, stills in {"a": [[RED] * 2, [GREEN, RED], [GREEN, RED]], "b": [[BLUE] * 2] * 2}.items():
        for step, (left, right) in enumerate(stills):
            ids = np.repeat([[left] * 3 + [right] * 3], 4, 0)
            for kind in ("frames", "labels"):
                (tmp_path / kind / clip).mkdir(parents=True, exist_ok=True)
            Image.fromarray((np.eye(3)[ids] * 255).astype(np.uint8)).save(tmp_path / "frames" / clip / f"{step}.png")
            label = np.full((4, 6), stills[0][0], np.uint8)
            label[0] = 255
            Image.fromarray(label).save(tmp_path / "labels" / clip / f"{step}.png")
    return choose(VideoDataset, {"name": "folder", "root": tmp_path, "missing": "repeat", "flow": "zero"})


def test_predictions_errors_and_sums_are_those_of_the_pixels(part):
    shown = look("camera", {0: (trained(), part), 2: (trained(0.5), part)}, Extent())
    assert [(clip.name, len(clip.stills)) for clip in shown.footage] == [("a, 0 to 2", 3), ("b, 0 to 1", 2)]
    first, second, third = shown.footage[0].stills
    assert list(first.seen) == [0, 2]
    np.testing.assert_array_equal(second.seen[0].mask, [[GREEN] * 3 + [RED] * 3] * 4)
    assert [still.seen[0].wrong for still in (first, second, third)] == [0, 50, 50]
    assert first.seen[0].confidence > 99.9 > first.seen[2].confidence > 100 / 3
    sums = shown.behaviour[0]
    assert sums.predicted.tolist() == [24 + 12 + 12, 24, 48]
    assert sums.labelled.tolist() == [3 * 18, 0, 2 * 18]
    assert (sums.total.sum(), sums.right.sum()) == (90, 90 - 18)
    assert sums.confidence[BINS - 1] == 5 * 24
    assert sums.reliability() == [(97.5, 80.0)]
    assert sums.flow_error is None


def test_flicker_counts_static_pixels_alone(part, monkeypatch):
    masks = iter([[RED] * 6, [GREEN] * 6, [GREEN] * 3 + [RED] * 3, [BLUE] * 6, [BLUE] * 5 + [RED]])
    network = trained()

    def scores(current, *rest):
        return torch.eye(3)[torch.tensor([next(masks)] * 4)].permute(2, 0, 1)[None] * 9

    monkeypatch.setattr(network.segmenter, "scores", scores)
    shown = look("camera", {0: (network, part)}, Extent())
    flicker = [[still.seen[0].flicker for still in clip.stills] for clip in shown.footage]
    # From the first frame to the second, only the right half is static; from the second to the third, all of it.
    assert flicker == [[None, 100, 50], [None, pytest.approx(100 / 6)]]


def test_a_video_network_shows_and_measures_its_flow(part):
    shown = look("camera", {0: (trained(propagation="warp"), part)}, Extent())
    assert all(still.flow is not None and (still.flow == 255).all() for clip in shown.footage for still in clip.stills)
    moved, rest = shown.behaviour[0].flow_error
    assert moved == rest > 0  # there is no motion in a zero flow


def test_large_frames_are_shown_smaller_but_counted_whole(part, monkeypatch):
    monkeypatch.setattr(showing, "WIDTH", 3)
    shown = look("camera", {0: (trained(), part)}, Extent(clips=1))
    still = shown.footage[0].stills[0]
    assert still.frame.shape == (2, 3, 3)
    assert still.label.shape == still.seen[0].mask.shape == (2, 3)
    assert shown.behaviour[0].predicted.sum() == 3 * 24


def test_without_labels_nothing_is_wrong_and_no_label_is_read(part, monkeypatch):
    monkeypatch.setattr("davsn.data.sets.folder.Folder.read_label", None)
    shown = look("target", {0: (trained(), part)}, Extent(), labelled=False)
    assert all(still.label is None and still.seen[0].wrong is None for still in shown.footage[0].stills)
    assert shown.behaviour[0].total.sum() == 0
    assert shown.behaviour[0].selection() == []


def test_a_set_that_has_no_labels_cannot_be_scored(part):
    unlabelled = choose(VideoDataset, {"name": "folder", "root": part.settings.root, "labels": None})
    with pytest.raises(DataError, match="no labels"):
        look("camera", {0: (trained(), unlabelled)}, Extent())
