"""Smoothing and test-time augmentation of a stream, on constructed clips."""

import numpy as np
import pytest
import torch

from colour_network import colour_segmenter
from davsn.core.settings import Settings
from davsn.flow.estimator import FlowEstimator
from davsn.flow.estimators.zero import Zero
from davsn.networks.ensemble import Ensemble
from davsn.networks.views import Views
from davsn.scoring.streaming import stream

ZERO = Zero(Settings())


class Known(FlowEstimator):
    """The flow between frames that move to the right by some pixels; ``back`` is what it says of the way back."""

    def __init__(self, right, back=None):
        self.forth, self.back = float(right), float(right if back is None else -back)
        self.calls = 0

    def estimate(self, frames_a, frames_b):
        x = -self.forth if self.calls % 2 == 0 else self.back  # a stream asks current→previous, then the way back
        self.calls += 1
        flow = frames_a.new_zeros(1, 2, *frames_a.shape[-2:])
        flow[:, 0] = x
        return flow


def frames(*columns, width=9):
    """Blue frames with a red column."""
    made = np.zeros((len(columns), 4, width, 3), np.uint8)
    made[..., 2] = 255
    for frame, column in zip(made, columns, strict=True):
        frame[:, column] = (255, 0, 0)
    return list(made)


def red(network, clip, estimator, **options):
    """The probability of red in the first row of each frame."""
    found = stream(network, clip, estimator, probabilities=True, **options)
    return [each.probabilities[0, 0] for each in found]


@pytest.mark.parametrize("propagation", ["warp", "none"])
def test_static_frames_are_averaged_over_time(propagation):
    network = colour_segmenter(2.0, propagation)
    first, second = red(network, frames(3, 5), ZERO)
    _, smooth = red(network, frames(3, 5), ZERO, smooth=0.25)
    np.testing.assert_allclose(smooth, 0.75 * second + 0.25 * first, atol=1e-6)
    assert not np.allclose(smooth, second)


def test_the_average_follows_a_known_motion():
    network = colour_segmenter(2.0)
    plain = red(network, frames(2, 4, 6), Known(2, back=2))
    smooth = red(network, frames(2, 4, 6), Known(2, back=2), smooth=0.5)
    np.testing.assert_allclose(smooth, plain, atol=1e-5)  # the content is the same along the motion


def test_an_occluded_past_is_forgotten():
    network = colour_segmenter(2.0)
    clip = frames(2, 7)
    smooth = red(network, clip, Known(0, back=5), smooth=0.5)  # the two directions do not agree
    alone = red(network, clip, ZERO)
    np.testing.assert_allclose(smooth, alone, atol=1e-6)


def test_smoothing_ends_flicker_and_begins_anew_with_another_size():
    network = colour_segmenter(4.0)
    bright, dim = np.full((4, 6, 3), (255, 0, 0), np.uint8), np.full((4, 6, 3), (120, 0, 135), np.uint8)
    clip = [bright, dim, bright, dim]
    masks = lambda **options: [each.mask[0, 0] for each in stream(network, clip, ZERO, **options)]  # noqa: E731
    assert masks() == [0, 2, 0, 2]
    assert masks(smooth=0.5) == [0, 0, 0, 0]
    clip = [bright, dim[:2]]
    assert masks(smooth=0.5) == [0, 2]


def test_a_mirrored_view_is_mirrored_back():
    network = colour_segmenter(2.0)
    clip = frames(2, 4, 3)
    for plain, flipped in zip(red(network, clip, ZERO), red(Views(network, flip=True), clip, ZERO), strict=True):
        np.testing.assert_allclose(flipped, plain, atol=1e-6)


def test_views_average_and_agree_between_a_stream_and_two_frames():
    torch.manual_seed(0)
    network = colour_segmenter(3.0).eval()
    torch.nn.init.normal_(network.fusion.weight)
    views = Views(network, (1.0, 0.5), flip=True)
    before, current = torch.rand(2, 1, 3, 8, 12)
    flow = torch.randn(1, 2, 8, 12)
    scores = views.scores(current, before, flow, (8, 12))
    _, memory = views.step(before, flow * 0, None, (8, 12))
    assert len(memory) == 4
    streamed, _ = views.step(current, flow, memory, (8, 12))
    torch.testing.assert_close(streamed, scores)
    halves = [Views(network, (scale,), flip=True).scores(current, before, flow, (8, 12)) for scale in (1.0, 0.5)]
    torch.testing.assert_close(sum(halves) / 2, scores)
    with pytest.raises(ValueError, match=r"scales are numbers above 0, but got \[0\]"):
        Views(network, [0])


def test_a_view_of_a_mirrored_pair_is_the_mirror_image():
    torch.manual_seed(0)
    network = colour_segmenter(3.0).eval()
    torch.nn.init.normal_(network.fusion.weight)
    before, current = torch.rand(2, 1, 3, 8, 12)
    flow = torch.randn(1, 2, 8, 12)
    _, mirrored = Views(network, flip=True).views
    wanted = network.scores(current, before, flow, (8, 12))
    seen = (mirrored.frame(current), mirrored.frame(before), mirrored.flow(flow))
    torch.testing.assert_close(mirrored.back(network.scores(*seen, (8, 12))), wanted)


def test_an_ensemble_streams_as_it_scores_pairs():
    torch.manual_seed(0)
    members = [colour_segmenter(3.0).eval(), colour_segmenter(1.0, "none").eval()]
    torch.nn.init.normal_(members[0].fusion.weight)
    both = Ensemble(members, [3, 1])
    before, current = torch.rand(2, 1, 3, 8, 12)
    flow = torch.randn(1, 2, 8, 12)
    _, memory = both.step(before, flow * 0, None, (8, 12))
    streamed, _ = both.step(current, flow, memory, (8, 12))
    torch.testing.assert_close(streamed, both.scores(current, before, flow, (8, 12)))
