"""The moving average along the flow, on maps whose average is known by hand."""

import pytest
import torch

from davsn.ops.smoothing import moving_average

YES = torch.ones(1, 3, 5, dtype=torch.bool)


def maps(column):
    """(1, 1, 3, 5): 1 in one column, 0 elsewhere."""
    made = torch.zeros(1, 1, 3, 5)
    made[..., column] = 1
    return made


def still(x=0.0):
    flow = torch.zeros(1, 2, 3, 5)
    flow[:, 0] = x
    return flow


def test_what_stands_still_is_averaged():
    average = moving_average(maps(1), maps(2), still(), YES, 0.25)
    assert average[0, 0, 0].tolist() == pytest.approx([0, 0.75, 0.25, 0, 0])


def test_what_moves_is_followed():
    average = moving_average(maps(3), maps(1), still(-2), YES, 0.75)
    assert average[0, 0, 0].tolist() == pytest.approx([0, 0, 0, 1, 0])


def test_where_the_flow_is_not_trusted_the_current_frame_alone_counts():
    trusted = YES.clone()
    trusted[:, 1] = False
    average = moving_average(maps(1), maps(2), still(), trusted, 0.5)
    assert average[0, 0, 0].tolist() == pytest.approx([0, 0.5, 0.5, 0, 0])
    assert average[0, 0, 1].tolist() == [0, 1, 0, 0, 0]


def test_what_enters_the_frame_has_no_past():
    average = moving_average(torch.zeros(1, 1, 3, 5), torch.ones(1, 1, 3, 5), still(2), YES, 0.5)
    assert average[0, 0, 0].tolist() == [0.5, 0.5, 0.5, 0, 0]


def test_probabilities_stay_probabilities():
    now, before = torch.rand(2, 1, 4, 3, 5).softmax(2)
    average = moving_average(now, before, torch.randn(1, 2, 3, 5), YES, 0.6)
    torch.testing.assert_close(average.sum(1), torch.ones(1, 3, 5))
    assert average.min() >= 0
