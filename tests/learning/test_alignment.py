"""Prototypes of regions by hand, and the alignment's losses against a slow literal version."""

import cv2
import numpy as np
import pytest
import torch

from davsn.learning.alignment import FeatureAlignment
from davsn.learning.prototypes import Prototypes
from davsn.learning.thresholds import ClassThresholds
from davsn.ops.pseudo_labels import class_thresholds


def remember(bank, values, accepted=None):
    """Regions of one class and one feature, one a sample."""
    regions = torch.tensor(values).view(-1, 1, 1, 1)
    bank.remember(regions, torch.ones(len(values), 1, 1, dtype=torch.bool) if accepted is None else accepted)


def test_the_oldest_are_forgotten_first():
    bank = Prototypes((0,), 3, 1, None)
    remember(bank, [1.0, 2.0])
    assert bank.held[0, :3, 0].tolist() == [1, 2, 0]
    remember(bank, [3.0, 9.0, 4.0], torch.tensor([True, False, True]).view(3, 1, 1))
    assert bank.held[0, :3, 0].tolist() == [4, 2, 3]
    remember(bank, [5.0, 6.0, 7.0, 8.0, 9.0])  # more than there is room for
    assert sorted(bank.held[0, :3, 0].tolist()) == [7, 8, 9]
    assert bank.written.tolist() == [9]


def test_a_class_counts_when_more_has_been_seen_than_is_remembered():
    bank = Prototypes((0,), 2, 1, None)
    one, there = torch.full((1, 1, 1, 1), 5.0), torch.ones(1, 1, 1, dtype=torch.bool)
    remember(bank, [1.0, 2.0])
    assert bank.distance(one, there) == 0
    remember(bank, [4.0])
    assert bank.distance(one, there) == 1
    assert bank.distance(one, ~there) == 0


def test_the_losses_and_their_gradients_are_those_of_the_literal_version():
    torch.manual_seed(0)
    alignment = FeatureAlignment(3, (2,), 4, 6)
    for bank in alignment.banks.values():
        bank.held.copy_(torch.randn_like(bank.held))
        bank.written.fill_(bank.length + 1)
    labels = torch.tensor([0, 0, 1, 2, 255])[torch.randint(0, 5, (2, 9, 12))]
    features = torch.randn(2, 6, 9, 12)
    features[0, 0][labels[0] == 0] += 3  # class 0 is recognised in one of the samples
    features.requires_grad_()

    def classifier(means):
        return means[:, :3] - torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1)

    found = alignment.losses(features, labels, classifier)
    assert set(found) == {"stuff", "things"}

    expected = {"stuff": torch.zeros(()), "things": torch.zeros(())}
    counted = []
    for sample in range(2):
        for number in (0, 1):
            mean = features[sample, :, labels[sample] == number].mean(1)
            right = int(classifier(mean[None, :, None, None]).argmax()) == number
            counted.append(right)
            if right:
                held = alignment.banks["stuff"].held[number, :-1]
                expected["stuff"] = expected["stuff"] + min((mean - each).abs().mean() for each in held) / 2
        total, parts = cv2.connectedComponents((labels[sample] == 2).numpy().astype(np.uint8), connectivity=8)
        masks = sorted((torch.from_numpy(parts == part) for part in range(1, total)), key=lambda mask: -int(mask.sum()))
        held = alignment.banks["things"].held[0, :-1]
        nearest = [min((features[sample, :, mask].mean(1) - each).abs().mean() for each in held) for mask in masks[:10]]
        expected["things"] = expected["things"] + sum(nearest) / len(nearest) / 2
    assert set(counted) == {True, False}
    for name, loss in expected.items():
        torch.testing.assert_close(found[name], loss)
        one, other = (torch.autograd.grad(each, features, retain_graph=True)[0] for each in (found[name], loss))
        torch.testing.assert_close(one, other)


def test_what_is_remembered_is_predicted_right_and_recognised_by_its_mean():
    alignment = FeatureAlignment(2, (), 3, 2)
    assert set(alignment.banks) == {"stuff"}
    labels = torch.tensor([[[0, 0, 1, 1], [255, 0, 1, 1]]])
    features = torch.zeros(1, 2, 2, 4)
    features[0, 0], features[0, 1] = torch.arange(8.0).view(2, 4), 10.0
    predicted = torch.tensor([[[0, 1, 1, 1], [0, 0, 1, 0]]])
    alignment.remember(features, predicted, labels, lambda means: torch.cat([means[:, :1] * 0, means[:, :1] - 3.5], 1))
    assert alignment.banks["stuff"].written.tolist() == [1, 1]  # class 0: (0 + 5) / 2 < 3.5; class 1: (2 + 3 + 6) / 3
    assert alignment.banks["stuff"].held[:, 0].tolist() == [[2.5, 10], pytest.approx([11 / 3, 10])]
    alignment.remember(features, predicted, labels, lambda means: torch.cat([means[:, :1] * 0, means[:, :1] + 1], 1))
    assert alignment.banks["stuff"].written.tolist() == [1, 2]  # now class 0 is taken for class 1


def test_things_alone():
    assert set(FeatureAlignment(2, (0, 1), 3, 2).banks) == {"things"}


def test_the_thresholds_are_those_of_the_literal_version():
    torch.manual_seed(0)
    old, likely = torch.tensor([0.9, 0.5, 0.999, 0.7]), 0.3 + 0.7 * torch.rand(2, 8, 9)
    labels = torch.randint(0, 3, (2, 8, 9))  # class 3 is not there
    options = {"share": 0.2, "power": 8.0, "memory": 0.9, "most": 0.95}
    expected = []
    for number, threshold in enumerate(old.tolist()):
        values = [threshold, *likely[labels == number].tolist()]
        wanted = np.percentile(values, 100 * (1 - 0.2 * threshold**8))
        expected.append(min(0.9 * threshold + 0.1 * wanted, 0.95))
    assert class_thresholds(old, labels, likely, **options).tolist() == pytest.approx(expected, rel=1e-5)
    assert expected[3] == pytest.approx(0.7)


def test_labels_are_believed_from_their_class_threshold_on():
    thresholds = ClassThresholds(2)
    first = torch.tensor([[[[0.95, 0.4]], [[0.05, 0.6]]]])
    labels, believed = thresholds.believed(first)
    assert labels.tolist() == [[[0, 1]]]
    assert believed.tolist() == [[[True, False]]]
    expected = class_thresholds(
        torch.full((2,), 0.9), labels, first.amax(1), share=0.2, power=8.0, memory=0.9, most=0.999
    )
    assert thresholds.values.equal(expected)
    many = first.repeat(1, 1, 40, 1)
    for _ in range(60):
        thresholds.believed(many)
    assert 0.6 < thresholds.values[1] < 0.75  # a class that is never found surer comes down
    assert thresholds.values[0] > 0.9
