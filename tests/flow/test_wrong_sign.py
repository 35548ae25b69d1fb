"""The benchmark's own estimator: that a user's file is found by its path, and that it is wrong as it says."""

from pathlib import Path

import torch

from davsn.flow.estimators.dis import Dis
from davsn.flow.setting import FlowSetting

FILE = Path(__file__).parents[2] / "benchmarks" / "studies" / "wrong_sign.py"


def test_an_estimator_of_ones_own_is_named_by_its_path():
    a = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(0))
    b = a.roll(2, 3)
    estimator = FlowSetting.model_validate({"name": str(FILE), "preset": "fast"}).build()
    right = Dis(Dis.Config(preset="fast")).estimate(a, b)
    assert right.abs().sum() > 0
    assert torch.equal(estimator.estimate(a, b), -right)
