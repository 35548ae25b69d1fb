"""Operations on a GPU whose results must not depend on the order of its threads."""

import numpy as np
import pytest
import torch

from davsn.ops.mixing import half_of_the_classes, random_blocks
from davsn.ops.pictures import match_histograms
from davsn.ops.regions import largest_components
from davsn.ops.warp import splat, warp
from devices import on_devices
from oracles.propagation import literal_splat, literal_warp


def maps_and_flow(motion):
    """Maps of five channels and a flow on one grid, on the host; all values collide where the motion is strong."""
    generator = torch.Generator().manual_seed(3)
    flow = motion * torch.randn(1, 2, 23, 37, generator=generator, dtype=torch.float64)
    return torch.randn(1, 5, 23, 37, generator=generator), flow


@pytest.mark.parametrize(("motion", "device"), on_devices(3.0, 0.5, 40.0))
def test_splat_is_the_loop_over_pixels_bit_for_bit_every_time(motion, device):
    maps, flow = maps_and_flow(motion)
    expected, written = literal_splat(maps[0].numpy(), flow[0].numpy())
    for _ in range(5):
        moved, hit = splat(maps.to(device), flow.to(device))
        assert np.array_equal(moved[0].cpu().numpy(), expected)
        assert np.array_equal(hit[0].cpu().numpy(), written)


@pytest.mark.parametrize(("motion", "device"), on_devices(3.0))
def test_the_gradient_of_splat_is_that_of_the_cpu(motion, device):
    maps, flow = maps_and_flow(motion)
    found = []
    for where in ("cpu", device):
        given = maps.to(where).requires_grad_()
        splat(given, flow.to(where))[0].square().sum().backward()
        found.append(given.grad.cpu())
    assert torch.equal(*found)


@pytest.mark.parametrize(("motion", "device"), on_devices(1.5))
def test_warp_is_the_loop_over_pixels(motion, device):
    maps, flow = maps_and_flow(motion)
    expected, inside = literal_warp(maps[0].numpy(), flow[0].numpy())
    moved, valid = warp(maps.to(device), flow.to(device))
    assert np.allclose(moved[0].cpu().numpy(), expected, atol=1e-5)
    assert np.array_equal(valid[0].cpu().numpy(), inside)


OPERATIONS = {
    "match_histograms": lambda x: match_histograms((x * 255).round() / 255, (x.flip(-1).square() * 255).round() / 255),
    "largest_components": lambda x: largest_components(x[:, 0] > 0.5, 4),
    "half_of_the_classes": lambda x: half_of_the_classes((x[:, 0] * 5).long(), 5),
    "random_blocks": lambda x: random_blocks(x, 8, 0.5),
}


@pytest.mark.parametrize(("name", "device"), on_devices(*OPERATIONS, cpu=4))
def test_what_is_drawn_and_found_is_that_of_the_cpu(name, device):
    pictures, found = torch.rand(2, 3, 32, 48), []
    for where in ("cpu", device):
        torch.manual_seed(0)
        found.append(OPERATIONS[name](pictures.to(where)).cpu())
    torch.testing.assert_close(*found)
