"""Forward–backward consistency on motion whose occlusions are known."""

import pytest
import torch

from davsn.flow.consistency import consistent
from davsn.flow.estimation import estimated
from davsn.flow.setting import FlowSetting
from davsn.ops.warp import mirror_flow


def uniform(x, y, size=(20, 30)):
    return torch.tensor([float(x), float(y)]).view(1, 2, 1, 1).expand(1, 2, *size).clone()


@pytest.mark.parametrize(("x", "y"), [(0, 0), (3, 0), (0, -4), (-2, 5)])
def test_opposite_flows_agree_wherever_the_motion_stays_in_the_frame(x, y):
    column, row = torch.arange(30), torch.arange(20)[:, None]
    inside = (column + x >= 0) & (column + x < 30) & (row + y >= 0) & (row + y < 20)
    assert torch.equal(consistent(uniform(x, y), uniform(-x, -y))[0], inside)


def test_the_error_allowed_grows_with_the_motion():
    off = uniform(0.7, 0)  # squared: 0.49, just allowed at rest
    assert consistent(uniform(0, 0), off).all()
    assert not consistent(uniform(0, 0), 1.2 * off).any()  # 0.71 beyond 0.5 + 0.007
    middle = consistent(uniform(5, 0), uniform(-5, 0) + 1.2 * off)[0, :, :20]
    assert middle.all()  # 0.71 below 0.5 + 0.01 (25 + 17)


def test_what_a_moving_thing_hides_is_not_trusted():
    """A square moves three to the right over ground at rest: the ground that it comes to hide has no place there."""
    there, back = uniform(0, 0), uniform(0, 0)
    there[0, 0, 5:15, 5:12] = 3
    back[0, 0, 5:15, 8:15] = -3
    found = consistent(there, back)[0]
    hidden = torch.zeros(20, 30, dtype=torch.bool)
    hidden[5:15, 12:15] = True
    assert torch.equal(~found, hidden)


def test_mirrored_flows_have_the_mirrored_mask():
    generator = torch.Generator().manual_seed(0)
    there = torch.randn(2, 2, 16, 24, generator=generator)
    back = -there + torch.randn(2, 2, 16, 24, generator=generator) * 0.4
    found = consistent(there, back)
    assert 0 < found.float().mean() < 1
    mirrored = consistent(mirror_flow(there), mirror_flow(back))
    assert (found.flip(-1) != mirrored).float().mean() < 0.01  # positions are rounded differently from the other side


def test_only_a_checked_setting_says_where_flow_is_trusted():
    frames = torch.rand(2, 3, 40, 56, generator=torch.Generator().manual_seed(0))
    flow, mask = estimated(FlowSetting.model_validate("dis"), frames, frames.flip(0))
    assert mask is None
    again, mask = estimated(FlowSetting.model_validate("dis, checked"), frames, frames.flip(0))
    assert torch.equal(flow, again)
    assert mask.shape == (2, 40, 56)
    assert mask.dtype == torch.bool
    assert not mask.all()  # nothing in noise has a true counterpart
