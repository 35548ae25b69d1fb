"""TPS: a literal version of the corrected step, and what each of the public code's accidents changes, alone.

The golden steps hold the faithful one.
"""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from colour_network import ColourNetwork
from davsn.core.clip import Batch, ClipSpec, Levels
from davsn.core.errors import ConfigError
from davsn.core.settings import Settings
from davsn.methods.tps import Draw, Tps
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter
from davsn.ops.augmentation import Photometric
from davsn.ops.pictures import match_histograms
from oracles.propagation import literal_warp
from toy import CLASSES, batch

TARGET = Tps.target


class Still(ImageNetwork):
    """One convolution of stride 4 and nothing random."""

    Config = Settings

    def __init__(self):
        super().__init__(None, CLASSES)
        self.num_classes = CLASSES
        self.features = nn.Conv2d(3, 2 * CLASSES, 4, stride=4)

    def forward(self, images):
        return Levels(*self.features(images).chunk(2, 1))

    def groups(self):
        return {"classifier": list(self.parameters())}


def method(image=None, flow_scale="both", **config):
    return Tps(Tps.Config(**config), VideoSegmenter(image or Still(), flow_scale=flow_scale))


def literal_step(network, source, target, draw):
    """The corrected step, one picture at a time and pixel labels in loops: (segmentation, pseudo) by level."""

    def probabilities(one, frame, before, flow):
        return [level[one].softmax(0) for level in network(frame, before, flow).fused]

    def cross_entropy(logits, labels):
        total = [-logits[:, y, x].log_softmax(0)[labels[y, x]] for y, x in np.ndindex(*labels.shape)]
        return torch.stack(total).mean()

    def up(maps, size):
        return nn.functional.interpolate(maps[None], size, mode="bilinear", align_corners=True)[0]

    matched = {offset: match_histograms(frame, target.current) for offset, frame in source.frames.items()}
    on_source = network(matched[0], matched[-1], source.flow).fused
    size = tuple(round(length * draw.scale / 8) * 8 for length in target.size)
    pair = torch.cat([target.current, target.previous], 2)
    changed = draw.photometric(pair)
    height = target.size[0]
    current, previous = (
        torch.stack([up(frame, size) for frame in half]) for half in (changed[:, :, :height], changed[:, :, height:])
    )
    on_target = network(current, previous, target.flow).fused
    found = []
    for level in range(2):
        segmentation, pseudo = [], []
        for one in range(2):
            segmentation.append(cross_entropy(up(on_source[level][one], source.size), source.labels[one]))
            frame, before, flow = target.frames[-1], target.frames[-2], target.flows[-1, -2]
            if draw.mirrored:
                frame, before, flow = (
                    frame.flip(-1),
                    before.flip(-1),
                    flow.flip(-1) * torch.tensor([-1.0, 1]).view(2, 1, 1),
                )
            with torch.no_grad():
                maps = probabilities(one, frame, before, flow)[level]
            maps = (maps.flip(-1) if draw.mirrored else maps).numpy()
            small = up(target.flow[one], maps.shape[1:])
            small = small * torch.tensor([maps.shape[2] / 48, maps.shape[1] / 40]).view(2, 1, 1)
            labels = literal_warp(maps, small.numpy())[0].argmax(0)
            pseudo.append(cross_entropy(up(on_target[level][one], labels.shape), torch.from_numpy(labels)))
        found.append((torch.stack(segmentation).mean(), torch.stack(pseudo).mean()))
    return found


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_corrected_step_equals_its_literal_version_in_values_and_gradients(mirrored):
    image = Still()
    made = method(image, main_weight=0.7, aux_weight=0.3, target_weight=0.4)
    nn.init.normal_(made.segmenter.fusion.weight)
    literal = copy.deepcopy(made.segmenter)
    source, target = batch(0, Tps.source), batch(0, TARGET)
    draw = Draw(mirrored, 1.13, Photometric(2.0, (("contrast", 0.6), ("hue", 0.1))))
    made.draw = lambda height: draw
    given = [term for together in made.terms(source, target, 0) for term in together]
    assert [term.name for term in given] == ["segmentation/main", "segmentation/aux", "pseudo/main", "pseudo/aux"]
    (main, pseudo_main), (aux, pseudo_aux) = literal_step(literal, source, target, draw)
    expected = [main, aux, pseudo_main, pseudo_aux]
    torch.testing.assert_close([term.loss for term in given], expected)
    weights = [0.7, 0.3, 0.4 * 0.7, 0.4 * 0.3]
    assert [term.weight for term in given] == pytest.approx(weights)
    sum(term.weight * term.loss for term in given).backward()
    sum(weight * loss for weight, loss in zip(weights, expected, strict=True)).backward()
    for ours, theirs in zip(made.segmenter.parameters(), literal.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


def moving(size=(16, 24)):
    """Frames of random colours, all of them moved along random flows."""
    generator = torch.Generator().manual_seed(5)
    frames = {offset: torch.rand(1, 3, *size, generator=generator) for offset in TARGET.frames}
    flows = {pair: 3 * torch.randn(1, 2, *size, generator=generator) for pair in TARGET.flows}
    return Batch(frames, flows)


def seeing(**options):
    """A network that says what colour it sees, the previous frame's word counting for half."""
    made = method(ColourNetwork(), **options)
    with torch.no_grad():
        made.segmenter.fusion.weight[:, 3:, 0, 0] = 0.5 * torch.eye(3)
    return made


@pytest.mark.parametrize(
    ("accident", "alike"),
    [
        ({}, True),
        ({"mirrored_flow": "kept"}, False),
        ({"mirrored_back": "after_warp"}, False),
        ({"mirrored_flow": "kept", "mirrored_back": "after_warp"}, False),
    ],
)
def test_mirrored_frames_have_the_labels_of_the_others_unless_an_accident_is_wanted(accident, alike):
    made, target = seeing(**accident), moving()
    plain, mirrored = (made.pseudo_labels(target, Draw(flag, 1.0, Photometric())) for flag in (False, True))
    assert torch.equal(plain[0], mirrored[0]) is alike
    assert torch.equal(plain[1], mirrored[1]) is alike


def test_each_accident_of_mirroring_by_hand():
    """Two columns: red, green. The earlier frame is the current one; everything came from one column to the left."""
    red_green = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).T.view(1, 3, 1, 2)
    frames = dict.fromkeys(TARGET.frames, red_green)
    flow = torch.tensor([-1.0, 0]).view(1, 2, 1, 1).expand(1, 2, 1, 2)
    target = Batch(frames, {(0, -1): flow, (-1, -2): flow})
    draw = Draw(True, 1.0, Photometric())
    assert method(ColourNetwork()).pseudo_labels(target, draw)[0].tolist() == [[[0, 0]]]  # both were red
    late = method(ColourNetwork(), mirrored_back="after_warp")
    assert late.pseudo_labels(target, draw)[0].tolist() == [[[1, 1]]]  # of green, red: the left is green


def test_the_ratio_of_the_flow_is_that_of_the_network():
    """Logits keep the height and halve the width: along x, a flow of 2 becomes 1, or stays 2 by accident."""

    class Narrow(ColourNetwork):
        def forward(self, images):
            return super().forward(images[..., ::2])

    colours = torch.zeros(1, 3, 1, 8)
    colours[0, [0, 0, 1, 1, 2, 2, 0, 0], 0, range(8)] = 1  # at half the width: red, green, blue, red
    flow = torch.tensor([2.0, 0]).view(1, 2, 1, 1).expand(1, 2, 1, 8)
    target = Batch(dict.fromkeys(TARGET.frames, colours), {(0, -1): flow, (-1, -2): flow})
    draw = Draw(False, 1.0, Photometric())
    assert method(Narrow()).pseudo_labels(target, draw)[0].tolist() == [[[1, 2, 0, 0]]]
    by_height = method(Narrow(), flow_scale="height")
    assert by_height.pseudo_labels(target, draw)[0].tolist() == [[[2, 0, 0, 0]]]


def test_what_is_augmented_is_a_picture_or_by_accident_numbers():
    target = moving((24, 32))
    for augmented, looks in (("pictures", True), ("numbers", False)):
        given = []
        made = method(augmented=augmented)
        draw = Draw(False, 1.0, lambda stack, given=given: given.append(stack) or stack)
        current, previous = made.changed(target, draw)
        stack = torch.cat([target.current, target.previous], -2)
        assert torch.equal(given[0], stack) is looks
        assert torch.equal(torch.cat([current, previous], -2), stack) is looks
    assert float(current.std()) < 0.05  # all but plain grey, and so to the network
    assert float(current.std()) < float(target.current.std()) / 5


def test_a_stack_cut_at_a_fixed_row_is_right_at_that_height_alone():
    target, draw = moving((24, 32)), Draw(False, 1.0, Photometric())
    right, fixed, other = (method(split=split).changed(target, draw) for split in (None, 24, 40))
    assert all(map(torch.equal, right, fixed))
    assert other[0].shape == right[0].shape
    assert not torch.equal(other[0], right[0])
    with pytest.raises(
        ConfigError, match=r"method\.split  512 is not inside two stacked frames of 24 rows\. Set it to null"
    ):
        method(split=512).changed(target, draw)


def test_the_changed_frames_are_whole_eighths_at_a_scale():
    target = moving((40, 48))
    current, previous = method().changed(target, Draw(False, 1.13, Photometric()))
    assert current.shape == previous.shape == (1, 3, 48, 56)


@pytest.mark.parametrize(
    ("interval", "spec"),
    [
        (1, TARGET),
        (2, ClipSpec((0, -1, -2, -3), ((0, -1), (0, -2), (-2, -3)))),
        (3, ClipSpec((0, -1, -3, -4), ((0, -1), (0, -3), (-3, -4)))),
    ],
)
def test_an_interval_asks_for_its_own_frames_and_flows_and_they_are_enough(interval, spec):
    made = method(interval=interval)
    assert Tps.clips(made.config) == (Tps.source, spec)
    assert len(list(made.terms(batch(0, Tps.source), batch(0, spec), 0))) == 2


def test_draws_are_as_often_and_as_far_as_the_settings_say():
    made = method(scales=(0.5, 0.6), blur=(2.0,))
    draws = [made.draw(64) for _ in range(2000)]
    assert sum(draw.mirrored for draw in draws) / 2000 == pytest.approx(0.5, abs=0.05)
    assert {draw.scale for draw in draws} == {number / 100 for number in range(50, 60)}
    assert {draw.photometric.blur for draw in draws} == {None, 2.0}
    blurs = {draw.photometric.blur for draw in (method().draw(128) for _ in range(200))}
    assert blurs == {None, 1.25, 1.75, 2.25}  # a quarter of the published ones, for a quarter of their height
    assert {method(scales=(1.0, 1.0)).draw(64).scale for _ in range(9)} == {1.0}
