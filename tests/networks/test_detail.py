"""HRDA's context and detail: which pass sees what, how both are fused, what a gradient reaches, in video too."""

import random
from pathlib import Path

import pytest
import torch

import toy
from davsn.core.errors import CheckpointError, ConfigError
from davsn.core.plugins import available
from davsn.core.settings import validate
from davsn.experiment.building import build_segmenter
from davsn.experiment.experiment import load
from davsn.learning.method import Method
from davsn.networks.image.detail import Detail
from davsn.networks.image_network import weights_of, without_weights
from davsn.networks.normalisation import batch_norms, estimate_statistics
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import load_weights, save_weights
from davsn.networks.windows import Window, cells_of, slid
from davsn.ops.resize import upsample
from davsn.training import checkpoint

TINY = str(Path(toy.__file__))
CONVNEXT = {"name": "encoder_head", "encoder": "test_convnext", "weights": None}
WITHOUT_AUX = {**CONVNEXT, "head": {"name": "daformer", "width": 8, "dropout": 0}}
SIZE = (75, 109)
"""Height and width that no stride divides."""


def detail(over=TINY, **settings):
    config = validate(Detail.Config, {"over": over, "width": 8, **settings}, "network")
    return Detail(config, toy.CLASSES)


def asks(network, attention):
    """Let the scale attention be the same everywhere: 0 for context alone, 1 for detail alone."""
    torch.nn.init.zeros_(network.attention[2].weight)
    torch.nn.init.constant_(network.attention[2].bias, 1e4 * (2 * attention - 1))


def passes(network):
    """The sizes of what passes the network inside, as a list that grows."""
    seen = []
    network.over.conv.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape[-2:])))
    return seen


def test_both_resolutions_are_fused_by_the_attention_of_the_context():
    network, images = detail(overlap=0.25).eval(), torch.rand(2, 3, *SIZE)
    low = torch.nn.functional.interpolate(images, (38, 54), mode="area")
    seen, features = network.over.with_features(low)
    size = seen.main.shape[-2] * 75 / 38, seen.main.shape[-1] * 109 / 54
    size = tuple(map(round, size))
    found = slid(network.over, images, Window(55, 38, 0.25), size)
    weight = upsample(network.attention(features).sigmoid(), size)
    fused = network(images)
    assert fused.main.shape == (2, toy.CLASSES, *size)
    for name, logits in fused.named.items():
        expected = (1 - weight) * upsample(seen.named[name], size) + weight * found.named[name]
        torch.testing.assert_close(logits, expected)


def test_in_training_one_crop_is_seen_in_detail_and_the_context_decides_elsewhere():
    network, images = detail(WITHOUT_AUX).train(), torch.rand(1, 3, *SIZE)
    asks(network, 0.0)
    context = network(images).main
    asks(network, 1.0)
    random.seed(3)
    fused = network(images)
    random.seed(3)
    top, left = random.randint(0, SIZE[0] - 38), random.randint(0, SIZE[1] - 55)
    rows, columns = cells_of((top, left, 38, 55), SIZE, tuple(context.shape[-2:]))
    inside = torch.zeros(context.shape[-2:], dtype=torch.bool)
    inside[rows, columns] = True
    assert 0 < inside.sum() < inside.numel()
    assert torch.equal(fused.main[..., ~inside], context[..., ~inside])
    assert (fused.main - context)[..., inside].abs().max() > 0
    torch.testing.assert_close(fused.aux, fused.main)  # the attention asks for the detail wherever it is
    gradient = torch.autograd.grad(fused.aux[..., ~inside].sum(), network.over.main.weight, retain_graph=True)[0]
    assert not gradient.any()
    assert torch.autograd.grad(fused.aux[..., inside].sum(), network.over.main.weight)[0].any()


def test_a_step_sees_the_context_and_one_crop_and_a_prediction_all_crops_one_by_one():
    network, images = detail(crop=(40, 32)), torch.rand(1, 3, *SIZE)
    seen = passes(network.train())
    network(images)
    assert seen == [(38, 54), (32, 40)]
    seen.clear()
    network.eval()(images)
    assert seen == [(38, 54)] + [(32, 40)] * len(Window(40, 32).boxes(SIZE))


def test_crops_are_drawn_from_a_generator_that_a_checkpoint_holds():
    network, images = detail().train(), torch.rand(1, 3, *SIZE)
    network.over.eval()  # no dropout, and no statistics of a batch
    drawn = []
    for seed in (0, 0, 1):
        random.seed(seed)
        drawn.append(network(images).main)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_small_frames_are_seen_whole():
    network = detail().eval()
    seen = passes(network)
    assert network(torch.rand(1, 3, 30, 41)).main.shape[:2] == (1, toy.CLASSES)
    assert set(seen) == {(30, 32)}


@pytest.mark.parametrize("propagation", ["warp", "splat"])
def test_the_previous_frame_is_seen_in_detail_everywhere(propagation):
    """It passes without gradient, also in training, so its logits move with all their detail."""
    network = detail()
    segmenter = VideoSegmenter(network, propagation).train()
    seen = passes(network)
    segmenter(torch.rand(1, 3, *SIZE), torch.rand(1, 3, *SIZE), torch.zeros(1, 2, *SIZE)).fused.main.sum().backward()
    boxes = Window(55, 38).boxes(SIZE)
    assert seen == [(38, 54), (38, 55), (38, 54)] + [(38, 55)] * len(boxes)


def test_the_attention_learns_where_detail_is_right():
    network, images = detail(WITHOUT_AUX).train(), torch.rand(1, 3, *SIZE)
    prediction = network(images)
    prediction.main.square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert network.attention[2].weight.grad.abs().sum() > 0
    groups = network.groups()
    grouped = [id(parameter) for parameters in groups.values() for parameter in parameters]
    assert sorted(grouped) == sorted(id(parameter) for parameter in network.parameters())
    assert network.layers() == network.over.layers() != []


def test_the_auxiliary_logits_are_fused_where_there_are_some_and_the_details_alone_where_not():
    images = torch.rand(1, 3, *SIZE)
    own, without = detail(CONVNEXT).eval(), detail(WITHOUT_AUX).eval()
    assert own.auxiliary
    assert without.auxiliary
    for network, same in ((own, False), (without, True)):
        asks(network, 1.0)
        main, aux = network(images)
        assert main.shape == aux.shape
        assert torch.equal(main, aux) == same


def batches(method, step, propagation):
    found = [spec and toy.batch(step, spec, (51, 75)) for spec in method.clips(method.Config())]
    return found if propagation != "none" else toy.single(method, *found)


@pytest.mark.parametrize("propagation", ["none", "warp", "splat"])
@pytest.mark.parametrize("method", available(Method).values(), ids=available(Method).keys())
def test_every_method_trains_it(method, propagation):
    if propagation == "none" and not method.single_frames:
        return
    if method.__name__ == "Cmom":
        with pytest.raises(ConfigError, match="network  gives no features to align"):
            toy.trainer_of(method, propagation=propagation, image=detail)
        return
    trainer = toy.trainer_of(method, propagation=propagation, image=detail)
    before = {key: value.clone() for key, value in toy.weights(trainer).items()}
    record = trainer.step(*batches(method, 0, propagation))
    assert all(bool(torch.as_tensor(value).isfinite()) for value in record.values())
    after = toy.weights(trainer)
    changed = {key for key in after if not torch.equal(after[key], before[key])}
    assert any(key.startswith("segmenter/image.over.") for key in changed)
    if method.__name__ != "BatchNorm":  # which trains nothing
        assert "segmenter/image.attention.0.weight" in changed


@pytest.mark.parametrize("propagation", ["none", "warp"])
def test_a_run_resumes_as_if_it_had_not_stopped(propagation, tmp_path):
    method = available(Method)["masked"]
    whole = toy.trainer_of(method, propagation=propagation, image=detail)
    for step in range(3):
        whole.step(*batches(method, step, propagation))
    stopped = toy.trainer_of(method, propagation=propagation, image=detail)
    for step in range(2):
        stopped.step(*batches(method, step, propagation))
    saved = checkpoint.save(tmp_path, 2, stopped.state_dict(), keep=1)
    resumed = toy.trainer_of(method, seed=7, propagation=propagation, image=detail)
    resumed.load_state_dict(checkpoint.load(saved))
    resumed.step(*batches(method, 2, propagation))
    expected = toy.leaves(whole.state_dict())
    for key, value in toy.leaves(resumed.state_dict()).items():
        assert toy.same(value, expected[key]), key


def test_statistics_are_the_mean_of_context_and_crops():
    segmenter = VideoSegmenter(detail(), "none")
    frames, norm = torch.rand(2, 3, *SIZE), batch_norms(segmenter)[0]
    seen = []
    norm.register_forward_pre_hook(lambda _, given: seen.append(given[0].mean((0, 2, 3))))
    estimate_statistics(segmenter, frames, 1.0)
    assert len(seen) == 1 + len(Window(55, 38).boxes(SIZE))
    torch.testing.assert_close(norm.running_mean, torch.stack(seen).mean(0))
    estimate_statistics(segmenter, 0 * frames, 0.25)
    mean = 0.75 * torch.stack(seen[: len(seen) // 2]).mean(0) + 0.25 * torch.stack(seen[len(seen) // 2 :]).mean(0)
    torch.testing.assert_close(norm.running_mean, mean)


def test_weights_go_out_and_in(tmp_path):
    one, other = (VideoSegmenter(detail(WITHOUT_AUX)) for _ in range(2))
    save_weights(one, tmp_path / "out.safetensors")
    load_weights(other, tmp_path / "out.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_initial_weights_are_those_of_the_network_inside(tmp_path):
    data = {"source": "streets", "target": "streets", "method": "mean_teacher"}
    experiment = load(
        {**data, "network": {"name": "detail", "over": {**CONVNEXT, "weights": str(tmp_path / "none.pth")}}},
        paths=False,
    )
    assert weights_of(experiment.network) == tmp_path / "none.pth"
    assert weights_of(without_weights(experiment.network)) is None
    with pytest.raises(CheckpointError, match=r"none\.pth"):
        build_segmenter(experiment, toy.CLASSES)
    weights = VideoSegmenter(detail(CONVNEXT, width=256)).state_dict()
    segmenter = build_segmenter(experiment, toy.CLASSES, {"parts": {"segmenter": weights}, "average": None})
    assert all(torch.equal(tensor, weights[name]) for name, tensor in segmenter.state_dict().items())


def test_a_network_without_features_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(toy.Tiny, "feature_channels", None)
    with pytest.raises(ConfigError, match=r"over  .*toy\.py offers no features, which the scale attention reads"):
        detail()
    with pytest.raises(ConfigError, match=r"crop\.0  .*greater than or equal to 32"):
        detail(crop=[16, 64])
