"""What is asked of the CPU about bf16."""

import math

import pytest
import torch

from davsn.networks import predicting
from davsn.networks.predicting import bf16_slowdown, faster_precision


def test_the_cpu_is_measured_and_no_random_number_is_drawn():
    before = torch.get_rng_state()
    assert 0 < bf16_slowdown() < math.inf
    assert torch.equal(torch.get_rng_state(), before)


def test_the_best_of_each_precision_counts(monkeypatch):
    seconds = [5.0, 2.0, 3.0, 2.5, 90.0, 40.0, 30.0, 50.0]  # fp32, then bf16; the first of each prepares its kernels
    clock = iter([moment for taken in seconds for moment in (0.0, taken)])
    monkeypatch.setattr(predicting.time, "perf_counter", lambda: next(clock))
    assert bf16_slowdown() == pytest.approx(15.0)


@pytest.mark.parametrize(("times", "chosen"), [(0.6, "bf16"), (17.2, "fp32")])
def test_bf16_is_used_on_a_cpu_that_is_faster_in_it(monkeypatch, capsys, times, chosen):
    monkeypatch.setattr(predicting, "bf16_slowdown", lambda: times)
    assert faster_precision("bf16", torch.device("cpu")) == chosen
    told = "bf16 takes 17.2 times as long as fp32 on this processor, so the network runs in fp32\n"
    assert capsys.readouterr().out == ("" if chosen == "bf16" else told)
    assert faster_precision("fp32", torch.device("cpu")) == "fp32"
    assert faster_precision("bf16", torch.device("cuda")) == "bf16"
