"""A run on a GPU is resumed there, and on the CPU."""

import pytest
import torch

from davsn.methods.da_vsn import DaVsn
from davsn.methods.masked import Masked
from davsn.methods.source_only import SourceOnly
from davsn.training import checkpoint
from devices import on_devices
from toy import batch, trainer_of, weights


def pair(method, step):
    source, target = method.clips(method.Config())
    return batch(step, source), None if target is None else batch(step, target)


@pytest.mark.parametrize(("method", "device"), on_devices(SourceOnly, Masked, DaVsn))
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_step_is_the_step_that_would_have_come(method, device, precision, tmp_path):
    whole = trainer_of(method, device=device, precision=precision, average=0.5)
    for step in range(2):
        whole.step(*pair(method, step))
    path = checkpoint.save(tmp_path, 2, whole.state_dict(), keep=1)
    expected = whole.step(*pair(method, 2))
    resumed = trainer_of(method, seed=7, device=device, precision=precision, average=0.5)
    resumed.load_state_dict(checkpoint.load(path))
    record = resumed.step(*pair(method, 2))
    for key, value in expected.items():  # backward passes on a GPU add in any order
        assert float(record[key]) == pytest.approx(float(value), rel=1e-3, abs=1e-6), key
    for key, value in weights(whole).items():
        torch.testing.assert_close(weights(resumed)[key], value, rtol=1e-3, atol=1e-4, msg=key)
    assert {value.device.type for value in weights(resumed).values()} == {device}


@pytest.mark.parametrize(("method", "device"), on_devices(SourceOnly, Masked))
def test_a_checkpoint_goes_from_one_device_to_the_other(method, device, tmp_path):
    for number, (first, then) in enumerate([(device, "cpu"), ("cpu", device)]):
        stopped = trainer_of(method, device=first)
        stopped.step(*pair(method, 0))
        path = checkpoint.save(tmp_path, number + 1, stopped.state_dict(), keep=2)
        resumed = trainer_of(method, seed=7, device=then)
        resumed.load_state_dict(checkpoint.load(path))
        for key, value in weights(stopped).items():
            assert torch.equal(weights(resumed)[key].cpu(), value.cpu()), key
        record = resumed.step(*pair(method, 1))
        assert all(bool(torch.as_tensor(value).isfinite()) for value in record.values())
