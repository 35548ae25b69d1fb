"""Cutting and pasting: which pixels, and where they go."""

import random

import pytest
import torch

from davsn.ops.mixing import classes_held, half_of_the_classes, paste, pixels_of, rectangle


def test_classes_held():
    labels = torch.tensor([[[0, 2], [255, 2]], [[1, 1], [1, 255]], [[255, 255], [-1, 9]]])
    assert classes_held(labels, 3).tolist() == [[True, False, True], [False, True, False], [False] * 3]


@pytest.mark.parametrize(("held", "wanted"), [([0], 1), ([0, 3], 1), ([0, 3, 4], 2), ([], 0)])
def test_half_of_the_classes_is_the_larger_half_of_those_that_are_there(held, wanted):
    torch.manual_seed(0)
    labels = torch.tensor([*held, 255]).repeat(4, 5, 1)
    seen = set()
    for mask in [half_of_the_classes(labels, 6) for _ in range(20)]:
        for label, chosen in zip(labels, mask, strict=True):
            classes = set(label[chosen].tolist())
            assert len(classes) == wanted
            assert chosen.equal(sum((label == name for name in classes), torch.zeros_like(chosen)).bool())
            seen |= classes
    assert seen == set(held)  # each is drawn at times, and 255 never


def test_samples_are_drawn_apart():
    torch.manual_seed(1)
    labels = torch.arange(8).repeat(16, 4, 1)
    masks = half_of_the_classes(labels, 8)
    assert len({tuple(mask.flatten().tolist()) for mask in masks}) > 8


def test_pixels_of():
    labels = torch.tensor([[[0, 1, 255, 2]]])
    assert pixels_of(labels, torch.tensor([[True, False, True]])).tolist() == [[[True, False, False, True]]]


def test_paste():
    mask = torch.tensor([[[True, False]]])
    labels = paste(mask, torch.tensor([[[1, 1]]]), torch.tensor([[[2, 2]]]))
    assert labels.tolist() == [[[1, 2]]]
    pictures = paste(mask, torch.ones(1, 3, 1, 2), torch.zeros(1, 3, 1, 2))
    assert pictures.tolist() == [[[[1.0, 0.0]]] * 3]


def test_a_rectangle_lies_in_the_picture_and_has_the_share_that_was_asked_for():
    random.seed(0)
    shares = []
    for _ in range(200):
        rows, columns = rectangle((80, 160))
        assert 0 <= rows.start < rows.stop <= 80
        assert 0 <= columns.start < columns.stop <= 160
        shares.append((rows.stop - rows.start) * (columns.stop - columns.start) / (80 * 160))
    assert min(shares) == pytest.approx(0.25, abs=0.02)
    assert max(shares) == pytest.approx(0.5, abs=0.02)
    rows, columns = rectangle((1, 1))
    assert (rows, columns) == (slice(0, 1), slice(0, 1))
