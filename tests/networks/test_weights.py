"""Reading weights: what fits is loaded exactly, what does not is refused in words, and no file runs code."""

import contextlib
import os
import re
import zipfile

import pytest
import safetensors.torch
import timm
import torch
import torchvision
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from davsn.core.errors import CheckpointError, DataError
from davsn.core.files import tensors
from davsn.networks.image.deeplab import DeepLab, DeepLabSettings
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import (
    holds_weights_alone,
    load_imagenet,
    load_state,
    load_weights,
    of_network,
    published_state,
    read_state,
    save_weights,
)


def segmenter(layers=(1, 1, 1, 1), num_classes=3, propagation="warp"):
    return VideoSegmenter(DeepLab(DeepLabSettings(layers=layers), num_classes), propagation)


@pytest.fixture(scope="module")
def small():
    return segmenter()


def written(path, state, legacy=False):
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    return path


@pytest.mark.parametrize(("name", "legacy"), [("a.pth", False), ("old.pth", True), ("a.safetensors", False)])
def test_a_file_of_tensors_is_read_back(tmp_path, name, legacy):
    state = {"a.weight": torch.randn(3, 4), "count": torch.tensor(7)}
    found = read_state(written(tmp_path / name, state, legacy))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)


class _Trap:
    """Unpickling it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_would_run_code_is_refused(tmp_path, legacy):
    path = written(tmp_path / "trap.pth", {"a": _Trap(tmp_path / "sprung")}, legacy)
    with pytest.raises(CheckpointError, match=r"trap\.pth: refused.*Save the plain state_dict"):
        read_state(path)
    assert not (tmp_path / "sprung").exists()
    with pytest.raises(CheckpointError) as caught:
        read_state(path)
    assert "could run code" in str(caught.value)
    assert "weights_only" not in str(caught.value)  # PyTorch's advice to turn its guard off


NESTS = {
    "plain": lambda state: state,
    "parallel": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    "compiled": lambda state: {"model": {f"_orig_mod.{name}": tensor for name, tensor in state.items()}, "epoch": 3},
    "student": lambda state: {f"student.{name}": tensor for name, tensor in state.items()},
    "timm": lambda state: {"state_dict": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param": [1]}},
    "lightning": lambda state: {
        "state_dict": {**{f"net.model.{name}": tensor for name, tensor in state.items()}, "loss.weight": torch.ones(3)},
        "pytorch-lightning_version": "2.4.0",
        "hyper_parameters": {"lr": 0.1, "sizes": (1, 2)},
        "callbacks": {"best": {"score": torch.tensor(0.5)}},
    },
    "mmseg": lambda state: {"meta": {"CLASSES": ("a", "b"), "epoch": 1}, "state_dict": state},
    "average": lambda state: {
        "n_averaged": torch.tensor(4),
        **{f"module.{name}": item for name, item in state.items()},
    },
    "both": lambda state: {"model": {name: item * 0 for name, item in state.items()}, "model_ema": state},
    "teacher": lambda state: {
        f"{who}.{name}": item * (who == "teacher") for name, item in state.items() for who in ("student", "teacher")
    },
}


@pytest.mark.parametrize("nest", NESTS)
@pytest.mark.parametrize("public", [False, True])
def test_a_network_is_found_in_the_checkpoint_of_another_program(tmp_path, small, nest, public):
    path = written(tmp_path / "last.ckpt", NESTS[nest](published_state(small) if public else small.state_dict()))
    assert holds_weights_alone(path)
    other = segmenter()
    other.load_state_dict({name: torch.zeros_like(tensor) for name, tensor in other.state_dict().items()})
    load_weights(other, path)
    assert all(torch.equal(tensor, small.state_dict()[name]) for name, tensor in other.state_dict().items())


def test_of_several_networks_the_average_is_taken_and_a_line_says_so(caplog):
    state = {"model.a.b": torch.zeros(1), "ema_model.a.b": torch.ones(1), "other.c": torch.zeros(1)}
    assert of_network(state, ["a.b"], "x.pth") == {"a.b": torch.ones(1)}
    assert "x.pth holds several networks ('ema_model.', 'model.'); 'ema_model.' is taken" in caplog.text
    assert of_network(state, ["z"], "x.pth") is state


def test_a_resnet_of_torchvision_starts_deeplab_with_the_same_first_features(tmp_path, caplog):
    resnet = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, [1, 1, 1, 1], num_classes=5).eval()
    for layer in (resnet.bn1, resnet.layer1[0].bn1):
        torch.nn.init.uniform_(layer.running_mean)
    for prefix in ("", "backbone."):
        state = {f"{prefix}{name}": tensor for name, tensor in resnet.state_dict().items()}
        path = written(tmp_path / "resnet.pth", state)
        network = DeepLab(DeepLabSettings(layers=(1, 1, 1, 1), weights=path), 3).eval()
        assert "its features are a start for training and not exact" in caplog.text
        images = torch.rand(1, 3, 64, 64)
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        with torch.no_grad():
            ours = network.bn1(network.conv1(images.flip(1) * 255 - network.mean))
            theirs = resnet.bn1(resnet.conv1((images - mean) / std))
        assert torch.allclose(ours[..., 2:-2, 2:-2], theirs[..., 2:-2, 2:-2], atol=1e-4)
        assert torch.equal(network.layer3[0].conv2.weight, resnet.layer3[0].conv2.weight)


def test_another_kind_of_resnet_is_refused_with_the_kinds_that_fit(tmp_path):
    deep = timm.create_model("resnet26d").state_dict()
    with pytest.raises(CheckpointError, match=r"lacks conv1\.weight.* such as resnet101 of torchvision or timm"):
        DeepLab(DeepLabSettings(weights=written(tmp_path / "resnet26d.pth", deep)), 3)


def test_what_is_no_file_of_weights_is_named(tmp_path, monkeypatch):
    with pytest.raises(CheckpointError, match=r"none\.pth: no such weights file"):
        read_state(tmp_path / "none.pth")
    for name in ("note.pth", "note.safetensors"):
        (tmp_path / name).write_text("not weights")
        with pytest.raises(CheckpointError, match=rf"{name}: (not a readable weights file|refused)"):
            read_state(tmp_path / name)
    for content in ([torch.ones(1)], {"model": {"a": 1}}, {1: torch.ones(1)}):
        with pytest.raises(CheckpointError, match=r"should hold named tensors"):
            read_state(written(tmp_path / "nested.pth", content))
    monkeypatch.setattr(tensors, "_LARGEST", 1000)
    with pytest.raises(CheckpointError, match=r"large\.pth: holds more than"):
        read_state(written(tmp_path / "large.pth", {"a": torch.ones(2000)}))


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(["a.pth", "a.safetensors"]),
    legacy=st.booleans(),
    place=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
    cut=st.booleans(),
)
@example(name="a.pth", legacy=False, place=0.8171892986408505, byte=27, cut=False)  # a zip with a name in no encoding
def test_a_damaged_file_is_read_or_refused_in_words(tmp_path_factory, name, legacy, place, byte, cut):
    path = written(tmp_path_factory.mktemp("damaged") / name, {"a": torch.ones(5), "b": torch.zeros(2, 2)}, legacy)
    content = path.read_bytes()
    position = int(place * len(content))
    path.write_bytes(content[:position] if cut else content[:position] + bytes([byte]) + content[position + 1 :])
    with contextlib.suppress(CheckpointError):
        assert all(isinstance(tensor, torch.Tensor) for tensor in read_state(path).values())


def test_every_mistake_is_listed_with_shapes():
    module = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
    state = module.state_dict()
    del state["1.running_var"]
    state["0.weight"] = torch.zeros(4, 2, 1, 1)
    state["head.bias"] = torch.zeros(5)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        load_state(module, state, "some.pth")
    assert str(caught.value).splitlines() == [
        "some.pth does not fit the network:",
        "  missing: 1.running_var 3",
        "  unexpected: head.bias 5",
        "  misshapen: 0.weight 4×2×1×1 where the network has 3×2×1×1",
    ]
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_many_mistakes_are_counted():
    with pytest.raises(CheckpointError, match=r"unexpected: x0 1, .*, x7 1 and 12 more$"):
        load_state(nn.Identity(), {f"x{index}": torch.zeros(1) for index in range(20)}, "some.pth")


def test_the_published_resnet_101_has_641_tensors():
    with torch.device("meta"):
        names = published_state(segmenter((3, 4, 23, 3), 15))
    assert len(names) == 641
    assert {"conv1.weight", "bn1.num_batches_tracked", "layer3.22.conv3.weight", "sf_layer.weight"} <= names.keys()
    assert {"layer2.0.downsample.0.weight", "layer2.0.downsample.1.running_var"} <= names.keys()
    assert names["layer6.conv2d_list.3.bias"].shape == (15,)
    known = re.compile(
        r"(conv1|sf_layer)\.weight|(bn1|layer[1-4]\.\d+\.(bn[1-3]|downsample\.1))\.(weight|bias|running_mean|"
        r"running_var|num_batches_tracked)|layer[1-4]\.\d+\.(conv[1-3]|downsample\.0)\.weight|"
        r"layer[56]\.conv2d_list\.[0-3]\.(weight|bias)"
    )
    assert all(known.fullmatch(name) for name in names)


def snapshot(layers, num_classes):
    """Names, shapes and dtypes of a snapshot of the public code, from its description alone."""
    found = {"conv1.weight": (64, 3, 7, 7), **norm("bn1", 64)}
    inputs = 64
    for stage, blocks in enumerate(layers):
        planes = 64 << stage
        for block in range(blocks):
            name = f"layer{stage + 1}.{block}"
            found |= {
                f"{name}.conv1.weight": (planes, inputs, 1, 1),
                f"{name}.conv2.weight": (planes, planes, 3, 3),
                f"{name}.conv3.weight": (4 * planes, planes, 1, 1),
                **norm(f"{name}.bn1", planes),
                **norm(f"{name}.bn2", planes),
                **norm(f"{name}.bn3", 4 * planes),
            }
            if block == 0:
                found |= {f"{name}.downsample.0.weight": (4 * planes, inputs, 1, 1)}
                found |= norm(f"{name}.downsample.1", 4 * planes)
            inputs = 4 * planes
    for head, inputs in ((5, 1024), (6, 2048)):
        for branch in range(4):
            found[f"layer{head}.conv2d_list.{branch}.weight"] = (num_classes, inputs, 3, 3)
            found[f"layer{head}.conv2d_list.{branch}.bias"] = (num_classes,)
    found["sf_layer.weight"] = (num_classes, 2 * num_classes, 1, 1)
    return {
        name: (shape, torch.int64 if name.endswith("num_batches_tracked") else torch.float32)
        for name, shape in found.items()
    }


def norm(name, channels):
    kinds = {kind: (channels,) for kind in ("weight", "bias", "running_mean", "running_var")}
    return {f"{name}.{kind}": shape for kind, shape in {**kinds, "num_batches_tracked": ()}.items()}


@pytest.mark.parametrize(
    ("layers", "num_classes"),
    [((1, 1, 1, 1), 3), ((1, 2, 2, 1), 12), ((3, 4, 23, 3), 15)],
)
def test_a_snapshot_is_one_of_the_public_codes_and_comes_back_whole(tmp_path, layers, num_classes):
    ours, path = segmenter(layers, num_classes), tmp_path / "model_40000.pth"
    save_weights(ours, path)
    assert not zipfile.is_zipfile(path)  # PyTorch 1.2 reads no other form
    assert not list(tmp_path.glob(".*"))
    held = torch.load(path, weights_only=True)
    wanted = snapshot(layers, num_classes)
    assert len(wanted) == 641 or layers != (3, 4, 23, 3)
    assert {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in held.items()} == wanted
    other = segmenter(layers, num_classes)
    with torch.no_grad():
        other.fusion.weight.zero_()
    load_weights(other, path)
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), other.state_dict().values(), strict=True))


def test_weights_of_other_shapes_or_of_no_video_network_are_refused(tmp_path, small):
    path = written(tmp_path / "model_40000.pth", published_state(small))
    with pytest.raises(
        CheckpointError, match=r"model_40000\.pth does not fit the network:\n  misshapen: image\.layer5"
    ):
        load_weights(segmenter(num_classes=4), path)
    single = written(tmp_path / "single.pth", small.image.state_dict())
    with pytest.raises(CheckpointError, match=r"single\.pth holds a single-frame network.*network\.weights"):
        load_weights(segmenter(), single)


@pytest.mark.parametrize(("layers", "num_classes"), [((1, 1, 1, 1), 3), ((3, 4, 23, 3), 19)])
def test_a_snapshot_of_single_frames_is_advents_and_comes_back_whole(tmp_path, layers, num_classes):
    ours, path = segmenter(layers, num_classes, "none"), tmp_path / "model_40000.pth"
    save_weights(ours, path)
    wanted = snapshot(layers, num_classes)
    del wanted["sf_layer.weight"]
    held = torch.load(path, weights_only=True)
    assert {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in held.items()} == wanted
    other = segmenter(layers, num_classes, "none")
    load_weights(other, path)
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), other.state_dict().values(), strict=True))


def test_weights_of_a_video_network_are_none_of_single_frames(tmp_path, small):
    for name in ("model.pth", "model.safetensors"):
        save_weights(small, tmp_path / name)
        with pytest.raises(
            CheckpointError, match=rf"{name} holds a video network.*video\.propagation to warp or splat"
        ):
            load_weights(segmenter(propagation="none"), tmp_path / name)


def test_weights_alone_under_our_names_go_out_and_in(tmp_path, small):
    save_weights(small, tmp_path / "any.safetensors")
    assert read_state(tmp_path / "any.safetensors").keys() == small.state_dict().keys()
    other = segmenter()
    load_weights(other, tmp_path / "any.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(small.state_dict().values(), other.state_dict().values(), strict=True))


def test_a_place_that_cannot_be_written_to_is_named(tmp_path, small):
    (tmp_path / "file").write_text("no folder")
    for name in ("a.pth", "a.safetensors"):
        with pytest.raises(DataError, match=rf"{name}: could not be written"):
            save_weights(small, tmp_path / "file" / name)


def test_imagenet_weights_start_the_backbone_alone(tmp_path, small):
    pretrained = {f"Scale.{name}": tensor + 1 for name, tensor in small.image.state_dict().items()}
    pretrained = {name: tensor for name, tensor in pretrained.items() if "layer6" not in name}
    path = written(tmp_path / "DeepLab_resnet_pretrained_imagenet.pth", pretrained)
    network = DeepLab(DeepLabSettings(layers=(1, 1, 1, 1), weights=path), 3)
    for name, tensor in network.state_dict().items():
        if name.startswith(("layer5", "layer6")):
            assert tensor.abs().max() < 0.2, name  # its own start
        else:
            assert torch.equal(tensor, pretrained[f"Scale.{name}"]), name

    with pytest.raises(CheckpointError, match=r"x\.pth does not fit the network:\n  unexpected: layer9\.weight 1"):
        load_imagenet(network, {"Scale.layer9.weight": torch.ones(1)}, "x.pth")


def test_any_other_file_must_hold_the_whole_network(tmp_path, small):
    state = small.image.state_dict()
    network = DeepLab(DeepLabSettings(layers=(1, 1, 1, 1), weights=written(tmp_path / "own.pth", state)), 3)
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    del state["conv1.weight"]
    with pytest.raises(
        CheckpointError, match=r"less\.pth does not fit the network:\n  missing: conv1\.weight 64×3×7×7"
    ):
        DeepLab(DeepLabSettings(layers=(1, 1, 1, 1), weights=written(tmp_path / "less.pth", state)), 3)
