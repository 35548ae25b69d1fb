"""Pseudo labels against numbers worked out by hand."""

import torch

from davsn.ops.losses import cross_entropy, weighted_cross_entropy
from davsn.ops.pseudo_labels import most_likely, only_sure, trusted_share, without_margins

PROBABILITIES = torch.tensor([[[[0.9, 0.3]], [[0.1, 0.7]]], [[[0.5, 0.6]], [[0.5, 0.4]]]])  # (2, 2, 1, 2)


def test_most_likely_and_how_far_it_is_trusted():
    labels, likely = most_likely(PROBABILITIES)
    assert labels.tolist() == [[[0, 1]], [[0, 0]]]
    assert trusted_share(likely, 0.65).tolist() == [1.0, 0.0]
    assert trusted_share(likely, 0.8).tolist() == [0.5, 0.0]
    assert only_sure(labels, likely, 0.65).tolist() == [[[0, 1]], [[255, 255]]]
    assert only_sure(labels, likely, 0.9).tolist() == [[[255, 255]], [[255, 255]]]  # beyond, not at


def test_margins():
    weight = without_margins(torch.full((1, 5, 2), 0.5), 1, 2)
    assert weight[0, :, 0].tolist() == [0, 0.5, 0.5, 0, 0]
    assert without_margins(torch.ones(1, 2, 1), 0, 0).tolist() == [[[1], [1]]]


def test_weighted_cross_entropy():
    logits = torch.tensor([[[[0.0, 2.0, 1.0]], [[0.0, 0.0, 0.0]]]])
    labels = torch.tensor([[[0, 1, 255]]])
    each = [torch.tensor(2.0).log(), (1 + torch.tensor(2.0).exp()).log()]
    weight = torch.tensor([[[0.5, 0.25, 9.0]]])
    torch.testing.assert_close(weighted_cross_entropy(logits, labels, weight), (each[0] / 2 + each[1] / 4) / 2)
    torch.testing.assert_close(
        weighted_cross_entropy(logits, labels, torch.ones(1, 1, 1)), cross_entropy(logits, labels)
    )
    assert weighted_cross_entropy(logits, torch.full_like(labels, 255), weight) == 0
