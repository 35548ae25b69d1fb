"""Random changes: what a draw does by hand, how often it is drawn, and that a draw is made alike in all pictures."""

import math
import random

import pytest
import torch

from davsn.ops.augmentation import Photometric, draw_photometric, gaussian_blur


def colour(*values):
    return torch.tensor(values).view(1, 3, 1, 1)


def test_a_draw_of_nothing_changes_nothing():
    pictures = torch.rand(2, 3, 4, 5)
    assert torch.equal(Photometric()(pictures), pictures)


@pytest.mark.parametrize(
    ("jitter", "expected"),
    [
        ((("brightness", 0.5),), (0.3, 0.1, 0.05)),
        ((("brightness", 2.0),), (1.0, 0.4, 0.2)),  # cut off at 1
        ((("hue", 1 / 3),), (0.1, 0.6, 0.2)),  # red to green, green to blue
        ((("brightness", 2.0), ("brightness", 0.5)), (0.5, 0.2, 0.1)),  # in their order
        ((("brightness", 0.5), ("brightness", 2.0)), (0.6, 0.2, 0.1)),
    ],
)
def test_changes_of_colour_by_hand(jitter, expected):
    torch.testing.assert_close(Photometric(jitter=jitter)(colour(0.6, 0.2, 0.1)), colour(*expected))


def test_saturation_contrast_and_grey_turn_about_the_same_grey():
    grey = 0.2989 * 0.6 + 0.587 * 0.2 + 0.114 * 0.1
    plain = colour(grey, grey, grey)
    for draw in (Photometric(grey=True), Photometric(jitter=(("saturation", 0.0),))):
        torch.testing.assert_close(draw(colour(0.6, 0.2, 0.1)), plain, rtol=0, atol=1e-3)
    torch.testing.assert_close(
        Photometric(jitter=(("contrast", 0.0),))(colour(0.6, 0.2, 0.1)), plain, rtol=0, atol=1e-3
    )


def test_a_blur_is_the_normal_distribution_and_keeps_the_sum():
    dot = torch.zeros(1, 3, 41, 41)
    dot[..., 20, 20] = 1
    blurred = gaussian_blur(dot, 2.0)
    assert blurred.sum((2, 3)).flatten().tolist() == pytest.approx([1, 1, 1], rel=1e-5)
    expected = math.exp(-(3**2 + 1**2) / (2 * 2.0**2)) / (2 * math.pi * 2.0**2)
    assert float(blurred[0, 0, 21, 23]) == pytest.approx(expected, rel=0.02)  # cut off at three deviations


def test_small_pictures_can_be_blurred_widely():
    assert gaussian_blur(torch.rand(1, 3, 8, 5), 9.0).shape == (1, 3, 8, 5)


def test_all_pictures_change_alike():
    pictures = torch.rand(1, 3, 30, 40)
    draw = Photometric(2.0, (("brightness", 1.3), ("hue", 0.1)), grey=True)
    together = draw(pictures.repeat(3, 1, 1, 1))
    assert all(torch.equal(one, together[0]) for one in together)


def test_draws_are_as_often_and_as_wide_as_asked():
    random.seed(0)
    draws = [draw_photometric() for _ in range(4000)]
    assert sum(draw.blur is not None for draw in draws) / 4000 == pytest.approx(0.6, abs=0.03)
    assert {draw.blur for draw in draws} == {None, 5, 7, 9}
    assert sum(draw.grey for draw in draws) / 4000 == pytest.approx(0.2, abs=0.03)
    jittered = [dict(draw.jitter) for draw in draws if draw.jitter]
    assert len(jittered) / 4000 == pytest.approx(0.8, abs=0.03)
    assert len({draw.jitter[0][0] for draw in draws if draw.jitter}) == 4  # any may be first
    for name, low, high in (
        ("brightness", 0.2, 1.8),
        ("contrast", 0.2, 1.8),
        ("saturation", 0.2, 1.8),
        ("hue", -0.2, 0.2),
    ):
        values = [one[name] for one in jittered]
        assert low <= min(values) < low + 0.02
        assert high - 0.02 < max(values) <= high
