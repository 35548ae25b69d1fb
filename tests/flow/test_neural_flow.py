"""FlowNet2 and RAFT as estimators: their weights, their padding, lower precision."""

import argparse
import io
from urllib.error import URLError

import pytest
import safetensors.torch
import torch
from torch.nn import functional
from torchvision.models.optical_flow import raft_small

from davsn.core.errors import CheckpointError, FlowError
from davsn.flow.estimators.flownet2 import _TELLING, FlowNet2, stacks
from davsn.flow.estimators.flownet2.ops import channel_norm, correlation
from davsn.flow.estimators.flownet2.stacks import build, estimate
from davsn.flow.estimators.raft_large import RaftLarge
from davsn.flow.estimators.raft_small import RaftSmall


def frames(height, width, batch=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, batch, 3, height, width, generator=generator)


@pytest.fixture(scope="module", name="flownet_s")
def _flownet_s():
    torch.manual_seed(0)
    return FlowNet2(FlowNet2.Config(part="s", weights="random"))


@pytest.fixture(scope="module", name="state_s")
def _state_s(flownet_s):
    return dict(flownet_s.network.state_dict())


def saved(path, content):
    """As NVIDIA's files are: not a zip."""
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


# The operations


def shifted_products(a, b, radius, step):
    """The definition, position by position of the window."""
    height, width = a.shape[-2:]
    reach = radius * step
    padded = functional.pad(b, (reach, reach, reach, reach))
    steps = range(0, 2 * reach + 1, step)
    return torch.stack([(a * padded[..., y : y + height, x : x + width]).mean(1) for y in steps for x in steps], 1)


@pytest.mark.parametrize(("height", "width"), [(32, 24), (7, 45), (1, 1), (50, 3)])
@pytest.mark.parametrize(("radius", "step"), [(10, 2), (4, 1), (2, 3)])
def test_correlation_is_its_definition(height, width, radius, step):
    a, b = torch.randn(2, 2, 5, height, width)
    ours, wanted = correlation(a, b, radius, step), shifted_products(a, b, radius, step)
    assert ours.shape == wanted.shape
    assert (ours - wanted).abs().max() < 1e-5


def test_correlation_has_the_gradient_of_its_definition():
    a, b = torch.randn(2, 1, 3, 6, 5, dtype=torch.float32)
    given = [tensor.clone().requires_grad_() for tensor in (a, b)]
    weight = torch.randn(1, 25, 6, 5)
    ours = torch.autograd.grad((correlation(*given, 2, 2) * weight).sum(), given)
    wanted = torch.autograd.grad((shifted_products(*given, 2, 2) * weight).sum(), given)
    assert all((one - other).abs().max() < 1e-5 for one, other in zip(ours, wanted, strict=True))


def test_the_gradient_of_channel_norm_is_zero_at_zero():
    x = torch.zeros(1, 3, 2, 2, requires_grad=True)
    channel_norm(x).sum().backward()
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_costs_and_flow_stay_float32_under_autocast(monkeypatch):
    a, b = torch.randn(2, 1, 8, 12, 16).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(correlation(a, b), correlation(a.float(), b.float()))
    seen = []
    monkeypatch.setattr(stacks, "warp", lambda x, flow: (seen.append(flow.dtype), (x, None))[1])
    network = build("cs").eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        seen.append(estimate(network, *frames(64, 64)).dtype)
    assert seen == [torch.float32] * 2


@pytest.mark.parametrize("part", ["c", "sd"])
def test_bfloat16_changes_the_flow_a_little(part):
    torch.manual_seed(0)
    estimator = FlowNet2(FlowNet2.Config(part=part, weights="random", faithful=True))
    exact = estimator.estimate(*frames(64, 64))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = estimator.estimate(*frames(64, 64))
    assert 0 < (rounded - exact).abs().mean() < 0.02 * exact.abs().mean()


# Sizes


@pytest.mark.parametrize(("height", "width", "padded"), [(64, 128, (64, 128)), (65, 100, (128, 128)), (3, 7, (64, 64))])
def test_flownet2_sees_the_border_repeated_up_to_multiples_of_64(flownet_s, height, width, padded):
    a, b = frames(height, width)
    larger = [functional.pad(x, (0, padded[1] - width, 0, padded[0] - height), mode="replicate") for x in (a, b)]
    with torch.no_grad():
        wanted = estimate(flownet_s.network, *larger)[..., :height, :width]
    assert (flownet_s.estimate(a, b) - wanted).abs().max() < 1e-4


@pytest.mark.parametrize(("height", "width", "padded"), [(128, 136, (128, 136)), (130, 20, (136, 128))])
def test_raft_is_torchvisions_on_padded_frames(tmp_path, height, width, padded):
    theirs = raft_small().eval()
    torch.save(theirs.state_dict(), tmp_path / "a.pth")
    ours = RaftSmall(RaftSmall.Config(weights=tmp_path / "a.pth", updates=3))
    a, b = frames(height, width, batch=2)
    larger = [functional.pad(x, (0, padded[1] - width, 0, padded[0] - height), mode="replicate") for x in (a, b)]
    with torch.no_grad():
        wanted = theirs(*(2 * x - 1 for x in larger), num_flow_updates=3)[-1][..., :height, :width]
    assert (ours.estimate(a, b) - wanted).abs().max() < 1e-4
    assert ours.network.corr_block.corr_pyramid == []  # all that was matched is let go


def test_rafts_costs_are_float32_under_autocast(monkeypatch):
    estimator, seen = RaftSmall(RaftSmall.Config(weights="random", updates=1)), []
    block = estimator.network.corr_block
    index = block.index_pyramid
    monkeypatch.setattr(
        block, "index_pyramid", lambda **given: (seen.append(block.corr_pyramid[0].dtype), index(**given))[1]
    )
    with torch.autocast("cpu", torch.bfloat16):
        assert estimator.estimate(*frames(128, 128)).dtype == torch.float32
    assert seen == [torch.float32]


# What the public code does by accident


def test_sd_alone_divides_as_the_whole_network_does_unless_faithful():
    torch.manual_seed(0)
    ours = build("sd").eval()
    public = build("sd", faithful=True).eval()
    public.load_state_dict(ours.state_dict())
    with torch.no_grad():
        assert torch.allclose(estimate(ours, *frames(64, 64)) * 400, estimate(public, *frames(64, 64)), rtol=1e-4)


@pytest.mark.slow
def test_css_alone_is_smooth_unless_faithful():
    smooth, blocks = (
        FlowNet2(FlowNet2.Config(part="css", weights="random", faithful=faithful)).estimate(*frames(64, 64))
        for faithful in (False, True)
    )
    assert torch.equal(blocks, functional.interpolate(blocks[..., ::4, ::4], scale_factor=4.0))
    assert not torch.equal(smooth[..., 4], smooth[..., 5])  # inside one block


# Weights


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_of_nvidias_code_is_loaded(tmp_path, flownet_s, state_s, prefix):
    state = {f"{prefix}{name}": tensor for name, tensor in state_s.items()}
    path = saved(tmp_path / "FlowNet2-S_checkpoint.pth.tar", {"epoch": 0, "state_dict": state, "best_EPE": 1e10})
    loaded = FlowNet2(FlowNet2.Config(part="s", weights=path))
    assert torch.equal(loaded.estimate(*frames(64, 64)), flownet_s.estimate(*frames(64, 64)))
    assert loaded.identity() == flownet_s.identity()  # the weights count, not the file


def test_a_plain_file_with_batch_norm_is_loaded(tmp_path):
    network = build("s", batch_norm=True).eval()
    safetensors.torch.save_file(network.state_dict(), tmp_path / "s.safetensors")
    loaded = FlowNet2(FlowNet2.Config(part="s", weights=tmp_path / "s.safetensors"))
    with torch.no_grad():
        assert (loaded.estimate(*frames(64, 64)) - estimate(network, *frames(64, 64))).abs().max() < 1e-4


def test_reading_weights_leaves_the_random_numbers_of_the_run_alone(tmp_path):
    torch.save(raft_small().state_dict(), tmp_path / "a.pth")
    before = torch.get_rng_state()
    RaftSmall(RaftSmall.Config(weights=tmp_path / "a.pth"))
    assert torch.equal(torch.get_rng_state(), before)


def test_half_precision_in_a_file_is_computed_in_float32(tmp_path):
    state = {name: tensor.half() for name, tensor in raft_small().state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "a.safetensors")
    estimator = RaftSmall(RaftSmall.Config(weights=tmp_path / "a.safetensors", updates=1))
    assert {tensor.dtype for tensor in estimator.network.parameters()} == {torch.float32}


def test_weights_of_flownet2_have_to_be_given():
    with pytest.raises(FlowError) as error:
        FlowNet2(FlowNet2.Config(part="css"))
    assert str(error.value) == (
        "flownet2 needs a weights file. Get FlowNet2-CSS_checkpoint.pth.tar from NVIDIA's flownet2-pytorch (it has a "
        "licence of its own) and set flow: {name: flownet2, part: css, weights: FILE}"
    )


def test_the_file_of_another_part_is_recognised(tmp_path, state_s):
    path = saved(tmp_path / "a.pth", {"state_dict": state_s})
    with pytest.raises(
        CheckpointError, match=r"a\.pth holds FlowNet2's part s, not full\. Set part: s, or give FlowNet2_"
    ):
        FlowNet2(FlowNet2.Config(weights=path))


@pytest.mark.parametrize("part", ["c", "s", "sd", "cs", "css", "full"])
def test_every_parts_file_is_told_from_the_others(part):
    with torch.device("meta"):
        state = build(part).state_dict()
    assert next(of for name, of in _TELLING.items() if name in state) == part


def test_tensors_that_do_not_fit_are_listed_with_both_shapes(tmp_path, state_s):
    state = dict(state_s)
    del state["conv2.0.bias"]
    state["extra"] = torch.zeros(3)
    state["conv1.0.weight"] = torch.zeros(64, 12, 7, 7)
    with pytest.raises(CheckpointError) as error:
        FlowNet2(FlowNet2.Config(part="s", weights=saved(tmp_path / "a.pth", state)))
    assert str(error.value).splitlines()[1:] == [
        "  missing: conv2.0.bias 128",
        "  unexpected: extra 3",
        "  misshapen: conv1.0.weight 64×12×7×7 where the network has 64×6×7×7",
    ]


@pytest.mark.parametrize("estimator", [FlowNet2, RaftSmall])
def test_a_file_that_holds_more_than_data_is_refused_unread(tmp_path, estimator):
    path = saved(tmp_path / "a.pth", {"state_dict": {}, "args": argparse.Namespace(lr=0.1)})
    with pytest.raises(
        CheckpointError,
        match=r"refused\. It is damaged, or it holds Python objects beside tensors, .* Save the plain state_dict",
    ):
        estimator(estimator.Config(weights=path))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", None], ids=["empty", "half a zip", "cut short"])
def test_a_damaged_file_is_refused(tmp_path, content):
    whole = io.BytesIO()
    torch.save(raft_small().state_dict(), whole)
    (tmp_path / "a.pth").write_bytes(whole.getvalue()[:9999] if content is None else content)
    for estimator in (FlowNet2, RaftSmall):
        with pytest.raises(CheckpointError, match=r"a\.pth: "):
            estimator(estimator.Config(weights=tmp_path / "a.pth"))


def test_random_weights_are_told(caplog):
    RaftSmall(RaftSmall.Config(weights="random"))
    assert caplog.messages == ["raft_small has random weights: measure its time and memory, but do not use its flow"]


FETCH = "torchvision.models._api.load_state_dict_from_url"


def test_rafts_weights_are_fetched_checked_and_read_as_data(monkeypatch):
    asked = {}

    def fetch(url, **options):
        asked.update(options, url=url)
        return raft_small().state_dict()

    monkeypatch.setattr(FETCH, fetch)
    estimator = RaftSmall(RaftSmall.Config())
    assert asked.pop("url").endswith(".pth")
    assert asked == {"progress": False, "check_hash": True, "map_location": "cpu", "weights_only": True}
    assert estimator.estimate(*frames(16, 16)).isfinite().all()


@pytest.mark.parametrize("estimator", [RaftSmall, RaftLarge])
def test_without_a_network_raft_says_what_to_do(monkeypatch, estimator):
    def fetch(url, **options):
        raise URLError("no route to host")

    monkeypatch.setattr(FETCH, fetch)
    with pytest.raises(FlowError) as error:
        estimator(estimator.Config())
    name = {RaftSmall: "raft_small", RaftLarge: "raft_large"}[estimator]
    message = str(error.value)
    assert message.startswith(f"{name}'s weights could not be downloaded from https://")
    assert "(URLError: <urlopen error no route to host>). Connect to the internet once, or copy that file" in message
    assert message.endswith(f"set flow: {{name: {name}, weights: FILE}}")
