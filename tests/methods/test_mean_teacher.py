"""The mean teacher against a slow literal version, and what its switches do."""

import pytest
import torch
from torch.nn.functional import interpolate

from davsn.methods.mean_teacher import MeanTeacher
from davsn.networks.video import VideoSegmenter
from toy import CLASSES, LABELLED, UNLABELLED, Tiny, batch


def made(**settings):
    torch.manual_seed(0)
    return MeanTeacher(MeanTeacher.Config(**{"blur": [0.5], "jitter": 0.0, **settings}), VideoSegmenter(Tiny()).eval())


def pair():
    return batch(0, LABELLED), batch(0, UNLABELLED)


def test_the_losses_and_gradients_are_those_of_the_literal_version():
    method = made(threshold=0.36, margin_above=3, margin_below=5)
    source, target = pair()
    mixed, (labels, _, weight) = given = method.mixed(source, target)
    method.mixed = lambda *_: given  # the same draw for both versions
    _, (main, _) = method.terms(source, target, 0)
    parameters = list(method.segmenter.parameters())
    found = torch.autograd.grad(main.loss, parameters, allow_unused=True)

    logits = interpolate(method.segmenter(*mixed.seen).fused.main, mixed.size, mode="bilinear", align_corners=True)
    total, counted = torch.zeros(()), 0
    for sample in range(2):
        for row in range(0, 40):
            for column in range(0, 48):
                label = int(labels[sample, row, column])
                if label < CLASSES:
                    likely = logits[sample, :, row, column].softmax(0)[label]
                    total = total - weight[sample, row, column] * likely.log()
                    counted += 1
    torch.testing.assert_close(main.loss, total / counted)
    expected = torch.autograd.grad(total / counted, parameters, allow_unused=True)
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_pseudo_labels_weigh_as_much_as_the_teacher_is_sure_and_not_at_all_in_the_margins():
    method = made(threshold=0.36, margin_above=3, margin_below=5)
    _, target = pair()
    labels, aux, weight = method.pseudo_labels(target)
    assert aux is labels
    likely = interpolate(method.teacher(*target.seen).fused.main, target.size, mode="bilinear", align_corners=True)
    likely = likely.softmax(1)
    assert labels.equal(likely.argmax(1))
    for sample in range(2):
        share = float((likely[sample].amax(0) > 0.36).float().mean())
        assert 0 < share < 1
        assert weight[sample, 3:-5].unique().tolist() == pytest.approx([share])
        assert weight[sample, :3].max() == weight[sample, -5:].max() == 0


def test_a_mixed_clip_holds_half_of_the_source_classes_with_their_labels_and_full_weight():
    method = made(threshold=1.0)
    source, target = pair()
    torch.manual_seed(3)
    _, (mixed, aux, weight) = method.mixed(source, target)
    pasted = weight == 1
    assert 0 < pasted.float().mean() < 1
    assert aux.equal(mixed)
    assert mixed[pasted].equal(source.labels[pasted])
    labels = method.pseudo_labels(target).main
    assert mixed[~pasted].equal(labels[~pasted])
    for sample in range(2):
        assert len(source.labels[sample][pasted[sample]].unique()) == 2  # the larger half of three


def test_without_mixing_the_target_is_learned_from_as_the_teacher_sees_it():
    method = made(mixing=False)
    source, target = pair()
    assert method.mixed(source, target)[1] is method.pseudo_labels(target)


def test_the_teacher_follows_after_each_step():
    method = made(decay=0.5)
    before = method.teacher.module.image.main.bias.clone()
    with torch.no_grad():
        method.segmenter.image.main.bias.add_(1.0)
    method.after_step(0)
    torch.testing.assert_close(method.teacher.module.image.main.bias, before + 1)
    with torch.no_grad():
        method.segmenter.image.main.bias.add_(1.0)
    method.after_step(1)
    torch.testing.assert_close(method.teacher.module.image.main.bias, before + 1.5)
