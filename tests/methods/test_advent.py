"""ADVENT and MinEnt: their own options, and the game by hand; the golden steps hold their mathematics."""

import math

import pytest
import torch
from torch import nn

from davsn.core.clip import Levels, Prediction
from davsn.learning.adversarial import fool, tell_apart
from davsn.methods.advent import Advent
from davsn.methods.minent import MinEnt
from davsn.networks.video import VideoSegmenter
from toy import CLASSES, LABELLED, UNLABELLED, Tiny, batch


def undecided():
    """A network whose fused scores are all alike, though those of the frames are not."""
    segmenter = VideoSegmenter(Tiny())
    nn.init.zeros_(segmenter.fusion.weight)
    return segmenter


def prediction(height=5, width=6):
    def levels():
        return Levels(*(torch.randn(2, CLASSES, height, width) for _ in range(2)))

    return Prediction(levels(), levels())


def flat(terms):
    return {term.name: term for together in terms for term in together}


def test_the_game_by_hand():
    judge = nn.Conv2d(1, 1, 1)
    nn.init.ones_(judge.weight)
    nn.init.zeros_(judge.bias)
    source, target = torch.zeros(1, 1, 1, 2), torch.full((1, 1, 1, 2), math.log(3), requires_grad=True)
    trick = fool("main", judge, target, 0.5)  # the judge says target with probability 3/4
    assert (trick.name, trick.trains, trick.weight) == ("fool/main", "segmenter", 0.5)
    assert trick.loss.item() == pytest.approx(math.log(4))
    of_source, of_target = tell_apart("main", judge, source, target)
    assert (of_source.name, of_target.name) == ("judge/main/source", "judge/main/target")
    assert {of_source.trains, of_target.trains} == {"main"}
    assert of_source.loss.item() == pytest.approx(math.log(2) / 2)
    assert of_target.loss.item() == pytest.approx(math.log(4 / 3) / 2)
    (of_source.loss + of_target.loss).backward()
    assert target.grad is None  # the judge's half never reaches the segmenter
    assert judge.weight.grad.abs().sum() > 0


def test_on_a_video_network_the_entropy_is_that_of_the_fused_scores():
    made = MinEnt(MinEnt.Config(entropy_weight=0.5, aux_entropy=0.1), undecided())
    terms = flat(made.terms(batch(0, LABELLED), batch(0, UNLABELLED), 0))
    assert terms["entropy/main"].loss.item() == pytest.approx(1, rel=1e-6)  # of all alike: the most there is
    assert terms["entropy/aux"].loss.item() == pytest.approx(1, rel=1e-6)
    assert (terms["entropy/main"].weight, terms["entropy/aux"].weight) == (0.5, pytest.approx(0.05))


def test_on_a_video_network_the_maps_are_of_the_fused_scores():
    segmenter = undecided()
    made = Advent(Advent.Config(), segmenter)
    for level in made.maps(segmenter(*batch(0, UNLABELLED).seen), (40, 48)).values():
        torch.testing.assert_close(level, torch.full((2, CLASSES, 40, 48), 1 / CLASSES))


@pytest.mark.parametrize(("views", "size"), [("image", (40, 48)), ("logits", (5, 6))])
def test_discriminators_see_maps_at_the_resolution_of_the_setting(views, size):
    shown = prediction()
    seen = Advent(Advent.Config(views=views), VideoSegmenter(Tiny())).maps(shown, (40, 48))
    assert list(seen) == ["main", "aux"]
    assert {tuple(view.shape) for view in seen.values()} == {(2, CLASSES, *size)}
    if views == "logits":
        p = shown.fused.aux.softmax(1)
        torch.testing.assert_close(seen["aux"], -p * p.log() / math.log(CLASSES))


def test_width_and_weights_are_settings():
    made = Advent(
        Advent.Config(discriminator_width=8, adversarial_weight=0.3, aux_adversarial=0.5), VideoSegmenter(Tiny())
    )
    assert {judge[0].weight.shape for judge in made.judges.values()} == {(8, CLASSES, 4, 4)}
    terms = flat(made.terms(batch(0, LABELLED), batch(0, UNLABELLED), 0))
    assert (terms["fool/main"].weight, terms["fool/aux"].weight) == (0.3, pytest.approx(0.15))
