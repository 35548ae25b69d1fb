"""The light network: its encoder's start from each place, and what it says when a place has nothing."""

import pytest
import safetensors.torch
import timm
import torch
from huggingface_hub import constants

from davsn.core.errors import CheckpointError, ConfigError
from davsn.core.settings import validate
from davsn.networks import initial_weights
from davsn.networks.image.light import Light, LightSettings


@pytest.mark.parametrize("encoder", ["resnet18", "convnext_atto"])
def test_a_file_with_timms_names_starts_the_encoder(tmp_path, encoder):
    classifier = timm.create_model(encoder)
    path = tmp_path / "encoder.safetensors"
    safetensors.torch.save_file(classifier.state_dict(), path)
    network = Light(LightSettings(encoder=encoder, weights=path), 4)
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        deepest = network.encoder.eval()(images)[-1]
        features = classifier.eval().forward_features(images)
    torch.testing.assert_close(deepest, features)


def test_a_file_of_another_encoder_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file(timm.create_model("resnet34").state_dict(), path)
    with pytest.raises(CheckpointError, match=r"other\.safetensors does not fit the network:\n  missing: conv_stem\."):
        Light(LightSettings(encoder="mobilenetv3_large_100", weights=path), 4)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """A machine whose hub does not answer and whose cache is empty."""

    def fail(*_):
        raise ConnectionError

    monkeypatch.setattr(initial_weights, "get_session", fail)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


@pytest.mark.usefixtures("no_network")
def test_without_a_network_the_hub_error_names_the_other_ways():
    with pytest.raises(
        CheckpointError, match=r"'mobilenetv3_small_050' could not be downloaded .*weights: FILE.*random"
    ):
        Light(LightSettings(encoder="mobilenetv3_small_050", weights="hub"), 4)
    assert not constants.HF_HUB_OFFLINE


@pytest.mark.usefixtures("no_network")
def test_without_a_network_auto_starts_at_random_and_says_so(caplog):
    network = Light(LightSettings(encoder="mobilenetv3_small_050", weights="auto"), 4)
    assert network.encoder.conv_stem.weight.abs().sum() > 0
    assert len(caplog.messages) == 1
    assert "'mobilenetv3_small_050' could not be downloaded" in caplog.text
    assert "starts from random weights" in caplog.text


def test_with_a_network_the_weights_are_timms(monkeypatch):
    asked = []
    plain = timm.create_model

    def create(name, pretrained=False, **options):
        asked.append(pretrained)
        return plain(name, **options)

    monkeypatch.setattr(initial_weights, "_hub_answers", lambda: True)
    monkeypatch.setattr(timm, "create_model", create)
    for weights in ("auto", "hub"):
        Light(LightSettings(encoder="mobilenetv3_small_050", weights=weights), 4)
    assert asked == [False, True, False, True]


def test_an_unknown_encoder_is_a_mistake_in_the_settings():
    with pytest.raises(ConfigError, match=r"encoder  timm has no encoder 'resnet81'\. Did you mean 'resnet\d+'\?"):
        validate(LightSettings, {"encoder": "resnet81"}, "recipe")
    with pytest.raises(ConfigError, match=r"encoder  timm has no encoder 'resnet18\.mine'"):
        validate(LightSettings, {"encoder": "resnet18.mine"}, "recipe")


@pytest.mark.parametrize("encoder", ["test_vit", "swin_tiny_patch4_window7_224", "mixer_b16_224"])
def test_an_encoder_for_the_other_network_is_refused(encoder):
    with pytest.raises(ConfigError, match=f"{encoder} does not take frames of any size here. Choose the network encod"):
        validate(LightSettings, {"encoder": encoder}, "recipe")


def test_images_are_normalised_as_the_encoder_was_trained():
    network = Light(LightSettings(encoder="tf_efficientnet_lite0"), 4)
    seen = []
    network.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network.eval()(torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32))
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor([-1.0, 0.0, 1.0]))


def test_logits_have_a_quarter_of_the_size():
    network = Light(LightSettings(encoder="mobilenetv3_large_100"), 4).eval()
    assert network(torch.rand(1, 3, 128, 256)).main.shape == (1, 4, 32, 64)


def test_a_strided_first_convolution_of_one_pixel_gets_frames_in_the_usual_layout():
    """With channels last, its backward pass ends the process on some processors."""
    network = Light(LightSettings(encoder="fastvit_t8", width=8, weights=None), 4).train()
    network(torch.rand(2, 3, 64, 96)).main.sum().backward()
    assert network.layout == torch.contiguous_format
    assert Light(LightSettings(encoder="resnet18", width=8, weights=None), 4).layout == torch.channels_last
