"""CMOM against literal versions of its parts, and its one switch against the public code's arithmetic."""

import pytest
import torch
from torch.nn.functional import interpolate

from davsn.core.clip import Batch
from davsn.core.errors import ConfigError
from davsn.learning.mixing import at_size, moved
from davsn.methods.cmom import Cmom
from davsn.networks.video import VideoSegmenter
from davsn.ops.mixing import share_of_the_classes
from davsn.ops.warp import splat, warp
from toy import CLASSES, LABELLED, UNLABELLED, Tiny, batch


def made(propagation="warp", **settings):
    torch.manual_seed(0)
    return Cmom(Cmom.Config(**settings), VideoSegmenter(Tiny(), propagation).eval())


def pair():
    return batch(0, LABELLED), batch(0, UNLABELLED)


def full(maps):
    return interpolate(maps, (40, 48), mode="bilinear", align_corners=True)


def test_the_losses_are_those_of_their_parts_and_of_the_literal_version():
    method = made(things=[2], aux_weight=0.2, alignment_weight=0.3, prototypes=1)
    source, target = pair()
    for bank in method.features.banks.values():
        bank.held.copy_(torch.rand_like(bank.held))
        bank.written.fill_(bank.length + 1)
    mixed, labels = given = method.mixed(source, target)
    method.mixed = lambda *_: given  # the same draw for both versions
    _, (main, aux, stuff, things) = method.terms(source, target, 0)
    assert [term.weight for term in (main, aux, stuff, things)] == [1.0, 0.2, 0.3, 0.3]
    parameters = list(method.segmenter.parameters())

    said = method.segmenter(mixed.current, mixed.previous, mixed.flow, features=True)
    for term, level in ((main, said.fused.main), (aux, said.fused.aux)):
        logits, counted = full(level).log_softmax(1), labels.main != 255
        total = sum(
            -logits[sample, labels.main[sample, row, column], row, column] for sample, row, column in counted.nonzero()
        )
        torch.testing.assert_close(term.loss, total / counted.sum())
        found = torch.autograd.grad(term.loss, parameters, allow_unused=True, retain_graph=True)
        expected = torch.autograd.grad(total / counted.sum(), parameters, allow_unused=True, retain_graph=True)
        for one, other in zip(found, expected, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    now, (before, arrived) = said.current.main.argmax(1), warp(said.previous.main.softmax(1), said.flow)
    agreed = torch.where(arrived & (before.argmax(1) == now), now, 255)
    assert 0 < (agreed != 255).float().mean() < 1
    for term, name in ((stuff, "stuff"), (things, "things")):
        loss = method.features.losses(said.features, agreed, method.segmenter.image.classify)[name]
        torch.testing.assert_close(term.loss, loss)
    assert things.loss > 0


def test_the_start_network_labels_the_target_and_stays_as_it_was():
    method = made()
    _, target = pair()
    likely = full(method.segmenter(*target.seen).fused.main).softmax(1)
    with torch.no_grad():
        method.segmenter.image.main.bias.add_(torch.tensor([9.0, 0.0, -9.0]))
    method.thresholds.values.fill_(0.4)
    found = method.pseudo_labels(target)
    sure = likely.amax(1) >= method.thresholds.values[likely.argmax(1)]
    assert 0 < sure.float().mean() < 1
    assert found.main.equal(torch.where(sure, likely.argmax(1), 255))
    assert found.aux is found.main
    assert found.trusted.eq(1).all()
    assert not any(parameter.requires_grad for parameter in method.labeller.parameters())
    assert not method.labeller.training


def test_the_thresholds_move_once_a_step_however_often_labels_are_asked_for():
    method = made()
    _, target = pair()
    method.pseudo_labels(target)
    moved_once = method.thresholds.values.clone()
    assert not moved_once.equal(torch.full((CLASSES,), 0.9))
    method.pseudo_labels(target)
    assert method.thresholds.values.equal(moved_once)


@pytest.mark.parametrize(("held", "wanted"), [(1, 1), (2, 2), (3, 2), (4, 3), (6, 4), (10, 8)])
def test_three_quarters_of_the_classes(held, wanted):
    labels = torch.arange(held).repeat(1, 3, 2)
    for mask in [share_of_the_classes(labels, 12, 0.75) for _ in range(5)]:
        assert len(labels[mask].unique()) == wanted
        assert mask.sum() == 6 * wanted


def test_objects_keep_their_motion_and_labels():
    method = made()
    source, target = pair()
    mixed, labels = method.mixed(source, target)
    pasted = (mixed.current == source.current).all(1)
    assert len(source.labels[0][pasted[0]].unique()) == 2  # three quarters of three
    assert labels.main[pasted].equal(source.labels[pasted])
    assert mixed.flow.permute(0, 2, 3, 1)[pasted].equal(source.flow.permute(0, 2, 3, 1)[pasted])
    assert mixed.flow.permute(0, 2, 3, 1)[~pasted].equal(target.flow.permute(0, 2, 3, 1)[~pasted])


def test_the_published_flow_has_the_previous_frames_mask_and_the_sources_ratio():
    method = made("splat", mixed_flow="published")
    source = at_size(batch(0, LABELLED), (60, 96))
    target = batch(0, UNLABELLED)
    half = torch.randn(2, 2, 20, 48)
    target = Batch(target.frames, {(0, -1): half})
    source.flows[0, -1] = torch.randn(2, 2, 30, 40)
    mixed, _ = method.mixed(source, target)
    front = at_size(source, target.size)
    mask = (mixed.current == front.current).all(1)
    before = moved(mask, front, -1)
    assert not before.equal(mask)
    ratio = 40 / 30  # the target's height over that of the source's flow
    ours, theirs = full(source.flow) * ratio, full(half) * ratio
    expected = torch.where(before[:, None], ours, theirs)
    torch.testing.assert_close(mixed.flow, expected)
    assert not torch.allclose(made("splat").mixed(source, target)[0].flow, expected)

    said = method.segmenter(*mixed.seen, features=True)
    flow = interpolate(half, (10, 12), mode="bilinear", align_corners=True)
    flow = torch.stack([flow[:, 0] * (12 / 48), flow[:, 1] * (10 / 20)], 1)
    propagated, arrived = splat(said.previous.main.softmax(1), flow)
    label = said.current.main.argmax(1)
    expected = torch.where(arrived & (propagated.argmax(1) == label), label, 255)
    assert method.agreed(said, target).equal(expected)
    assert not made("splat").agreed(said, target).equal(expected)


def test_what_cannot_be_aligned_is_refused_in_words(monkeypatch):
    with pytest.raises(ConfigError, match=r"method.things  \[3, 7\] are no train ids; use 0 to 2"):
        made(things=[7, 1, 3])
    monkeypatch.setattr(Tiny, "feature_channels", None)
    with pytest.raises(ConfigError, match=r"network  gives no features to align\. Choose deeplab or light"):
        made()
