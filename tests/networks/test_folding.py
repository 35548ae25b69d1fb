"""The copy of a network that predicts faster."""

import pytest
import torch
from torch import nn

from colour_network import colour_segmenter
from davsn.core.clip import Levels
from davsn.core.plugins import find
from davsn.core.settings import Settings, validate
from davsn.networks.ensemble import Ensemble
from davsn.networks.folding import folded
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter
from davsn.networks.views import Views

NETWORKS = {
    "deeplab": {"layers": (1, 1, 1, 1)},
    "light": {"encoder": "mobilenetv2_050", "weights": None},
    "detail": {"over": {"name": "light", "encoder": "mobilenetv2_050", "weights": None}},
}


def segmenter(name, **settings):
    """A network whose batch normalisation changes its features, in training mode."""
    torch.manual_seed(0)
    kind = find(ImageNetwork, name)
    network = VideoSegmenter(kind(validate(kind.Config, settings, "network"), 4))
    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for layer in layers:
        layer.momentum = 1.0
        layer.weight.data.uniform_(0.5, 2)
        layer.bias.data.normal_(0, 0.1)
    with torch.no_grad():
        network.image(torch.rand(2, 3, 48, 64))  # the running statistics fit the weights, as after training
    return network


def apart(network, other):
    """The largest difference of logits, as a share of the largest."""
    with torch.inference_mode():
        image = torch.rand(1, 3, 40, 56).to(next(network.parameters()))
        expected, found = (each.eval().image(image).main for each in (network, other))
    return float((found - expected).abs().max() / expected.abs().max())


def norms(network):
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(
    "name", [name if name == "light" else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS]
)
def test_the_logits_stay_and_so_does_the_network(name):
    network = segmenter(name, **NETWORKS[name])
    before = {key: value.clone() for key, value in network.state_dict().items()}
    faster = folded(network)
    assert norms(network) > 0
    assert norms(faster) == 0
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert apart(network, faster) < (1e-5 if name == "deeplab" else 1e-3)  # random encoders amplify roundings
    if name != "detail":  # which computes in float32 in between
        assert apart(network.double(), folded(network)) < 1e-10


def test_members_and_views_are_folded_and_nothing_is_copied_without_convolutions():
    network = segmenter("light", **NETWORKS["light"])
    assert norms(folded(Views(Ensemble([network, network], [1, 1]), flip=True))) == 0
    plain = colour_segmenter(propagation="none")
    assert folded(plain) is plain


class Narrow(ImageNetwork):
    """It takes frames of 8×8 alone."""

    Config = Settings

    def __init__(self):
        super().__init__(Settings(), 3)
        self.num_classes = 3
        self.first, self.norm, self.place = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Parameter(torch.zeros(8, 8))

    def forward(self, images):
        return Levels(self.norm(self.first(images)) + self.place)

    def groups(self):
        return {}


class Branching(ImageNetwork):
    """Its convolution's output goes into a batch normalisation, and past it."""

    Config = Settings

    def __init__(self):
        super().__init__(Settings(), 3)
        self.num_classes = 3
        self.first, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.norm.running_var.fill_(4.0)

    def forward(self, images):
        made = self.first(images)
        return Levels(self.norm(made) + made)

    def groups(self):
        return {}


@pytest.mark.parametrize("kind", [Narrow, Branching])
def test_a_network_that_cannot_be_folded_stays_as_it_is(kind):
    network = VideoSegmenter(kind(), "none").eval()
    faster = folded(network)
    assert norms(faster) == 1
    image = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(faster.image(image).main, network.image(image).main)
