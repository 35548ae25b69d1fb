"""The networks in docs/flow.md: the adapter is an estimator, the settings are valid, the table of parts is whole."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
import torch
import yaml
from torch import nn

from davsn.core.plugins import find
from davsn.core.settings import validate
from davsn.flow.estimator import FlowEstimator
from davsn.flow.estimators.flownet2 import _FILES, Part

PAGE = (Path(__file__).parents[2] / "docs" / "flow.md").read_text(encoding="utf-8")
TEXT = PAGE.split("<!-- networks:start -->")[1].split("<!-- networks:end -->")[0]


class StandIn(nn.Module):
    """ptlflow's interface: a dictionary of BGR pairs in, a dictionary of flows out; here red becomes the flow."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, inputs):
        first, second = inputs["images"].unbind(1)
        red = torch.stack([first[:, 2], second[:, 2]], 1) * self.weight
        return {"flows": red[:, None]}


def test_the_adapter_is_an_estimator(tmp_path, monkeypatch):
    (code,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    asked = []
    stand_in = SimpleNamespace(get_model=lambda name, ckpt_path: (asked.append((name, ckpt_path)), StandIn())[1])
    monkeypatch.setitem(sys.modules, "ptlflow", stand_in)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "sea_raft_of_the_docs", raising=False)
    (tmp_path / "sea_raft_of_the_docs.py").write_text(code)
    part = find(FlowEstimator, str(tmp_path / "sea_raft_of_the_docs.py"))
    estimator = part(part.Config())
    a, b = torch.rand(2, 2, 3, 50, 70)
    assert torch.equal(estimator.estimate(a, b), torch.stack([a[:, 0], b[:, 0]], 1))
    part(part.Config(weights=Path("mine.ckpt")))
    assert asked == [("sea_raft_m", "sintel"), ("sea_raft_m", "mine.ckpt")]
    assert estimator.on_device
    assert " weights " in estimator.identity()


@pytest.mark.parametrize("text", re.findall(r"`(\{name: (?:raft|flownet2).*?\})`", TEXT))
def test_the_settings_shown_are_valid(text):
    settings = yaml.safe_load(text)
    part = find(FlowEstimator, settings.pop("name"))
    validate(part.Config, settings, "docs/flow.md", paths=False)


def test_the_table_of_parts_is_whole():
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", TEXT, re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(rows))
    assert set(get_args(Part)) <= set(named)
    for part in ("full", "css", "cs", "c"):
        assert _FILES[part] in TEXT
