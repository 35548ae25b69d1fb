"""A step of every method on a GPU: it waits for nothing, and computes what it computes on the CPU."""

from contextlib import contextmanager

import pytest
import torch

from davsn.core.plugins import available
from davsn.learning.method import Method
from davsn.methods.mean_teacher import MeanTeacher
from devices import on_devices
from toy import Tiny, batch, trainer_of, weights

METHODS = available(Method)
FIRST = [MeanTeacher, *(method for method in METHODS.values() if method is not MeanTeacher)]


class Still(Tiny):
    """Without dropout, which a GPU draws from a generator of its own."""

    def __init__(self):
        super().__init__()
        self.drop.p = 0.0


def pair(method, step):
    source, target = method.clips(method.Config())
    return batch(step, source), None if target is None else batch(step, target)


@contextmanager
def no_waiting(device):
    """Make any wait for the GPU an error."""
    if device == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("method", "device"), on_devices(*FIRST))
def test_steps_wait_for_nothing_and_move_every_part(method, device, precision):
    trainer = trainer_of(method, device=device, precision=precision)
    trainer.step(*pair(method, 0))  # the first one may wait, to prepare kernels
    before = {key: value.clone() for key, value in weights(trainer).items()}
    pairs = [pair(method, step) for step in (1, 2, 3)]  # a few, since methods draw
    with no_waiting(device):
        records = [trainer.step(*each) for each in pairs]
    assert all(bool(torch.as_tensor(value).isfinite()) for record in records for value in record.values())
    after = weights(trainer)
    assert {(value.device.type, value.dtype) for value in after.values()} == {
        (device, value.dtype) for value in before.values()
    }
    for name in trainer.parts:
        assert any(not torch.equal(after[key], before[key]) for key in after if key.startswith(f"{name}/")), name


@pytest.mark.parametrize("average", [{"average": 0.9}, {"average_last": 0.99}], ids=["moving", "mean"])
@pytest.mark.parametrize(("method", "device"), on_devices(MeanTeacher))
def test_an_average_waits_for_nothing(method, device, average):
    trainer = trainer_of(method, device=device, **average)
    with no_waiting(device):
        for step in range(3):
            trainer.step(*pair(method, step))
    assert all(value.isfinite().all() for value in trainer.segmenter.state_dict().values())


@pytest.mark.parametrize(("method", "device"), on_devices(*FIRST))
@pytest.mark.parametrize("propagation", ["warp", "splat"])
def test_losses_are_those_of_the_cpu(method, device, propagation):
    found = {}
    for where in ("cpu", device):
        trainer = trainer_of(method, image=Still, propagation=propagation, device=where)
        found[where] = [trainer.step(*pair(method, step)) for step in range(2)]
    for ours, expected in zip(found[device], found["cpu"], strict=True):
        assert ours.keys() == expected.keys()
        for key, value in expected.items():
            assert float(ours[key]) == pytest.approx(float(value), rel=5e-3, abs=1e-5), key
