"""The teacher: a moving average with growing memory, that no gradient reaches and every checkpoint holds."""

import pytest
import torch

from davsn.learning.teacher import Teacher, frozen, taught
from davsn.networks.video import VideoSegmenter
from toy import UNLABELLED, Tiny, batch


def test_it_is_the_segmenter_first_and_then_remembers_ever_more_of_what_it_was():
    segmenter = VideoSegmenter(Tiny())
    teacher = Teacher(segmenter, 0.6)
    values = []
    for value in (1.0, 2.0, 5.0, 9.0):
        with torch.no_grad():
            segmenter.image.main.bias.fill_(value)
            segmenter.image.norm.running_mean.fill_(-value)
            segmenter.image.norm.num_batches_tracked.fill_(int(value))
        teacher.follow(segmenter)
        values.append(float(teacher.module.image.main.bias[0]))
        assert float(teacher.module.image.norm.running_mean[0]) == -values[-1]
        assert int(teacher.module.image.norm.num_batches_tracked) == int(value)
    expected = [1.0]
    for memory, value in ((1 / 2, 2.0), (0.6, 5.0), (0.6, 9.0)):  # 1 − 1/2, then min(1 − 1/3, 0.6)
        expected.append(memory * expected[-1] + (1 - memory) * value)
    assert values == pytest.approx(expected)


def test_it_predicts_by_the_statistics_of_the_batch_or_by_the_running_ones():
    segmenter, given = VideoSegmenter(Tiny()).train(), batch(0, UNLABELLED)
    kinds = {kind: frozen(segmenter, kind) for kind in ("batch", "running")}
    before = {kind: taught(copied, given).current.main for kind, copied in kinds.items()}
    for copied in kinds.values():
        assert copied.image.norm.running_mean.equal(segmenter.image.norm.running_mean)  # which predicting left alone
        copied.image.norm.running_mean.fill_(3.0)
    after = {kind: taught(copied, given).current.main for kind, copied in kinds.items()}
    assert before["batch"].equal(after["batch"])
    assert not before["running"].allclose(after["running"])
    assert before["running"].allclose(segmenter.eval()(*given.seen).current.main)


def test_no_gradient_reaches_it_and_it_predicts_without_dropout():
    segmenter = VideoSegmenter(Tiny()).train()
    teacher = Teacher(segmenter, 0.9)
    given = batch(0, UNLABELLED)
    first, second = taught(teacher, given), taught(teacher, given)
    assert torch.equal(first.fused.main, second.fused.main)  # no dropout
    assert not first.fused.main.requires_grad
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    assert segmenter.training
    assert all(parameter.requires_grad for parameter in segmenter.parameters())
