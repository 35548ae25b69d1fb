"""DA-VSN's own options; the golden steps hold its mathematics."""

import pytest
import torch

from davsn.core.clip import Levels, Prediction
from davsn.methods.da_vsn import DaVsn
from davsn.networks.video import VideoSegmenter
from toy import CLASSES, LABELLED, UNLABELLED, Tiny, batch


def method(**config):
    return DaVsn(DaVsn.Config(**config), VideoSegmenter(Tiny()))


def prediction(generator, height=5, width=6):
    def levels():
        return Levels(*(torch.randn(2, CLASSES, height, width, generator=generator) for _ in range(2)))

    return Prediction(levels(), levels(), levels(), torch.zeros(2, 2, height, width))


@pytest.mark.parametrize(("views", "size"), [("image", (40, 48)), ("logits", (5, 6))])
def test_discriminators_see_maps_at_the_resolution_of_the_setting(views, size):
    seen = method(views=views).views(prediction(torch.Generator().manual_seed(0)), (40, 48))
    assert list(seen) == ["spatio_temporal/main", "spatial/main", "spatio_temporal/aux", "spatial/aux"]
    assert {tuple(view.shape) for view in seen.values()} == {(2, 2 * CLASSES, *size)}


def test_softmax_is_over_each_frame_or_over_both_together():
    shown = prediction(torch.Generator().manual_seed(0))
    own, joint = (method(views="logits", softmax=kind).views(shown, (5, 6)) for kind in ("per_frame", "joint"))
    for name in own:
        assert torch.allclose(own[name][:, :CLASSES].sum(1), torch.ones(2, 5, 6))
        assert torch.allclose(own[name][:, CLASSES:].sum(1), torch.ones(2, 5, 6))
        assert torch.allclose(joint[name].sum(1), torch.ones(2, 5, 6))
    assert torch.allclose(own["spatial/main"] / 2, joint["spatial/main"])  # of two equal halves
    assert not torch.allclose(own["spatio_temporal/main"] / 2, joint["spatio_temporal/main"])


def test_consistency_follows_the_previous_prediction_only_where_it_is_surer():
    sure, unsure = torch.tensor([9.0, 0, 0]), torch.tensor([0.5, 0, 0])
    current = torch.stack([unsure, sure], 1).view(1, CLASSES, 1, 2).repeat(1, 1, 2, 1)
    previous = torch.stack([sure.roll(1), unsure.roll(1)], 1).view(1, CLASSES, 1, 2).repeat(1, 1, 2, 1)
    levels = Levels(current, current)
    shown = Prediction(levels, levels, Levels(previous, previous), torch.zeros(1, 2, 2, 2))
    main, _ = method().consistency(shown)
    p, q = current.softmax(1), previous.softmax(1)
    expected = (p - q)[..., 0].abs().sum() / p.numel()  # the left column alone: there the previous one is surer
    torch.testing.assert_close(main.loss, expected)


def test_the_discriminators_width_is_a_setting():
    judges = method(discriminator_width=8).judges.values()
    assert {judge[0].weight.shape for judge in judges} == {(8, 2 * CLASSES, 4, 4)}


def test_terms_run_on_logits_of_the_smallest_size_a_discriminator_takes():
    segmenter = VideoSegmenter(Tiny())
    source, target = batch(0, LABELLED, size=(128, 128)), batch(0, UNLABELLED, size=(128, 128))
    made = DaVsn(DaVsn.Config(views="logits", discriminator_width=4), segmenter)
    assert len(list(made.terms(source, target, 0))) == 8
