"""Pictures as numbers: histogram matching by hand and against the textbook, and TPS's accident by hand."""

import numpy as np
import torch

from davsn.ops.pictures import MEAN_BGR, as_if_normalised, match_histograms, wrapped


def picture(values):
    """(1, 3, 1, n) of bytes, the same in all channels."""
    return torch.tensor(values).view(1, 1, 1, -1).expand(1, 3, 1, -1) / 255


def textbook(values, reference):
    """Ranks of the values among themselves, looked up in the reference's distribution."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    levels, wanted = np.unique(reference, return_counts=True)
    ranks = np.cumsum(counts) / values.size
    return np.interp(ranks, np.cumsum(wanted) / reference.size, levels)[inverse].reshape(values.shape)


def test_values_of_equal_rank_and_between_two():
    # Ranks 1/4, 1/2, 1. The reference has 10 up to rank 1/2 and 50 up to rank 1.
    matched = match_histograms(picture([7, 8, 9, 9]), picture([10, 50]))
    assert (matched[0, 0, 0] * 255).tolist() == [10, 10, 50, 50]
    # The rank 2/3 lies a third of the way from 1/2 to 1.
    matched = match_histograms(picture([0, 1, 255]), picture([10, 50]))
    torch.testing.assert_close(matched[0, 0, 0] * 255, torch.tensor([10.0, 10 + 40 / 3, 50.0]))


def test_every_channel_of_every_picture_is_matched_to_its_own():
    generator = np.random.default_rng(0)
    values = generator.integers(0, 256, (2, 3, 9, 11)) // np.array([1, 3, 7]).reshape(3, 1, 1)
    reference = generator.integers(0, 200, (2, 3, 6, 5)) ** 2 // 200
    matched = match_histograms(torch.from_numpy(values) / 255, torch.from_numpy(reference) / 255)
    expected = [[textbook(*pair) for pair in zip(*both, strict=True)] for both in zip(values, reference, strict=True)]
    torch.testing.assert_close(matched.double() * 255, torch.tensor(np.array(expected)), rtol=1e-6, atol=1e-4)


def test_a_picture_matched_to_itself_is_itself():
    own = torch.randint(0, 256, (2, 3, 16, 16)) / 255
    torch.testing.assert_close(match_histograms(own, own), own)


def test_eight_bits_of_what_they_cannot_hold():
    red, green, blue = 200, 116, 4
    numbers = wrapped(torch.tensor([red, green, blue]).view(1, 3, 1, 1) / 255).flatten() * 255
    # blue:  (4 - 104.00698793) * 255 = -25501.8, cut to -25501 = -100 * 256 + 99
    # green: (116 - 116.66876762) * 255 = -170.5, cut to -170 = -256 + 86
    # red:   (200 - 122.67891434) * 255 = 19716.9, cut to 19716 = 77 * 256 + 4
    torch.testing.assert_close(numbers, torch.tensor([99.0, 86.0, 4.0]))


def test_the_network_is_given_the_numbers_that_its_own_normalisation_undoes():
    numbers = torch.rand(2, 3, 4, 5)
    given = as_if_normalised(numbers)
    mean = torch.tensor(MEAN_BGR).view(3, 1, 1)
    torch.testing.assert_close(given.flip(1) * 255 - mean, numbers, rtol=0, atol=3e-5)
