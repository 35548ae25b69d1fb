"""``training.pinned``: batches in page-locked memory, from which a CUDA device copies while the host works on."""

from itertools import islice

import pytest
import torch
from torch import Tensor

from davsn.core.clip import Batch, ClipSpec
from davsn.data import loading
from davsn.data.loading import Samples, training_batches
from davsn.data.sets.streets import Streets
from davsn.experiment import run as run_module
from davsn.experiment.experiment import load
from davsn.experiment.run import Run

PAIR = ClipSpec((0, -1), ((0, -1),), labels=True)
RECIPE = {
    "source": {"name": "streets", "size": [64, 32], "clips": 1, "length": 2},
    "target": {"name": "streets", "domain": "camera", "size": [64, 32], "clips": 1, "length": 2},
    "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
    "method": {"name": "da_vsn", "discriminator_width": 4},
    "training": {"steps": 1, "batch_size": 1, "workers": 0, "device": "cpu", "pinned": True},
}


def samples():
    return Samples(Streets(Streets.Config(size=(64, 32), clips=1, length=3)), PAIR)


def tensors(batch):
    return [*batch.frames.values(), *batch.flows.values(), *batch.valid.values(), batch.labels]


@pytest.fixture(name="asked")
def _asked(monkeypatch):
    """What the loader was asked for; it gives usual memory, since only CUDA has pinned memory."""
    asked = []

    class Loader(loading.DataLoader):
        def __init__(self, *given, pin_memory, **options):
            asked.append(pin_memory)
            super().__init__(*given, **options)

    monkeypatch.setattr(loading, "DataLoader", Loader)
    return asked


@pytest.mark.parametrize("pinned", [False, True])
def test_the_loader_is_asked_for_it(asked, pinned):
    next(training_batches(samples(), 2, seed=0, pinned=pinned))
    assert asked == [pinned]


def test_every_tensor_of_a_batch_is_pinned_and_nothing_else_changes(monkeypatch):
    def pin(tensor):
        moved.append(tensor)
        return tensor.clone()

    moved = []
    monkeypatch.setattr(Tensor, "pin_memory", pin)
    valid = torch.ones(1, 4, 4, dtype=torch.bool)
    batch = Batch(
        {0: torch.rand(1, 3, 4, 4)}, {(0, -1): torch.rand(1, 2, 4, 4)}, {(0, -1): valid}, valid.long(), ("a",)
    )
    pinned = batch.pin_memory()
    assert [id(each) for each in moved] == [id(each) for each in tensors(batch)]
    assert all(map(torch.equal, tensors(pinned), tensors(batch)))
    assert all(one is not two for one, two in zip(tensors(pinned), tensors(batch), strict=True))
    assert pinned.names == ("a",)


@pytest.mark.parametrize(("device", "expected"), [("cpu", False), ("cuda", True)])
def test_a_run_pins_the_batches_of_both_domains_for_cuda_alone(tmp_path, monkeypatch, device, expected):
    pins = []
    monkeypatch.setattr(
        run_module, "training_batches", lambda *given, pinned, **options: pins.append(pinned) or iter(())
    )
    run = Run(load(RECIPE), tmp_path)
    run.device = torch.device(device)
    run.batches(0)
    assert pins == [expected, expected]


@pytest.mark.cuda
@pytest.mark.parametrize("workers", [0, 1])
def test_pinned_batches_hold_the_same_on_cuda(workers):
    usual = list(islice(training_batches(samples(), 2, seed=0), 3))
    pinned = list(islice(training_batches(samples(), 2, seed=0, workers=workers, pinned=True), 3))
    for one, two in zip(usual, pinned, strict=True):
        assert not any(each.is_pinned() for each in tensors(one))
        assert all(each.is_pinned() for each in tensors(two))
        assert all(map(torch.equal, tensors(two.to("cuda").to("cpu")), tensors(one)))
