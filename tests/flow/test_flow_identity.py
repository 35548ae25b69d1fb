"""The text by which the cache of flow tells estimators apart."""

import sys

import torch
from torch import nn

from davsn.core.plugins import find
from davsn.flow.estimator import FlowEstimator
from davsn.flow.estimators.dis import Dis
from davsn.flow.estimators.zero import Zero

MINE = """
from davsn.flow.estimators.zero import Zero

class Mine(Zero):
    '''{}'''
"""


class Shift(Zero):
    """An estimator with weights."""

    def __init__(self, config, right):
        super().__init__(config)
        self.network = nn.Linear(1, 2)
        nn.init.constant_(self.network.weight, right)
        nn.init.zeros_(self.network.bias)


def test_it_names_the_estimator_and_its_settings():
    assert Dis(Dis.Config()).identity() == 'dis {"preset": "medium"}'
    assert Dis(Dis.Config(preset="fast")).identity() == 'dis {"preset": "fast"}'
    assert Zero(Zero.Config()).identity() == "zero {}"


def test_other_weights_are_another_estimator_and_the_same_ones_are_not():
    first, again, other = (Shift(Zero.Config(), right).identity() for right in (1.0, 1.0, 1.0 + 2**-23))
    assert first == again
    assert first != other
    assert " weights " in first


def test_the_device_and_the_type_of_memory_make_no_difference():
    network = nn.Conv2d(3, 4, 3)
    one, other = Shift(Zero.Config(), 1.0), Shift(Zero.Config(), 1.0)
    one.network, other.network = network, nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    other.network.load_state_dict(network.state_dict())
    assert one.identity() == other.identity()


def test_a_users_file_that_changed_is_another_estimator(tmp_path, monkeypatch):
    identities = []
    for text in ("one", "two"):
        path = tmp_path / text / "my_shift_estimator.py"
        path.parent.mkdir()
        path.write_text(MINE.format(text))
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.delitem(sys.modules, "my_shift_estimator", raising=False)
        part = find(FlowEstimator, str(path))
        identities.append(part(part.Config()).identity())
        sys.path.remove(path.parent.as_posix())
    assert all(text.startswith("my_shift_estimator code ") for text in identities)
    assert identities[0] != identities[1]
