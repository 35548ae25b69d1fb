"""Clips mixed: frames, flow and labels by masks that move with what is pasted."""

import pytest
import torch

from davsn.core.clip import Batch
from davsn.learning.mixing import at_size, labelled, pasted
from davsn.ops.pseudo_labels import PseudoLabels
from davsn.ops.warp import warp


def clip(value, size=(8, 12), flow=(0.0, 0.0), labels=None):
    moved = torch.tensor(flow).view(1, 2, 1, 1).expand(1, 2, *size).clone()
    frames = {0: torch.full((1, 3, *size), value), -1: torch.full((1, 3, *size), value)}
    return Batch(frames, {(0, -1): moved}, labels=labels)


def test_a_pasted_object_is_where_it_was_in_the_frame_before():
    mask = torch.zeros(1, 8, 12, dtype=torch.bool)
    mask[:, 2:5, 6:9] = True
    front, back = clip(1.0, flow=(-2.0, 1.0)), clip(0.0, flow=(0.5, 0.0))
    mixed = pasted(front, back, mask)
    assert mixed.current[0, 0].bool().equal(mask[0])
    expected = torch.zeros(8, 12, dtype=torch.bool)
    expected[3:6, 4:7] = True  # two to the left, one down
    assert mixed.previous[0, 0].bool().equal(expected)
    assert mixed.flow[0, :, 3, 7].tolist() == [-2.0, 1.0]
    assert mixed.flow[0, :, 0, 0].tolist() == [0.5, 0.0]
    fetched, known = warp(mixed.previous, mixed.flow)
    assert fetched[0, 0][mask[0] & known[0]].eq(1).all()  # along its flow the object finds itself
    assert mixed.labels is None


def test_holes_of_an_object_that_comes_nearer_are_closed():
    mask = torch.zeros(1, 8, 12, dtype=torch.bool)
    mask[:, 2:6, 4:8] = True
    front = clip(1.0)
    front.flows[0, -1][0, 0] = torch.linspace(-4, 4, 12) * 0.4 + 0.3  # stretched: rounding leaves gaps
    previous = pasted(front, clip(0.0), mask).previous[0, 0]
    columns = previous[3].nonzero().flatten().tolist()
    assert columns == list(range(columns[0], columns[-1] + 1))


def test_at_size():
    labels = torch.tensor([[[0, 255], [2, 1]]])
    other = at_size(clip(0.5, (2, 2), (1.0, 1.0), labels), (4, 6))
    assert {tuple(frame.shape[-2:]) for frame in other.frames.values()} == {(4, 6)}
    assert other.flow[0, :, 0, 0].tolist() == [3.0, 2.0]
    assert other.labels[0].tolist() == [[0] * 3 + [255] * 3] * 2 + [[2] * 3 + [1] * 3] * 2
    same = clip(0.5)
    assert at_size(same, same.size).current is same.current


def test_labels_of_a_mixed_picture():
    mask = torch.tensor([[[True, False]], [[False, False]]])
    own, main, aux = torch.full((2, 1, 2), 7), torch.tensor([[[1, 2]], [[3, 255]]]), torch.tensor([[[4, 5]], [[6, 0]]])
    found = labelled(own, PseudoLabels(main, aux, torch.tensor([[[0.1, 0.2]], [[0.3, 0.0]]])), mask)
    assert found.main.flatten().tolist() == [7, 2, 3, 255]
    assert found.aux.flatten().tolist() == [7, 5, 6, 0]
    assert found.trusted.flatten().tolist() == pytest.approx([1, 0.2, 0.3, 0.0])
