"""An ensemble of networks, as the public code means to do and as it does."""

import math
from dataclasses import replace

import pytest
import torch

from colour_network import TAXONOMY, colour_segmenter
from davsn.core.clip import Batch, Levels
from davsn.networks.ensemble import Ensemble
from davsn.networks.video import VideoSegmenter
from davsn.scoring.evaluation import evaluate
from toy import Tiny


def reddish(strength):
    """A network whose logits are the picture's colours, with some more red."""
    segmenter = colour_segmenter(1.0)
    plain = segmenter.image.forward

    def forward(images):
        more = torch.zeros_like(images)
        more[:, 0] = strength
        return Levels(*(level + more for level in plain(images)))

    segmenter.image.forward = forward
    return segmenter


PICTURE = torch.tensor([[0.0, 0.2], [1.0, 0.5], [0.3, 0.9]]).view(1, 3, 1, 2)
FLOW = torch.zeros(1, 2, 1, 2)
SIZE = (2, 4)


def logits(network):
    return network.scores(PICTURE, PICTURE, FLOW, SIZE)


def test_the_weighted_mean_of_the_logits_decides():
    plain, red = colour_segmenter(1.0), reddish(1.2)
    both = Ensemble([plain, red], [2, 3])
    expected = (2 * logits(plain).double() + 3 * logits(red).double()) / 5
    assert torch.allclose(logits(both).double(), expected, atol=1e-6)
    found = [network.predict(PICTURE, PICTURE, FLOW, SIZE)[0, 0].tolist() for network in (plain, red, both)]
    assert found == [[1, 1, 2, 2], [0, 0, 0, 0], [1, 1, 0, 0]]  # what neither says alone
    assert torch.equal(logits(Ensemble([plain, red], [4, 6])), logits(both))  # only the ratios matter


def test_a_heavier_network_wins():
    plain, red = colour_segmenter(1.0), reddish(1.2)
    one, other = Ensemble([plain, red], [100, 1]), Ensemble([plain, red], [1, 100])
    assert one.predict(PICTURE, PICTURE, FLOW, SIZE)[0, 0].tolist() == [1, 1, 2, 2]
    assert other.predict(PICTURE, PICTURE, FLOW, SIZE)[0, 0].tolist() == [0, 0, 0, 0]


def test_the_public_codes_accident_runs_the_first_in_each_ones_place():
    plain, red = colour_segmenter(1.0), reddish(1.2)
    faithful = Ensemble([plain, red], [1, 100], first_only=True)
    assert torch.allclose(logits(faithful), logits(plain))
    assert plain.image.calls > 0
    calls = red.image.calls
    logits(faithful)
    assert red.image.calls == calls


def test_networks_of_other_resolutions_are_resized_first():
    class Coarse(VideoSegmenter):
        def forward(self, current, previous, flow, previous_logits=None):
            found = super().forward(current, previous, flow, previous_logits)
            return replace(found, fused=Levels(*(level[..., :1] for level in found.fused)))

    coarse = Coarse(colour_segmenter(1.0).image)
    both = Ensemble([coarse, colour_segmenter(1.0)], [1, 1])
    assert logits(both).shape == (1, 3, *SIZE)


def test_evaluation_takes_it_as_it_takes_one():
    frame = torch.nn.functional.one_hot(torch.tensor([[0, 1, 2]]), 3).permute(2, 0, 1)[None].float()
    batch = Batch({0: frame, -1: frame}, {(0, -1): torch.zeros(1, 2, 1, 3)}, {}, torch.tensor([[[0, 1, 1]]]), ("a/0",))
    one = evaluate(colour_segmenter(), [batch], TAXONOMY)
    both = Ensemble([colour_segmenter(), colour_segmenter()], [1, 3]).train()
    assert evaluate(both, [batch], TAXONOMY).counts == one.counts
    assert both.training


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, math.nan], [1.0, math.inf]])
def test_weights_that_do_not_fit(weights):
    with pytest.raises(ValueError, match="2 networks need 2 weights above 0"):
        Ensemble([colour_segmenter(), colour_segmenter()], weights)


def test_other_classes():
    with pytest.raises(ValueError, match="need the same number of classes"):
        Ensemble([colour_segmenter(), VideoSegmenter(Tiny(num_classes=5))], [1, 1])
