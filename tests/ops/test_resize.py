"""Upsampling of scores, and the largest class of upsampled scores."""

import pytest
import torch
from torch.nn.functional import interpolate

from davsn.ops.resize import largest, upsample, upsampled_largest


def test_corners_are_aligned():
    logits = torch.arange(6.0).view(1, 1, 2, 3)
    resized = upsample(logits, (5, 9))
    assert torch.equal(resized[..., ::4, ::4], logits)
    ramp = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    assert torch.equal(resized[0, 0, 0, :5], ramp)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_type_stays(dtype):
    assert upsample(torch.zeros(1, 2, 3, 4, dtype=dtype), (6, 7)).dtype == dtype


def plain(logits, size):
    return interpolate(logits, size, mode="bilinear", align_corners=True).argmax(1)


def test_the_first_of_equal_scores_is_the_largest_and_a_nan_as_in_argmax():
    scores = torch.randint(0, 3, (2, 7, 30, 40)).float()
    scores[0, 3:5, 2] = torch.nan
    assert torch.equal(largest(scores), scores.argmax(1))


@pytest.mark.parametrize(("low", "size"), [((17, 33), (130, 700)), ((64, 129), (257, 513)), ((1, 1), (129, 300))])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_largest_class_is_that_of_the_plain_way_to_the_bit(low, size, layout):
    torch.manual_seed(0)
    logits = torch.randn(2, 5, *low).to(memory_format=layout)
    assert torch.equal(upsampled_largest(logits, size), plain(logits, size))


@pytest.mark.parametrize("value", [0.1, torch.inf, torch.nan])
def test_ties_and_what_is_not_finite_are_decided_as_in_the_plain_way(value):
    torch.manual_seed(0)
    logits = 0.1 * torch.randint(-2, 3, (1, 9, 16, 20)).float()
    logits[:, 1::3] = logits[:, ::3]  # every third class ties with the one before it everywhere
    logits[0, 4, 5, 6] = value
    assert torch.equal(upsampled_largest(logits, (150, 290)), plain(logits, (150, 290)))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("others", [1, 4, 17])
def test_a_small_difference_decides(others, threads):
    """Two classes differ by a rounding everywhere; a formula that rounds differently fails here."""
    torch.manual_seed(0)
    first = torch.randn(1, 1, 33, 65)
    logits = torch.cat([first, first * (1 + 1e-7), torch.randn(1, others, 33, 65)], 1)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert torch.equal(upsampled_largest(logits, (300, 600)), plain(logits, (300, 600)))
    finally:
        torch.set_num_threads(before)


def test_small_sizes_and_other_types_take_the_plain_way():
    logits = torch.randn(1, 6, 9, 12)
    for given, size in ((logits, (30, 40)), (logits.double(), (140, 150)), (logits.bfloat16(), (140, 150))):
        assert torch.equal(upsampled_largest(given, size), plain(given, size))
