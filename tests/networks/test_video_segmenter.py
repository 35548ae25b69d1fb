"""Score fusion: what flows where, in which order, and what a stream may save."""

import pytest
import torch
from torch import nn

from davsn.core.clip import Levels
from davsn.core.settings import Settings
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter
from davsn.ops.warp import resize_flow, splat, warp


class Tiny(ImageNetwork):
    """One strided convolution and a batch norm a level; remembers what it saw."""

    Config = Settings

    def __init__(self):
        super().__init__(Settings(), 3)
        self.num_classes = 3
        self.main = nn.Sequential(nn.Conv2d(3, 3, 4, 4), nn.BatchNorm2d(3))
        self.aux = nn.Sequential(nn.Conv2d(3, 3, 4, 4), nn.BatchNorm2d(3))
        self.seen = []

    def forward(self, images):
        self.seen.append(images)
        return Levels(self.main(images), self.aux(images))

    def groups(self):
        return {"backbone": [], "classifier": list(self.parameters())}


@pytest.fixture
def sample():
    """Current, previous and a flow at another size than the frames."""
    return torch.rand(2, 3, 32, 48), torch.rand(2, 3, 32, 48), 6 * torch.randn(2, 2, 16, 24, dtype=torch.float64)


def test_at_the_start_the_current_frame_decides(sample):
    prediction = VideoSegmenter(Tiny())(*sample)
    assert torch.equal(prediction.fused.main, prediction.current.main)
    assert torch.equal(prediction.fused.aux, prediction.current.aux)


@pytest.mark.parametrize(("propagation", "move"), [("splat", splat), ("warp", warp)])
@pytest.mark.parametrize("flow_scale", ["both", "height"])
def test_both_levels_are_moved_and_fused_by_one_layer(sample, propagation, move, flow_scale):
    segmenter = VideoSegmenter(Tiny(), propagation, flow_scale)
    nn.init.normal_(segmenter.fusion.weight)
    prediction = segmenter(*sample)
    flow = resize_flow(sample[2], (8, 12), flow_scale)
    assert torch.equal(prediction.flow, flow)
    assert prediction.flow.dtype == torch.float64
    for fused, current, previous in zip(prediction.fused, prediction.current, prediction.previous, strict=True):
        expected = segmenter.fusion(torch.cat([current, move(previous, flow)[0]], 1))
        assert torch.equal(fused, expected)


def test_the_current_frame_goes_first_and_the_previous_one_without_gradient(sample):
    current, previous, flow = sample
    segmenter = VideoSegmenter(Tiny())
    prediction = segmenter(current, previous, flow)
    assert [id(seen) for seen in segmenter.image.seen] == [id(current), id(previous)]
    assert segmenter.image.main[1].num_batches_tracked == 2  # both passes count, the one without gradient too
    assert prediction.current.main.requires_grad
    assert not prediction.previous.main.requires_grad
    assert not prediction.flow.requires_grad


def test_without_propagation_it_is_the_network_of_single_frames(sample):
    current, previous, flow = sample
    single = VideoSegmenter(Tiny(), "none")
    assert single.state_dict().keys() == {f"image.{name}" for name in single.image.state_dict()}
    assert single.groups() == single.image.groups()
    assert not single.looks_back
    prediction = single(current)
    assert prediction.fused is prediction.current
    assert prediction.previous is prediction.flow is None
    assert len(single.image.seen) == 1
    single.eval()
    assert torch.equal(single(current, previous, flow).fused.main, single.image(current).main)
    assert torch.equal(single.predict(current, None, None, (8, 12)), single.image(current).main.argmax(1))


def test_a_stream_may_reuse_the_logits_it_has(sample):
    current, previous, flow = sample
    segmenter = VideoSegmenter(Tiny(), "splat").eval()
    nn.init.normal_(segmenter.fusion.weight)
    before = segmenter(previous, previous, flow).current
    segmenter.image.seen.clear()
    saved = segmenter(current, None, flow, before)
    assert len(segmenter.image.seen) == 1
    assert torch.equal(saved.fused.main, segmenter(current, previous, flow).fused.main)


def test_each_item_moves_along_its_own_flow(sample):
    segmenter = VideoSegmenter(Tiny(), "splat").eval()
    nn.init.normal_(segmenter.fusion.weight)
    together = segmenter(*sample).fused.main
    for item in range(2):
        alone = segmenter(*(tensor[item : item + 1] for tensor in sample)).fused.main
        torch.testing.assert_close(together[item : item + 1], alone)


def test_predict_names_the_best_class_at_the_wanted_size(sample):
    segmenter = VideoSegmenter(Tiny()).eval()
    predicted = segmenter.predict(*sample, (64, 96))
    assert predicted.shape == (2, 64, 96)
    assert predicted.dtype == torch.int64
    assert torch.equal(segmenter.predict(*sample, (8, 12)), segmenter(*sample).fused.main.argmax(1))


def test_a_network_in_float64_stays_there(sample):
    segmenter = VideoSegmenter(Tiny()).double()
    assert segmenter(*(tensor.double() for tensor in sample)).fused.main.dtype == torch.float64


def test_gradients_of_the_fused_logits_pass_the_current_frame_alone(sample):
    segmenter = VideoSegmenter(Tiny()).eval()
    frames = [frame.requires_grad_() for frame in sample[:2]]
    nn.init.normal_(segmenter.fusion.weight)
    segmenter(*frames, sample[2]).fused.main.sum().backward()
    assert frames[0].grad is not None
    assert frames[1].grad is None
    assert segmenter.fusion.weight.grad[:, 3:].abs().sum() > 0  # the fusion itself learns from the moved scores


@pytest.mark.parametrize("statistics", ["both", "target"])
def test_the_running_statistics_follow_other_frames_or_leave_them_out(sample, statistics):
    current, previous, flow = sample
    segmenter, plain = VideoSegmenter(Tiny(), statistics=statistics), VideoSegmenter(Tiny())
    plain.load_state_dict(segmenter.state_dict())
    norm, other = segmenter.image.main[1], plain.image.main[1]
    prediction, expected = segmenter.off_target(current, previous, flow), plain(current, previous, flow)
    assert torch.equal(prediction.fused.main, expected.fused.main)  # the batch's own statistics either way
    assert torch.equal(norm.running_mean, other.running_mean) == (statistics == "both")
    if statistics == "target":
        assert torch.equal(norm.running_mean, torch.zeros(3))
        assert torch.equal(norm.running_var, torch.ones(3))
    prediction.fused.main.sum().backward()
    assert norm.momentum == 0.1
    with pytest.raises(RuntimeError):
        segmenter.off_target(current[:, :2], previous, flow)
    assert norm.momentum == 0.1  # after a failure too
    segmenter.count_target(current)
    assert segmenter.image.seen[-1] is current if statistics == "target" else segmenter.image.seen[-1] is not current
    assert not torch.equal(norm.running_mean, torch.zeros(3))


def test_target_frames_are_counted_once_a_step_whatever_the_method_shows(sample):
    current, previous, flow = sample
    segmenter = VideoSegmenter(Tiny(), statistics="target")
    segmenter(current, previous, flow)
    segmenter.off_target(previous, current, flow)
    seen = len(segmenter.image.seen)
    segmenter.count_target(current)
    assert len(segmenter.image.seen) == seen  # the first pass has counted them
    segmenter.off_target(previous, current, flow)
    segmenter.count_target(current)
    assert segmenter.image.seen[-1] is current
    segmenter.eval().count_target(current)
    assert len(segmenter.image.seen) == seen + 3
