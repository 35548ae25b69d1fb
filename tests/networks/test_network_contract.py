"""What every image network promises, alone and inside the video network. A new file is tested as it is."""

import pytest
import torch

from davsn.core.plugins import available
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import load_state
from davsn.ops.losses import cross_entropy
from davsn.ops.resize import upsample

CLASSES = 5
NETWORKS = available(ImageNetwork)
OPTIONS = {"deeplab": [{"layers": (1, 1, 1, 1)}]}
OPTIONS["light"] = [
    {"encoder": encoder} for encoder in ("resnet18", "mobilenetv3_large_100", "tf_efficientnet_lite0", "convnext_atto")
]
OPTIONS["detail"] = [{"over": {"name": "light", "encoder": "test_convnext", "width": 16, "weights": None}}]
CASES = [(name, options) for name in NETWORKS for options in OPTIONS.get(name, [{}])]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join([case[0], *map(str, case[1].values())]))
def make(request):
    """Builds the network anew, with another random start each time."""
    name, options = request.param

    def build():
        kind = NETWORKS[name]
        return kind(kind.Config(**options), CLASSES)

    return build


@pytest.fixture
def network(make):
    return make()


def loss_of(levels, labels):
    size = labels.shape[-2:]
    return cross_entropy(upsample(levels.main, size), labels) + cross_entropy(upsample(levels.aux, size), labels)


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 64, 96), (2, 33, 65), (1, 50, 131), (1, 97, 37)])
def test_any_size_gives_two_levels_of_one_reduced_size(network, batch, height, width):
    images = torch.rand(batch, 3, height, width)
    before = images.clone()
    with torch.no_grad():
        main, aux = network.eval()(images)
    assert main.shape == aux.shape
    assert main.shape[:2] == (batch, CLASSES)
    assert network.num_classes == CLASSES
    assert height / 8 <= main.shape[2] <= height / 2
    assert width / 8 <= main.shape[3] <= width / 2
    assert main.dtype == aux.dtype == torch.float32
    assert torch.equal(images, before)
    assert not torch.equal(main, aux)


def test_the_groups_hold_each_trainable_parameter_once(network):
    groups = network.groups()
    assert set(groups) == {"backbone", "classifier"}
    grouped = [id(parameter) for parameters in groups.values() for parameter in parameters]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(parameter) for parameter in network.parameters() if parameter.requires_grad}
    video = VideoSegmenter(network).groups()
    assert set(video) == {"backbone", "classifier", "fusion"}


def test_backward_reaches_every_trainable_parameter(network):
    segmenter = VideoSegmenter(network)
    with torch.no_grad():  # a layer that starts at zero, as the last ones of residual blocks do, passes nothing back
        for parameter in network.parameters():
            parameter += 0.01 * torch.randn_like(parameter)
    frames, labels = torch.rand(2, 2, 3, 64, 96), torch.randint(0, CLASSES, (2, 64, 96))
    loss_of(segmenter(*frames, torch.zeros(2, 2, 64, 96)).fused, labels).backward()
    for name, parameter in segmenter.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
        if parameter.grad is not None:
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().max() > 0, name


def test_a_few_steps_learn_a_picture(network):
    torch.manual_seed(0)
    colours = torch.rand(CLASSES, 3)
    labels = torch.randint(0, CLASSES, (2, 2, 3)).repeat_interleave(32, 1).repeat_interleave(32, 2)
    images = colours[labels].permute(0, 3, 1, 2)
    optimiser = torch.optim.Adam([p for group in network.groups().values() for p in group], 2e-3)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        losses.append(loss_of(network(images), labels))
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < 0.6 * losses[0]


def test_a_state_goes_into_another_network_of_the_kind(make):
    one, other = make(), make()
    one(torch.rand(2, 3, 64, 64))  # moves the running statistics
    load_state(other, one.state_dict(), "a state")
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(one.eval()(images).main, other.eval()(images).main)


def test_bf16_autocast_is_close_and_logits_stay_fp32(network):
    segmenter = VideoSegmenter(network)
    frames, flow = torch.rand(2, 1, 3, 64, 96), torch.zeros(1, 2, 64, 96)
    for _ in range(2):
        segmenter(*frames, flow)  # running statistics that fit the frames
    segmenter.eval()
    with torch.no_grad():
        plain = segmenter(*frames, flow)
        with torch.autocast("cpu", torch.bfloat16):
            cast = segmenter(*frames, flow)
    for exact, rounded in zip((*plain.fused, *plain.current), (*cast.fused, *cast.current), strict=True):
        assert rounded.dtype == torch.float32
        assert rounded.isfinite().all()
        assert (rounded - exact).abs().mean() <= 0.1 * exact.std()


def test_bf16_autocast_trains(network):
    labels = torch.randint(0, CLASSES, (2, 64, 64))
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of(network(torch.rand(2, 3, 64, 64)), labels)
    loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_pixels_are_normalised_inside(network):
    """RGB in [0, 1] comes in: red and blue are not the same to a network, and brightness matters."""
    network.eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        logits = [network(picture).main for picture in (image, image.flip(1), image / 2)]
    assert not torch.allclose(logits[0], logits[1])
    assert not torch.allclose(logits[0], logits[2])


def test_the_features_are_what_the_main_classifier_reads(network):
    if network.feature_channels is None:
        with pytest.raises(NotImplementedError, match="offers no features"):
            network.with_features(torch.rand(1, 3, 64, 64))
        return
    network.eval()
    images = torch.rand(2, 3, 64, 96)
    logits, features = network.with_features(images)
    assert features.shape == (2, network.feature_channels, *logits.main.shape[-2:])
    assert torch.equal(network.classify(features), logits.main)
    assert all(torch.equal(one, other) for one, other in zip(network(images), logits, strict=True))
    assert network.classify(features[:, :, :1, :1]).shape == (2, network.num_classes, 1, 1)
