"""What every flow estimator must do, whatever it is; a new file in davsn/flow is tested without a test of its own."""

import pickle

import cv2
import numpy as np
import pytest
import torch

from davsn.components import available
from davsn.errors import ConfigError
from davsn.flow.base import FlowEstimator
from davsn.flow.dis import Dis
from davsn.settings import validate

ESTIMATORS = available("davsn.flow", FlowEstimator)
NO_MOTION = {"zero"}  # says that nothing moves, and is right where nothing does


def picture(height, width, seed=0):
    noise = np.random.default_rng(seed).random((3, height, width)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(channel, (0, 0), 1.5) for channel in noise])
    low, high = smooth.min(), smooth.max()
    return torch.from_numpy((smooth - low) / (high - low))[None]


@pytest.fixture(params=ESTIMATORS, name="estimator")
def _estimator(request):
    part = ESTIMATORS[request.param]
    return part(part.Config())


@pytest.mark.parametrize(("height", "width"), [(64, 96), (47, 65), (33, 200), (9, 5), (1, 1)])
def test_any_size_gives_a_flow_of_that_size(estimator, height, width):
    a, b = picture(height, width), picture(height, width, seed=1)
    flow = estimator.estimate(torch.cat([a, b]), torch.cat([b, a]))
    assert flow.shape == (2, 2, height, width)
    assert flow.dtype == torch.float32
    assert flow.device == a.device
    assert flow.isfinite().all()


def test_identical_frames_do_not_move(estimator):
    a = picture(48, 80)
    assert estimator.estimate(a, a).abs().max() < 0.1


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -2), (-4, 3)])
def test_a_shift_of_whole_pixels_is_found_with_its_sign(estimator, right, down, request):
    if request.node.callspec.params["estimator"] in NO_MOTION:
        pytest.skip("estimates no motion by design")
    a = picture(96, 128)
    b = a.roll((down, right), (2, 3))  # content at p in a is at p + (right, down) in b
    middle = estimator.estimate(a, b)[0, :, 20:-20, 20:-20].flatten(1)
    assert (middle.median(1).values - torch.tensor([float(right), float(down)])).abs().max() < 0.2


def test_items_of_a_batch_do_not_touch_each_other(estimator):
    a, b = torch.cat([picture(40, 56), picture(40, 56, 1)]), torch.cat([picture(40, 56, 2), picture(40, 56, 3)])
    both = estimator.estimate(a, b)
    for item in range(2):
        assert torch.equal(both[item], estimator.estimate(a[item : item + 1], b[item : item + 1])[0])


def test_it_travels_to_workers(estimator):
    a, b = picture(40, 56), picture(40, 56, 1)
    assert torch.equal(pickle.loads(pickle.dumps(estimator)).estimate(a, b), estimator.estimate(a, b))


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_every_dis_preset_works_and_ignores_the_number_of_threads(preset):
    a = picture(150, 200)
    b, flows = a.roll(2, 3), []
    before = cv2.getNumThreads()
    try:
        for threads in (1, 3):
            cv2.setNumThreads(threads)
            flows.append(Dis(Dis.Config(preset=preset)).estimate(a, b))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    assert torch.equal(*flows)
    assert abs(float(flows[0][0, 0].median()) - 2) < 0.2


def test_dis_names_its_presets():
    with pytest.raises(ConfigError, match="preset  input should be 'ultrafast', 'fast' or 'medium', but got 'best'"):
        validate(Dis.Config, {"preset": "best"}, "the recipe")
