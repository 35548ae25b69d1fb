"""What every flow estimator must do, whatever it is; a new file in davsn/flow is tested without a test of its own."""

import pickle
from typing import get_args

import cv2
import numpy as np
import pytest
import torch

from davsn.core.errors import ConfigError
from davsn.core.plugins import available, name_of
from davsn.core.settings import validate
from davsn.flow.estimator import FlowEstimator
from davsn.flow.estimators.dis import Dis
from davsn.flow.estimators.flownet2.stacks import Part
from davsn.ops.resize import upsample
from davsn.ops.warp import mirror_flow, resize_flow, warp

ESTIMATORS = available(FlowEstimator)
NO_MOTION = {"zero"}  # says that nothing moves, and is right where nothing does
QUICK = {"raft_small": {"updates": 2}, "raft_large": {"updates": 2}}
PARTS = [part for part in get_args(Part) if part != "full"]
SLOW = {"flownet2", "raft_large"}
CASES = [(name, QUICK.get(name, {}), name in SLOW) for name in ESTIMATORS]
CASES += [("flownet2", {"part": part}, part == "css") for part in PARTS]
CASES = [
    pytest.param((name, settings), id="-".join([name, *map(str, settings.values())]), marks=[pytest.mark.slow] * slow)
    for name, settings, slow in CASES
]


def picture(height, width, seed=0):
    noise = np.random.default_rng(seed).random((3, height, width)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(channel, (0, 0), 1.5) for channel in noise])
    low, high = smooth.min(), smooth.max()
    return torch.from_numpy((smooth - low) / (high - low))[None]


@pytest.fixture(params=CASES, scope="module", name="estimator")
def _estimator(request):
    """A network has random weights here: its flow means nothing, but has a shape."""
    name, settings = request.param
    part = ESTIMATORS[name]
    return part(part.Config(**settings, **({"weights": "random"} if part.on_device else {})))


@pytest.fixture(name="real")
def _real(estimator):
    """An estimator whose flow means something."""
    if estimator.on_device:
        pytest.skip("random weights find no motion")
    return estimator


@pytest.mark.parametrize(("height", "width"), [(64, 96), (47, 65), (33, 200), (9, 5), (1, 1)])
def test_any_size_gives_a_flow_of_that_size(estimator, height, width):
    a, b = picture(height, width), picture(height, width, seed=1)
    flow = estimator.estimate(torch.cat([a, b]), torch.cat([b, a]))
    assert flow.shape == (2, 2, height, width)
    assert flow.dtype == torch.float32
    assert flow.device == a.device
    assert flow.isfinite().all()


def test_identical_frames_do_not_move(real):
    a = picture(48, 80)
    assert real.estimate(a, a).abs().max() < 0.1


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -2), (-4, 3)])
def test_a_shift_of_whole_pixels_is_found_with_its_sign(real, right, down):
    if name_of(type(real)) in NO_MOTION:
        pytest.skip("estimates no motion by design")
    a = picture(96, 128)
    b = a.roll((down, right), (2, 3))  # content at p in a is at p + (right, down) in b
    middle = real.estimate(a, b)[0, :, 20:-20, 20:-20].flatten(1)
    assert (middle.median(1).values - torch.tensor([float(right), float(down)])).abs().max() < 0.2


def test_a_mirrored_pair_has_the_mirrored_flow(real):
    a = picture(96, 128)
    b = a.roll((2, -3), (2, 3))
    flow, mirrored = real.estimate(a, b), real.estimate(a.flip(-1), b.flip(-1))
    assert (flow - mirror_flow(mirrored)).abs().median() < 0.05


def test_frames_of_twice_the_size_have_twice_the_flow(real):
    a = picture(96, 128)
    b = a.roll((2, -3), (2, 3))
    large = real.estimate(upsample(a, (192, 256)), upsample(b, (192, 256)))
    small = resize_flow(real.estimate(a, b), (192, 256))
    assert (large - small)[..., 40:-40, 40:-40].abs().median() < 0.3


def test_items_of_a_batch_do_not_touch_each_other(estimator):
    a, b = torch.cat([picture(40, 56), picture(40, 56, 1)]), torch.cat([picture(40, 56, 2), picture(40, 56, 3)])
    both = estimator.estimate(a, b)
    for item in range(2):
        alone = estimator.estimate(a[item : item + 1], b[item : item + 1])[0]
        # Convolutions choose another way to sum for another batch size.
        assert torch.allclose(both[item], alone, atol=1e-4) if estimator.on_device else torch.equal(both[item], alone)


def test_the_input_is_left_as_it_is(estimator):
    a, b = picture(40, 56), picture(40, 56, 1)
    given = a.clone(), b.clone()
    estimator.estimate(a, b)
    assert torch.equal(a, given[0])
    assert torch.equal(b, given[1])


def test_its_flow_can_stand_in_a_training_step(estimator):
    a, b = picture(40, 56), picture(40, 56, 1).requires_grad_()
    with torch.inference_mode():
        estimator.estimate(a, b)  # as prediction does, perhaps with the same estimator
    with torch.autocast("cpu", torch.bfloat16):
        flow = estimator.estimate(a, b)
    assert flow.dtype == torch.float32
    assert not flow.requires_grad
    scores = torch.rand(1, 3, 40, 56, requires_grad=True)
    warp(scores, flow)[0].sum().backward()  # an inference tensor would be refused here
    assert scores.grad.isfinite().all()


def test_it_says_what_it_is(estimator):
    name = name_of(type(estimator))
    assert estimator.identity().startswith(f"{name} {{")
    assert (" weights " in estimator.identity()) == estimator.on_device


def test_it_travels_to_workers(estimator):
    if estimator.on_device:
        pytest.skip("networks stay in the process that trains")
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
