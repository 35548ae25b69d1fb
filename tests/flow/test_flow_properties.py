"""What holds for the flow of any pictures: equals are at rest, and what changes both pictures changes the flow alike.

Networks are left out: without their weights they know nothing of motion.
"""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from davsn.core.plugins import available
from davsn.flow.estimator import FlowEstimator
from davsn.flow.estimators.zero import Zero
from davsn.ops.warp import mirror_flow, resize_flow

PARTS = {name: part for name, part in available(FlowEstimator).items() if "weights" not in part.Config.model_fields}
HEIGHT, WIDTH, EDGE = 96, 128, 20


def texture(seed):
    """A smooth random picture (1, 3, H, W) in [0, 1]."""
    noise = np.random.default_rng(seed).random((HEIGHT, WIDTH, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return torch.from_numpy((smooth - smooth.min()) / np.ptp(smooth)).permute(2, 0, 1)[None]


def moved(picture, right, down):
    return picture.roll((down, right), (2, 3))


def apart(flow, other):
    """The middle pixel's distance, away from the borders, over which content enters and leaves."""
    difference = (flow - other)[..., EDGE:-EDGE, EDGE:-EDGE]
    return float(difference.norm(dim=1).median())


motions = st.integers(0, 99), st.integers(-5, 5), st.integers(-5, 5)


@pytest.fixture(scope="module", params=PARTS, name="estimator")
def _estimator(request):
    part = PARTS[request.param]
    return part(part.Config())


@pytest.fixture(scope="module", name="estimate")
def _estimate(estimator):
    return estimator.estimate


@given(seed=motions[0])
@settings(deadline=None, max_examples=5)
def test_equal_frames_are_at_rest(estimate, seed):
    picture = texture(seed)
    assert estimate(picture, picture).abs().max() < 0.1


@given(*motions)
@settings(deadline=None, max_examples=10)
def test_a_shift_by_whole_pixels_is_that_flow(estimator, seed, right, down):
    picture, told = texture(seed), (0, 0) if isinstance(estimator, Zero) else (right, down)
    flow = estimator.estimate(picture, moved(picture, right, down))
    assert apart(flow, torch.tensor(told).view(1, 2, 1, 1)) < 0.25


@given(*motions)
@settings(deadline=None, max_examples=10)
def test_mirrored_frames_have_the_mirrored_flow_with_x_negated(estimate, seed, right, down):
    a = texture(seed)
    b = moved(a, right, down)
    assert apart(estimate(a.flip(-1), b.flip(-1)), mirror_flow(estimate(a, b))) < 0.25


@given(*motions)
@settings(deadline=None, max_examples=10)
def test_larger_frames_have_the_flow_of_their_size(estimate, seed, right, down):
    a = texture(seed)
    b, size = moved(a, right, down), (int(HEIGHT * 1.5), WIDTH * 2)
    large = [functional.interpolate(frame, size, mode="bilinear", align_corners=True) for frame in (a, b)]
    assert apart(estimate(*large), resize_flow(estimate(a, b), size)) < 0.5
