"""A step never waits for its device, which is shown without one: on tensors that have a shape and no content.

PyTorch's device ``meta`` computes no value. So reading one, or choosing elements by a mask, is an error there, wherever
in PyTorch it happens. Copies that a GPU would have to be waited for, it allows; :class:`NoWaiting` does not.
"""

from contextlib import nullcontext

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import toy
from davsn.core.clip import Batch
from davsn.core.plugins import available, find
from davsn.core.settings import validate
from davsn.flow.estimation import Completion
from davsn.flow.estimator import FlowEstimator
from davsn.flow.setting import FlowSetting
from davsn.learning.geometry import Geometry
from davsn.learning.method import Method
from davsn.methods.source_only import SourceOnly
from davsn.networks.image.detail import Detail
from davsn.ops.augmentation import Photometric
from davsn.training.average import Average
from toy import CLASSES, batch, single, trainer_of

METHODS = available(Method)
COPIES = ("aten::_to_copy", "aten::copy_")
CHOICES = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")
SHAPES = {
    "aten::upsample_bilinear2d": lambda maps, size, *_: maps.new_empty(*maps.shape[:2], *size),
    "aten::upsample_bilinear2d_backward": lambda maps, _, size, *__: maps.new_empty(size),
    "aten::grid_sampler_2d": lambda maps, grid, *_: maps.new_empty(*maps.shape[:2], *grid.shape[1:3]),
}
"""What takes PyTorch most of the time on ``meta``, since it is written in Python there: only the shape counts."""


class NoWaiting(TorchDispatchMode):
    """Fails at an operation on ``meta`` for which a GPU would be waited for."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function._schema.name
        made = SHAPES.get(name, function)(*args, **kwargs)
        given = [each for each in tree_leaves(args) if isinstance(each, torch.Tensor)]
        devices = {each.device.type for each in [*given, made] if isinstance(each, torch.Tensor)}
        if name in COPIES and len(devices) > 1:
            asked = dict(zip((argument.name for argument in function._schema.arguments), args, strict=False)) | kwargs
            assert asked.get("non_blocking"), "a copy from the host waits: pass non_blocking=True"
        elif "meta" in devices:
            assert not any(each.device.type == "cpu" and each.dim() for each in given), (
                f"{name} has tensors of the host"
            )
            if name in CHOICES:
                assert not any(each.dtype == torch.bool for each in given[1:]), f"{name} counts the elements of a mask"
        return made


@pytest.fixture(autouse=True)
def _torch_knows_the_device(monkeypatch):
    autocast, tensor = torch.autocast, torch.tensor

    def constant(*given, device=None, **more):
        assert device is None or torch.device(device).type != "meta", "torch.tensor copies from the host, and waits"
        return tensor(*given, device=device, **more)

    monkeypatch.setattr(torch, "tensor", constant)
    monkeypatch.setattr(
        torch,
        "autocast",
        lambda kind, *rest, **more: nullcontext() if kind == "meta" else autocast(kind, *rest, **more),
    )


def detail():
    return Detail(validate(Detail.Config, {"over": toy.__file__, "width": 8, "crop": (32, 32)}, "network"), CLASSES)


def step_of(method, change=lambda method, *pair: pair, **settings):
    """The trainer of a method on the device without content, after one step."""
    trainer = trainer_of(method, device="meta", **settings)
    if trainer.method.needs_shares:
        trainer.prepare(torch.full((CLASSES,), 1 / CLASSES))
    source, target = method.clips(method.Config())
    pair = change(method, batch(0, source), None if target is None else batch(0, target))
    with NoWaiting():
        trainer.step(*pair)
    assert all(tensor.is_meta for module in trainer.modules.values() for tensor in module.state_dict().values())
    return trainer


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_a_step_of_any_method_waits_for_nothing(method):
    step_of(method)


def test_neither_do_other_networks_and_settings():
    step_of(SourceOnly, propagation="splat")
    step_of(SourceOnly, single, propagation="none", average=0.9)
    adjusted = type("Adjusted", (SourceOnly,), {"Config": staticmethod(lambda: SourceOnly.Config(adjust=0.5))})
    step_of(adjusted, image=detail, statistics="target", average_last=0.99)


@pytest.mark.parametrize("decay", [0.6, None])
def test_an_average_counts_on_the_host(decay):
    network = torch.nn.BatchNorm2d(1).to("meta")
    average = Average(network, decay)
    with NoWaiting():
        for _ in range(3):
            average.update_parameters(network)
    assert int(average.n_averaged) == 3


def test_nor_does_any_change_that_a_method_may_draw():
    frames, flow = torch.empty(1, 3, 40, 48, device="meta"), torch.empty(1, 2, 40, 48, device="meta")
    labels = torch.empty(1, 40, 48, dtype=torch.long, device="meta")
    every = tuple((name, 0.4) for name in ("brightness", "contrast", "saturation", "hue"))
    clip = Batch({0: frames, -1: frames}, {(0, -1): flow}, labels=labels)
    mirrored = Geometry(slice(4, 30), slice(5, 40), mirrored=True)
    with NoWaiting():
        Photometric(blur=3.0, jitter=every, grey=True)(frames)
        mirrored.clip(clip)
        mirrored.pixels(labels)


@pytest.mark.parametrize(("name", "options"), [("flownet2", {"part": "full"}), ("raft_small", {"updates": 2})])
def test_flow_on_the_device_waits_for_nothing(name, options, monkeypatch):
    kind = find(FlowEstimator, name)
    with torch.device("meta"):  # random weights take seconds
        estimator = kind(kind.Config(weights="random", **options))
    setting = FlowSetting(checked=True)
    monkeypatch.setattr(FlowSetting, "build", lambda self: estimator)
    frames = {offset: torch.empty(1, 3, 128, 128, device="meta") for offset in (0, -1)}
    with NoWaiting():
        completed = Completion(setting, [(0, -1)])(Batch(frames))
    assert completed.flow.shape == (1, 2, 128, 128)
    assert completed.valid[0, -1].shape == (1, 128, 128)


WAITS = {
    "a value": lambda x: x.sum().item(),
    "a condition": lambda x: bool((x > 0).any()),
    "the host": lambda x: x.cpu(),
    "a list": lambda x: x.tolist(),
    "a mask": lambda x: x[x > 0],
    "a mask to write by": lambda x: x.index_put_((x > 0,), torch.ones(2, device="meta")),
    "the elements": lambda x: x.masked_select(x > 0),
    "a copy from the host": lambda x: x + torch.ones(3).to(x.device),
    "a constant": lambda x: x * torch.tensor([1.0, 2.0, 3.0], device=x.device),
    "places": lambda x: x.nonzero(),
    "another device": lambda x: x[torch.zeros(2, dtype=torch.long)],
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_what_waits_is_found(wait):
    with pytest.raises((AssertionError, RuntimeError, NotImplementedError)), NoWaiting():
        wait(torch.empty(3, device="meta"))
