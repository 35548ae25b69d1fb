"""Moving maps along a flow: against the literal loops, and by what must hold for any flow."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from davsn.ops.warp import mirror_flow, resize_flow, splat, warp
from oracles.propagation import literal_splat, literal_warp

cases = given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 5),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    reach=st.sampled_from([0.4, 1.0, 3.0, 40.0]),
    kind=st.sampled_from(["smooth", "halves", "tenths"]),
    seed=st.integers(0, 10_000),
)
few = settings(deadline=None, max_examples=40)


def drawn(batch, channels, height, width, reach, kind, seed):
    """Maps and a flow; "halves" meets the rounding's ties, all of them make values meet and leave."""
    random = torch.Generator().manual_seed(seed)
    maps = torch.randn(batch, channels, height, width, generator=random)
    flow = reach * torch.randn(batch, 2, height, width, generator=random, dtype=torch.float64)
    steps = {"halves": 2, "tenths": 10}
    return maps, (flow * steps[kind]).round() / steps[kind] if kind in steps else flow


@few
@cases
def test_splat_equals_the_double_loop_bit_for_bit(**case):
    maps, flow = drawn(**case)
    splatted, hit = splat(maps, flow)
    for item in range(len(maps)):
        expected, written = literal_splat(maps[item].numpy(), flow[item].numpy())
        np.testing.assert_array_equal(splatted[item].numpy(), expected)
        np.testing.assert_array_equal(hit[item].numpy(), written)


@few
@cases
def test_splat_sends_gradients_back_to_the_writers_that_stayed(**case):
    maps, flow = drawn(**case)
    maps.requires_grad_()
    splatted, _ = splat(maps, flow)
    pull = torch.randn_like(splatted)
    splatted.backward(pull)
    height, width = maps.shape[-2:]
    for item in range(len(maps)):
        number = np.arange(1, height * width + 1).reshape(1, height, width)
        writer = literal_splat(number, flow[item].numpy())[0].ravel()  # which pixel stayed where; 0 for none
        expected = np.zeros((maps.shape[1], height * width), np.float32)
        for place, pixel in enumerate(writer):
            if pixel:
                expected[:, pixel - 1] = pull[item].flatten(1)[:, place].numpy()
        np.testing.assert_array_equal(maps.grad[item].flatten(1).numpy(), expected)


@few
@cases
def test_warp_equals_the_literal_sampling(**case):
    maps, flow = drawn(**case)
    warped, valid = warp(maps, flow)
    for item in range(len(maps)):
        expected, inside = literal_warp(maps[item].double().numpy(), flow[item].numpy())
        np.testing.assert_allclose(warped[item].numpy(), expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(valid[item].numpy(), inside)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 1e30, -1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_broken_flow_is_outside_the_frame(broken, dtype):
    maps = torch.randn(1, 3, 4, 5)
    flow = torch.zeros(1, 2, 4, 5, dtype=dtype)
    flow[0, 0, 1, 2] = broken
    splatted, hit = splat(maps, flow)
    warped, valid = warp(maps, flow)
    for moved, arrived in ((splatted, hit), (warped, valid)):
        assert arrived.sum() == 19
        assert not arrived[0, 1, 2]
        assert moved.isfinite().all()
        assert torch.equal(moved[arrived[:, None].expand_as(moved)], maps[arrived[:, None].expand_as(maps)])
    assert (splatted[0, :, 1, 2] == 0).all()


def test_splat_leaves_zeros_even_beside_values_that_are_no_numbers():
    maps = torch.full((1, 2, 3, 4), math.nan)
    flow = torch.full((1, 2, 3, 4), 100.0)
    splatted, hit = splat(maps, flow)
    assert (splatted == 0).all()
    assert not hit.any()


def test_splat_rounds_in_float64_whatever_the_flow_is_given_in():
    flow = torch.zeros(1, 2, 1, 1004)
    flow[0, 0, 0, 1001] = -0.49999997  # 1001.49999997 rounds to 1001; in float32 the sum is 1001.5, which goes to 1002
    maps = torch.arange(1004.0).view(1, 1, 1, -1)
    assert torch.equal(splat(maps, flow)[0], maps)


@pytest.mark.parametrize("move", [splat, warp])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_zero_flow_changes_nothing(move, dtype):
    maps = torch.randn(2, 3, 5, 7).to(dtype)
    moved, arrived = move(maps, torch.zeros(2, 2, 5, 7))
    torch.testing.assert_close(moved, maps)  # the type too
    assert arrived.all()


@pytest.mark.parametrize(("x", "y"), [(2, 0), (0, -1), (-3, 2)])
def test_warp_follows_the_convention(x, y):
    """Content at p in a is at p + flow(p) in b: what b shows there comes to p."""
    content = torch.randn(1, 2, 9, 11)
    on_b = content.roll((y, x), (2, 3))  # the camera moved: everything lies (x, y) further in b
    flow = torch.tensor([float(x), float(y)]).view(1, 2, 1, 1).expand(1, 2, 9, 11)
    warped, valid = warp(on_b, flow)
    inside = valid[:, None].expand_as(content)
    assert valid.sum() == (9 - abs(y)) * (11 - abs(x))
    torch.testing.assert_close(warped[inside], content[inside])


@pytest.mark.parametrize("move", [splat, warp])
def test_a_constant_whole_flow_moves_both_the_same_way(move):
    """DA-VSN's −flow read at p is the same motion as warping along it, where the flow is constant."""
    maps, flow = torch.randn(1, 2, 8, 9), torch.tensor([2.0, -3.0]).view(1, 2, 1, 1).expand(1, 2, 8, 9)
    moved, arrived = move(maps, flow)
    inside = arrived[:, None].expand_as(moved)
    assert arrived.sum() == 5 * 7
    torch.testing.assert_close(moved[inside], maps.roll((3, -2), (2, 3))[inside])


@few
@given(seed=st.integers(0, 10_000), width=st.integers(2, 20))
def test_mirroring_everything_mirrors_the_result(seed, width):
    maps, flow = drawn(1, 2, 9, width, 2.0, "smooth", seed)
    warped, valid = warp(maps, flow)
    mirrored, mirrored_valid = warp(maps.flip(-1), mirror_flow(flow))
    torch.testing.assert_close(mirrored, warped.flip(-1), rtol=0, atol=2e-5)
    # a sample can lie on the very border, where the two sums round to different sides
    assert (mirrored_valid != valid.flip(-1)).sum() <= 1
    torch.testing.assert_close(mirror_flow(mirror_flow(flow)), flow, rtol=0, atol=0)


@pytest.mark.parametrize("move", [splat, warp])
def test_gradients_are_those_of_the_differences(move):
    maps, flow = drawn(2, 2, 4, 5, 1.5, "smooth", seed=7)
    maps = maps.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda values: move(values, flow)[0], maps)


def test_resizing_scales_each_component_with_its_side():
    flow = torch.stack([torch.full((1, 6, 8), 4.0), torch.full((1, 6, 8), 3.0)], 1)
    both = resize_flow(flow, (12, 4))
    assert torch.equal(both[0, :, 0, 0], torch.tensor([2.0, 6.0]))
    published = resize_flow(flow, (12, 4), "height")
    assert torch.equal(published[0, :, 0, 0], torch.tensor([8.0, 6.0]))
    assert both.shape == published.shape == (1, 2, 12, 4)


@few
@given(height=st.integers(2, 12), width=st.integers(2, 12), factor=st.integers(2, 4), seed=st.integers(0, 10_000))
def test_resizing_there_and_back_again(height, width, factor, seed):
    """Aligned corners keep the old samples where the intervals divide, so coming back finds them again."""
    flow = drawn(1, 1, height, width, 5.0, "smooth", seed)[1]
    larger = (factor * (height - 1) + 1, factor * (width - 1) + 1)
    torch.testing.assert_close(resize_flow(resize_flow(flow, larger), (height, width)), flow)


def test_resizing_keeps_float64_under_autocast():
    flow = torch.randn(1, 2, 9, 11, dtype=torch.float64)
    plain = resize_flow(flow, (5, 6))
    with torch.autocast("cpu", torch.bfloat16):
        cast = resize_flow(flow, (5, 6))
    assert cast.dtype == torch.float64
    assert torch.equal(cast, plain)
