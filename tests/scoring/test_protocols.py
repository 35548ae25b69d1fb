"""Protocols by name: which pixels count, and what they change about the data."""

import pytest
import torch

import published
from davsn.core.errors import ConfigError
from davsn.core.plugins import choose, find
from davsn.data.dataset import VideoDataset
from davsn.data.labels.taxonomy import Taxonomy
from davsn.scoring.confusion import confusion_matrix, iou
from davsn.scoring.protocols import DAVSN, UNIFIED, protocol_of

TAXONOMY = Taxonomy(("road", "fence", "car"), ((0, 0, 0),) * 3, frozenset({"fence"}))
LABELS = torch.tensor([[[0, 0, 0, 1], [1, 2, 2, 255]]])
PREDICTION = torch.tensor([[[0, 1, 2, 0], [1, 2, 0, 0]]])


def test_the_published_protocol_counts_every_labelled_pixel():
    assert DAVSN.counted(LABELS, PREDICTION, TAXONOMY) is LABELS
    assert UNIFIED.counted(None, PREDICTION, TAXONOMY) is None


def test_unified_drops_pixels_whose_label_or_prediction_is_unscored():
    counted = UNIFIED.counted(LABELS, PREDICTION, TAXONOMY)
    assert counted.tolist() == [[[0, 255, 0, 255], [255, 2, 2, 255]]]
    matrix = confusion_matrix(counted, PREDICTION, 3)
    assert matrix.tolist() == [[1, 0, 1], [0, 0, 0], [1, 0, 1]]
    # road is 1/3 by both pixels that remain; the published protocol also counts the fence as an error: 1/5
    assert iou(matrix.numpy())[0] == pytest.approx(1 / 3)
    assert iou(confusion_matrix(LABELS, PREDICTION, 3).numpy())[0] == pytest.approx(1 / 5)


def test_unified_is_more_lenient_to_predictions_of_unscored_classes_only():
    scored = Taxonomy(TAXONOMY.names, TAXONOMY.colours)
    assert torch.equal(UNIFIED.counted(LABELS, PREDICTION, scored), LABELS)


def test_unified_takes_full_frames_and_ignores_riders():
    part = choose(VideoDataset, {"name": "cityscapes", "root": ".", "size": [1024, 512]})
    assert DAVSN.data(part) == part
    settings = UNIFIED.data(part).settings
    assert (settings.size, settings.riders) == (None, "ignore")


def test_riders_are_persons_or_ignored(tmp_path):
    values = published.cityscapes(tmp_path, {"aachen_000000": [18, 19]}, {"aachen_000000": [19]})
    part = choose(VideoDataset, {"name": "cityscapes", "flow": "zero", **values})
    usual, unified = (find(VideoDataset, each.name)(each.settings) for each in (part, UNIFIED.data(part)))
    raw = published.raw_label(19, 34)
    (position,) = usual.clips[0].labelled
    before, after = usual.read_label(0, position), unified.read_label(0, position)
    assert set(before[raw == 25]) == set(before[raw == 24]) == {9}
    assert set(after[raw == 25]) == {255}
    assert (before[raw != 25] == after[raw != 25]).all()
    with_riders = choose(VideoDataset, {"name": "cityscapes", **values, "classes": "synthia", "riders": "ignore"})
    assert set(find(VideoDataset, "cityscapes")(with_riders.settings).read_label(0, position)[raw == 25]) == {10}


def test_a_drawn_set_keeps_the_size_at_which_it_is_drawn():
    part = choose(VideoDataset, {"name": "streets", "size": [64, 32]})
    found = UNIFIED.data(part)
    assert found.settings.size == (64, 32)
    assert (part.settings.riders, found.settings.riders) == ("person", "ignore")
    assert found == choose(VideoDataset, {"name": "streets", "size": [64, 32], "riders": "ignore"})


def test_an_unknown_protocol_is_told_with_the_nearest_name():
    with pytest.raises(ConfigError, match="Did you mean 'unified'"):
        protocol_of("unifed")
