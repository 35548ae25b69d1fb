"""DeepLab-v2: sizes, frozen batch norms and the random start. Its numbers are in tests/golden/test_forward.py."""

import pytest
import torch
from torch import nn

from davsn.networks.image.deeplab import DeepLab, DeepLabSettings


@pytest.fixture
def network():
    return DeepLab(DeepLabSettings(layers=(1, 1, 1, 1)), 4)


@pytest.mark.parametrize(
    ("size", "expected"), [((720, 1280), (91, 161)), ((640, 1280), (81, 161)), ((512, 1024), (65, 129))]
)
def test_the_published_sizes(size, expected):
    with torch.device("meta"):
        main, _ = DeepLab(DeepLabSettings(layers=(1, 1, 1, 1)), 4)(torch.empty(1, 3, *size))
    assert main.shape == (1, 4, *expected)


def test_batch_norms_are_frozen_but_run(network):
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert not any(parameter.requires_grad for norm in norms for parameter in norm.parameters())
    network(torch.rand(1, 3, 64, 64))
    assert all(norm.num_batches_tracked == 1 and norm.running_mean.abs().sum() > 0 for norm in norms)
    network.eval()(torch.rand(1, 3, 64, 64))
    assert all(norm.num_batches_tracked == 1 for norm in norms)


def test_the_random_start(network):
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            assert module.weight.std().item() == pytest.approx(0.01, rel=0.1), name
    bias = network.layer6.conv2d_list[0].bias
    assert 0 < bias.abs().max() <= (9 * 2048) ** -0.5


def test_images_become_bgr_minus_mean(network):
    seen = []
    network.conv1.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network(torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1).expand(1, 3, 64, 64))
    expected = torch.tensor([0 - 104.00698793, 127.5 - 116.66876762, 255 - 122.67891434])
    torch.testing.assert_close(seen[0][0, :, 0, 0], expected)
