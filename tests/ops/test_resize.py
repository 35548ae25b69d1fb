"""Upsampling of scores."""

import pytest
import torch

from davsn.ops.resize import upsample


def test_corners_are_aligned():
    logits = torch.arange(6.0).view(1, 1, 2, 3)
    resized = upsample(logits, (5, 9))
    assert torch.equal(resized[..., ::4, ::4], logits)
    ramp = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    assert torch.equal(resized[0, 0, 0, :5], ramp)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_type_stays(dtype):
    assert upsample(torch.zeros(1, 2, 3, 4, dtype=dtype), (6, 7)).dtype == dtype
