"""Entropies at the two ends of certainty, and in between."""

import pytest
import torch

from davsn.ops.uncertainty import entropy, entropy_loss, self_information


def test_uniform_is_most_and_one_hot_is_least_uncertain():
    uniform = torch.full((1, 5, 2, 3), 0.2)
    certain = torch.zeros(1, 5, 2, 3)
    certain[:, 2] = 1
    assert entropy_loss(uniform).item() == pytest.approx(1, rel=1e-6)
    torch.testing.assert_close(entropy(uniform), torch.full((1, 2, 3), 1 / 5))
    assert (self_information(certain) == 0).all()
    assert entropy_loss(certain) == 0


def test_halves_quarters_and_eighths():
    probabilities = torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 8]).view(1, 4, 1, 1)  # bits: 1, 2, 3, 3; at most log2 4 = 2
    assert self_information(probabilities).flatten().tolist() == pytest.approx([1 / 4, 1 / 4, 3 / 16, 3 / 16])
    assert entropy(probabilities).item() == pytest.approx(7 / 32)
    assert entropy_loss(probabilities.expand(2, 4, 3, 5)).item() == pytest.approx(7 / 8)


def test_the_gradient_is_finite_where_a_probability_is_zero():
    probabilities = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1).requires_grad_()
    entropy_loss(probabilities).backward()
    assert probabilities.grad.isfinite().all()


def test_more_certain_means_less():
    logits = torch.randn(1, 7, 4, 4)
    means = [entropy((sharpness * logits).softmax(1)).mean() for sharpness in (0.1, 1.0, 10.0)]
    assert means[0] > means[1] > means[2]
