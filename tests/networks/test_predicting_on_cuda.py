"""Prediction on a GPU: the classes of the CPU, frame by frame and in a stream, in fp32 and bf16."""

import pytest
import torch

from davsn.networks.image.deeplab import DeepLab
from davsn.networks.predicting import predicting
from davsn.networks.video import VideoSegmenter
from davsn.networks.windows import Window
from devices import on_devices
from toy import UNLABELLED, batch

AGREE = {"fp32": 0.999, "bf16": 0.9}
"""The least share of pixels that get the class of the CPU in fp32."""
SIZE = (64, 96)


def network(propagation):
    """A shallow DeepLab whose weights are large enough that its classes differ."""
    torch.manual_seed(0)
    segmenter = VideoSegmenter(DeepLab(DeepLab.Config(layers=(1, 1, 1, 1)), 5), propagation)
    for module in segmenter.modules():
        if isinstance(module, torch.nn.Conv2d) and module is not segmenter.fusion:
            torch.nn.init.kaiming_normal_(module.weight)
    return segmenter


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("propagation", "device"), on_devices("splat", "warp", "none"))
def test_classes_are_those_of_the_cpu(propagation, device, precision):
    segmenter, given = network(propagation), batch(0, UNLABELLED, SIZE)
    with predicting(segmenter, "cpu"):
        expected = segmenter.predict(*given.seen, SIZE)
    assert len(expected.unique()) > 1
    with predicting(segmenter, device, precision):
        found = segmenter.predict(*given.to(device).seen, SIZE)
        _, memory = segmenter.step(given.previous.to(device), given.flow.to(device), None, SIZE)
        scores, _ = segmenter.step(given.current.to(device), given.flow.to(device), memory, SIZE)
    assert found.device.type == device
    for classes in (found.cpu(), scores.argmax(1).cpu()):
        assert float((classes == expected).float().mean()) >= AGREE[precision]


@pytest.mark.parametrize(("propagation", "device"), on_devices("warp"))
def test_windows_see_what_they_see_on_the_cpu(propagation, device):
    segmenter, given = network(propagation), batch(0, UNLABELLED, SIZE)
    segmenter.window = Window(48, 48)
    found = []
    for where in ("cpu", device):
        with predicting(segmenter, where):
            found.append(segmenter.predict(*given.to(where).seen, SIZE).cpu())
    assert float((found[0] == found[1]).float().mean()) >= AGREE["fp32"]
