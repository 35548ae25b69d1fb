"""The shared losses: against torch's own, and at the edges."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from davsn.ops.losses import SOURCE, TARGET, cross_entropy, domain_loss, weight_discrepancy, weighted_l1


def test_cross_entropy_averages_over_the_labelled_pixels():
    logits, labels = torch.randn(2, 4, 5, 6), torch.randint(0, 4, (2, 5, 6))
    labels[0, :2] = 255
    torch.testing.assert_close(
        cross_entropy(logits, labels), functional.cross_entropy(logits, labels, ignore_index=255)
    )


@pytest.mark.parametrize("stray", [-1, -100, 4, 254, 255])
def test_a_label_that_is_no_class_counts_nowhere(stray):
    logits, labels = torch.randn(1, 4, 3, 3), torch.randint(0, 4, (1, 3, 3))
    marked = labels.clone()
    marked[0, 0] = stray
    expected = functional.cross_entropy(logits[:, :, 1:], labels[:, 1:])
    torch.testing.assert_close(cross_entropy(logits, marked), expected)


def test_a_picture_without_labels_costs_nothing_and_pulls_at_nothing():
    logits = torch.randn(1, 4, 3, 3, requires_grad=True)
    loss = cross_entropy(logits, torch.full((1, 3, 3), 255))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_domain_loss_is_small_for_the_right_domain_only():
    logits = torch.full((2, 1, 3, 4), -10.0)
    assert domain_loss(logits, SOURCE) < 1e-4
    assert domain_loss(logits, TARGET) == pytest.approx(10, abs=1e-3)


def test_weighted_l1_averages_over_all_elements():
    p, q = torch.ones(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    weight = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).view(1, 1, 2, 2)
    assert weighted_l1(p, q, weight) == 0.25
    assert weighted_l1(p, q, weight.bool()) == 0.25


def test_weight_discrepancy_of_equal_opposite_and_unrelated_networks():
    one, other = nn.Linear(2, 1), nn.Linear(2, 1)
    with torch.no_grad():
        one.weight[:], one.bias[:] = torch.tensor([[1.0, 0.0]]), 1.0
        other.weight[:], other.bias[:] = torch.tensor([[0.0, 2.0]]), -3.0
    assert weight_discrepancy(one, one).item() == pytest.approx(2)
    assert weight_discrepancy(one, other).item() == pytest.approx((1 + 0) / 2)  # right angle, opposite
    loss = weight_discrepancy(one, other)
    loss.backward()
    assert one.weight.grad.abs().sum() > 0
    assert other.weight.grad.abs().sum() > 0


def test_weight_discrepancy_needs_networks_of_one_shape():
    with pytest.raises(ValueError, match="shorter"):
        weight_discrepancy(nn.Linear(2, 1), nn.Linear(2, 1, bias=False))
