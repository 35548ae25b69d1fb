"""Every encoder family with every head: sizes, gradients, groups, states, and every method without an auxiliary one."""

import functools

import pytest
import safetensors.torch
import timm
import torch

import toy
from davsn.core.clip import Batch
from davsn.core.errors import CheckpointError, ConfigError
from davsn.core.plugins import available, name_of
from davsn.core.settings import validate
from davsn.experiment.experiment import load
from davsn.experiment.run import Run
from davsn.learning.method import Method, Term
from davsn.networks import initial_weights
from davsn.networks.encoder import Encoder, family_of
from davsn.networks.encoders import mit
from davsn.networks.encoders.hierarchical import Hierarchical
from davsn.networks.encoders.mit import Mit, nvidia_name
from davsn.networks.head import Head
from davsn.networks.image.encoder_head import EncoderHead, EncoderHeadSettings
from davsn.networks.initial_weights import flat
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import load_weights, save_weights
from davsn.ops.losses import cross_entropy
from davsn.ops.resize import upsample
from davsn.training import checkpoint
from davsn.training.loop import Trainer, optimisation_of
from davsn.training.optimisation import OptimiserSettings
from davsn.training.settings import TrainingSettings

CLASSES = toy.CLASSES
SIZE = (51, 75)
"""Height and width that are no multiples of 8, 14, 16 or 32."""
ENCODERS = {"hierarchical": "test_convnext", "vit": "test_vit", "mit": "mit_b0"}
"""The smallest encoder of each family."""
MORE = ("pvt_v2_b0", "efficientvit_b0", "test_resnet", "swin_tiny_patch4_window7_224", "vit_tiny_patch16_dinov3_qkvb")
"""Encoders with other layouts of their features: windows, registers, rotary position embeddings."""
HEADS = available(Head)


def head_of(name):
    return {"name": name, "width": 8} if "width" in HEADS[name].Config.model_fields else name


@functools.cache
def built(encoder, head, **settings):
    torch.manual_seed(0)
    values = {"encoder": encoder, "head": head_of(head), "weights": None, **settings}
    return EncoderHead(EncoderHeadSettings(**values), CLASSES)


def frames(count=1, size=SIZE):
    return torch.rand(count, 3, *size)


def test_every_family_and_head_is_tested():
    assert set(ENCODERS) == set(available(Encoder))
    assert all(name_of(family_of(name)) == family for family, name in ENCODERS.items())
    assert set(HEADS) >= {"sum", "segformer", "daformer", "upernet", "linear"}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("encoder", ENCODERS.values())
def test_every_pair_segments_odd_sizes_alone_and_in_video(encoder, head):
    network = built(encoder, head).train()
    labels = torch.randint(0, CLASSES, (1, *SIZE))
    for propagation in ("none", "warp", "splat"):
        segmenter = VideoSegmenter(network, propagation)
        network.zero_grad()
        prediction = segmenter(frames(), frames(), 3 * torch.randn(1, 2, *SIZE))
        losses = []
        for logits in prediction.fused.named.values():
            assert logits.shape[:2] == (1, CLASSES)
            assert logits.shape[2] >= SIZE[0] / 16 - 1
            losses.append(cross_entropy(upsample(logits, SIZE), labels))
        sum(losses).backward()
        assert prediction.fused.named.keys() == set(segmenter.levels)
        for part in (network.encoder, network.head, network.main):
            gradients = [parameter.grad for parameter in part.parameters()]
            assert all(gradient is None or gradient.isfinite().all() for gradient in gradients)
            assert sum(gradient is not None and bool(gradient.abs().sum() > 0) for gradient in gradients) >= min(
                1, len(gradients)
            )
        assert segmenter.eval().predict(frames(), frames(), torch.zeros(1, 2, *SIZE), SIZE).shape == (1, *SIZE)
        network.train()
    groups = network.groups()
    assert set(groups) == {"backbone", "classifier"}
    grouped = [id(parameter) for parameters in groups.values() for parameter in parameters]
    assert sorted(grouped) == sorted(id(parameter) for parameter in network.parameters())
    layered = [id(parameter) for layer in network.layers() for parameter in layer]
    assert sorted(layered) == sorted(id(parameter) for parameter in groups["backbone"])
    assert len(network.layers()) > 2


@pytest.mark.parametrize("encoder", MORE)
def test_other_layouts_of_features_give_maps_of_their_channels(encoder):
    network = built(encoder, "sum").eval()
    seen = []
    network.head.register_forward_pre_hook(lambda module, inputs: seen.extend(inputs[0]))
    with torch.no_grad():
        main = network(frames()).main
    assert tuple(feature.shape[1] for feature in seen) == network.encoder.channels
    assert SIZE[0] / 6 < main.shape[2] <= SIZE[0] / 2
    heights = [feature.shape[2] for feature in seen]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == len(heights)


def test_a_plain_vit_sees_the_whole_frame_at_any_size():
    encoder = built("test_vit", "linear").encoder.eval()
    assert encoder.multiple == 16
    network = built("test_vit", "linear").eval()
    with torch.no_grad():
        assert network(frames(size=(50, 100))).main.shape[2:] == (3, 6)
        assert network(frames(size=(7, 9))).main.shape[2:] == (1, 1)
        image = torch.zeros(1, 3, 50, 100)
        image[..., 0] = 1.0  # the last row and column of tokens change with the last row and column of pixels
        assert not torch.equal(network(image).main, network(torch.zeros_like(image)).main)


def test_the_auxiliary_classifier_is_optional():
    without, by_head = built("test_convnext", "segformer"), built("test_convnext", "upernet")
    asked = built("test_convnext", "segformer", auxiliary=True)
    assert [network.auxiliary for network in (without, by_head, asked)] == [False, True, True]
    assert without(frames()).aux is None
    assert by_head(frames()).aux.shape == by_head(frames()).main.shape
    assert VideoSegmenter(without).levels == ("main",)


@pytest.mark.parametrize("propagation", ["none", "warp"])
@pytest.mark.parametrize("method", available(Method).values(), ids=available(Method).keys())
def test_every_method_leaves_the_auxiliary_classifier_out(method, propagation):
    if propagation == "none" and not method.single_frames:
        return
    torch.manual_seed(0)
    network = built("test_convnext", "daformer").train().requires_grad_(True)
    made = method(method.Config(), VideoSegmenter(network, propagation))
    made.prepare(10, torch.full((CLASSES,), 1 / CLASSES))
    source, target = (spec and toy.batch(0, spec, SIZE) for spec in method.clips(method.Config()))
    if propagation == "none":
        source, target = (each and (each if method.target_motion else alone(each)) for each in (source, target))
    names = []
    for together in made.terms(source, target, 0):
        for term in (together,) if isinstance(together, Term) else together:
            names.append(term.name)
            assert term.loss.isfinite(), term.name
    assert not [name for name in names if "aux" in name]
    assert names or method.__name__ == "BatchNorm"


def alone(batch):
    return Batch({0: batch.current} if batch.frames else {}, labels=batch.labels, names=batch.names)


def test_weights_go_out_and_in(tmp_path):
    one = VideoSegmenter(built("test_convnext", "segformer"))
    save_weights(one, tmp_path / "out.safetensors")
    torch.manual_seed(1)
    values = EncoderHeadSettings(encoder="test_convnext", head=head_of("segformer"), weights=None)
    other = VideoSegmenter(EncoderHead(values, CLASSES))
    load_weights(other, tmp_path / "out.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize("encoder", ["test_convnext", "test_vit"])
def test_a_file_with_timms_names_starts_the_encoder(tmp_path, encoder):
    state = timm.create_model(encoder).state_dict()
    safetensors.torch.save_file(state, tmp_path / "timm.safetensors")
    network = EncoderHead(EncoderHeadSettings(encoder=encoder, weights=tmp_path / "timm.safetensors"), CLASSES)
    given = {flat(name): tensor for name, tensor in state.items()}
    ours = network.encoder.body.state_dict()
    assert len(ours) > 20
    assert all(torch.equal(tensor, given[flat(name)]) for name, tensor in ours.items())


def test_mit_computes_what_segformers_encoder_computes():
    """Expected values: segmentation-models-pytorch 0.6.0, with the same weights under NVIDIA's names."""
    encoder = Mit("mit_b0").eval()
    shapes = {nvidia_name(name): tensor.shape for name, tensor in encoder.body.state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(shapes[name], generator=generator) * 0.05
        + (1.0 if len(shapes[name]) == 1 and name.endswith("weight") else 0.0)
        for name in sorted(shapes)
    }
    encoder.load({**state, "head.weight": torch.zeros(1000, 256)}, "mit_b0.pth")
    with torch.no_grad():
        features = encoder(torch.linspace(-2, 2, 3 * 50 * 75).view(1, 3, 50, 75).sin())
    assert [tuple(feature.shape[1:]) for feature in features] == [(32, 13, 19), (64, 7, 10), (160, 4, 5), (256, 2, 3)]
    found = [(feature.abs().mean().item(), feature[0, -1, -1, -1].item()) for feature in features]
    expected = [
        (0.8638835549354553, 1.6463539600372314),
        (0.8039271831512451, 0.6591174602508545),
        (0.7944018840789795, -0.5195801854133606),
        (0.7983448505401611, 1.1366788148880005),
    ]
    for pair, wanted in zip(found, expected, strict=True):
        assert pair == pytest.approx(wanted, abs=2e-5)


def test_mit_downloads_its_weights_under_nvidias_names(tmp_path, monkeypatch):
    other = Mit("mit_b0")
    state = {nvidia_name(name): tensor for name, tensor in other.body.state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    asked = []
    monkeypatch.setattr(mit, "hf_hub_download", lambda *wanted: asked.append(wanted) or tmp_path / wanted[1])
    monkeypatch.setattr(initial_weights, "_hub_answers", lambda: True)
    network = EncoderHead(EncoderHeadSettings(encoder="mit_b0", weights="hub"), CLASSES)
    assert asked == [("smp-hub/mit_b0.imagenet", "model.safetensors")]
    ours = network.encoder.state_dict()
    assert all(torch.equal(tensor, ours[name]) for name, tensor in other.state_dict().items())


def test_a_file_that_does_not_fit_names_the_nearest(tmp_path):
    state = timm.create_model("test_convnext", num_classes=0).state_dict()
    state["stem.0.weights"] = state.pop("stem.0.weight")
    safetensors.torch.save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(
        CheckpointError, match=r"(?s)missing: stem_0\.weight .*\n  nearest: stem\.0\.weights for stem_0\."
    ):
        EncoderHead(EncoderHeadSettings(encoder="test_convnext", weights=tmp_path / "other.safetensors"), CLASSES)


def test_a_file_of_mit_that_does_not_fit_is_told_by_its_own_names(tmp_path):
    state = {nvidia_name(name): tensor for name, tensor in Mit("mit_b0").body.state_dict().items()}
    state["block1.0.attn.q.weights"] = state.pop("block1.0.attn.q.weight")
    state["norm4.bias"] = torch.zeros(3)
    safetensors.torch.save_file(state, tmp_path / "mit.safetensors")
    with pytest.raises(CheckpointError) as caught:
        EncoderHead(EncoderHeadSettings(encoder="mit_b0", weights=tmp_path / "mit.safetensors"), CLASSES)
    told = str(caught.value)
    assert "missing: block1.0.attn.q.weight 32×32" in told
    assert "misshapen: norm4.bias 3 where the network has 256" in told
    assert "nearest: block1.0.attn.q.weights for block1.0.attn.q.weight" in told


def test_a_frozen_encoder_keeps_its_weights_and_statistics():
    network = EncoderHead(EncoderHeadSettings(encoder="test_resnet", weights=None, frozen=True), CLASSES)
    network.train()
    assert network.head.training
    assert not any(module.training for module in network.encoder.modules())
    before = {name: tensor.clone() for name, tensor in network.encoder.state_dict().items()}
    made = available(Method)["source_only"]
    made = made(made.Config(), VideoSegmenter(network, "none"))
    trainer = trainer_around(made, layer_decay=0.5)
    trainer.step(alone(toy.batch(0, toy.LABELLED, SIZE)), None)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.encoder.state_dict().items())
    assert network.groups()["backbone"] == []
    assert network.main.weight.grad.abs().sum() > 0


def test_drop_path_changes_training_alone():
    network = EncoderHead(EncoderHeadSettings(encoder="test_vit", head="linear", weights=None, drop_path=0.9), CLASSES)
    images = frames(4)
    network.train()
    assert not torch.equal(network(images).main, network(images).main)
    network.eval()
    assert torch.equal(network(images).main, network(images).main)
    with pytest.raises(ConfigError, match=r"drop_path  the encoder vgg11 has no drop path\. Set network\.drop_path=0"):
        EncoderHead(EncoderHeadSettings(encoder="vgg11", weights=None, drop_path=0.1), CLASSES)


def trainer_around(method, **rates):
    training = TrainingSettings(steps=4, save_every=2, log_every=1, clip=None)
    optimiser = OptimiserSettings(**{"name": "adamw", "learning_rate": 1e-3, "decayed": "weights", **rates})
    return Trainer(method, optimisation_of(method, optimiser, training), training, torch.device("cpu"))


def test_a_run_resumes_bit_for_bit_with_all_settings_of_the_optimiser():
    def made():
        checkpoint.seed_everything(0)
        values = EncoderHeadSettings(encoder="test_vit", head="linear", weights=None, drop_path=0.3)
        kind = available(Method)["source_only"]
        return trainer_around(
            kind(kind.Config(), VideoSegmenter(EncoderHead(values, CLASSES))), layer_decay=0.7, warmup=3
        )

    batches = [toy.batch(step, toy.LABELLED, SIZE) for step in range(3)]
    whole = made()
    for batch in batches:
        whole.step(batch, None)
    stopped = made()
    stopped.step(batches[0], None)
    state = {**stopped.state_dict(), "step": stopped.done}
    resumed = made()
    resumed.load_state_dict(state)
    for batch in batches[1:]:
        resumed.step(batch, None)
    ours, theirs = whole.segmenter.state_dict(), resumed.segmenter.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_unknown_encoders_and_heads_are_mistakes_in_the_settings():
    with pytest.raises(ConfigError, match=r"there is no encoder 'mit_b7'\. Did you mean 'mit_b\d'\?"):
        validate(EncoderHeadSettings, {"encoder": "mit_b7"}, "recipe")
    with pytest.raises(ConfigError, match=r"there is no Head 'segforme'\. Did you mean 'segformer'\?"):
        validate(EncoderHeadSettings, {"head": "segforme"}, "recipe")
    with pytest.raises(ConfigError, match=r"width"):
        validate(EncoderHeadSettings, {"head": {"name": "segformer", "width": 0}}, "recipe")
    with pytest.raises(ConfigError, match=r"head\.width  unknown key\. \(it has no settings\)"):
        validate(EncoderHeadSettings, {"head": {"name": "linear", "width": 8}}, "recipe")


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("dinov2", "vit_base_patch14_dinov2, vit_giant_patch14_dinov2, vit_large_patch14_dinov2 …"),
        ("resnet18.nonsense", "'resnet18'"),
        ("mit_b0.imagenet", "'mit_b0'"),
    ],
)
def test_a_part_of_a_name_and_a_wrong_tag_are_answered_with_names(name, suggested):
    with pytest.raises(ConfigError, match=rf"there is no encoder '{name}'\. Did you mean {suggested}\?"):
        validate(EncoderHeadSettings, {"encoder": name}, "recipe")


def test_a_name_may_say_which_weights():
    assert name_of(family_of("resnet18.a1_in1k")) == "hierarchical"
    assert name_of(family_of("vit_small_patch14_dinov2.lvd142m")) == "vit"


@pytest.mark.slow
def test_the_sizes_that_an_encoder_takes_are_found_by_trying():
    with torch.device("meta"):
        assert Hierarchical("test_convnext").multiple == 1
        assert Hierarchical("hrnet_w18_small").multiple == 32
        with pytest.raises(ConfigError, match=r"halonet26t takes frames of certain sizes only\. Choose another"):
            Hierarchical("halonet26t")


@pytest.mark.slow
def test_an_encoder_whose_layers_timm_does_not_tell_has_none():
    with torch.device("meta"):
        assert Hierarchical("caformer_s18").layers() == []


@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize("head", ["sum", "upernet"])
def test_an_encoder_of_ones_own_may_have_any_number_of_features(tmp_path, number, head):
    (tmp_path / f"flat{number}.py").write_text(
        "from torch import nn\nfrom davsn.networks.encoder import Encoder\n\n\nclass Flat(Encoder):\n"
        f"    channels = (4,) * {number}\n    several_scales = False\n\n"
        "    def __init__(self, name, drop_path=0.0, pretrained=False):\n"
        "        super().__init__(name)\n        self.only = nn.Conv2d(3, 4, 8, 8)\n\n"
        "    def forward(self, images):\n"
        "        return [self.only(images)] * len(self.channels)\n"
    )
    main, aux = built(str(tmp_path / f"flat{number}.py"), head)(frames(2))
    assert main.shape == aux.shape == (2, CLASSES, 4 * (SIZE[0] // 8), 4 * (SIZE[1] // 8))


def test_an_encoder_of_one_frame_size_is_refused():
    with pytest.raises(ConfigError, match=r"maxvit_tiny_tf_224 takes frames of one size only\. Choose another"):
        EncoderHead(EncoderHeadSettings(encoder="maxvit_tiny_tf_224", weights=None), CLASSES)


def test_statistics_of_a_network_with_layer_normalisation_alone_are_refused(tmp_path):
    world = {"name": "streets", "size": [64, 64], "clips": 1, "length": 2}
    recipe = {
        "source": {**world, "domain": "game"},
        "target": {**world, "domain": "camera"},
        "network": {"name": "encoder_head", "encoder": "test_vit", "head": "linear", "weights": None},
        "video": {"propagation": "none"},
        "method": "source_only",
        "training": {"statistics": "target", "target_statistics": 2},
    }
    with pytest.raises(ConfigError) as caught:
        Run(load(recipe), tmp_path)
    assert "training.statistics=both" in str(caught.value)
    assert "training.target_statistics=0" in str(caught.value)
    with pytest.raises(ConfigError, match="Choose a network with BatchNorm, or another method"):
        available(Method)["batch_norm"](
            available(Method)["batch_norm"].Config(), VideoSegmenter(built("test_vit", "linear"), "none")
        )
