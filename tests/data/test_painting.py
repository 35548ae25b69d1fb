import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davsn.data.labels.class_tables import taxonomy
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.legend import legend
from davsn.data.painting import colourise, overlay

VIPER = taxonomy("viper")
TAXONOMY = Taxonomy(("road", "sky"), ((128, 64, 128), (70, 130, 255)))


def test_ids_get_their_colours_and_255_black():
    painted = colourise(np.array([[0, 1, 255]]), TAXONOMY)
    assert painted.tolist() == [[[128, 64, 128], [70, 130, 255], [0, 0, 0]]]


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 10**6))
def test_an_overlay_is_the_weighted_mean_and_keeps_the_size(height, width, alpha, seed):
    random = np.random.default_rng(seed)
    frame = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = random.choice(np.array([0, 1, 255], np.uint8), (height, width))
    before = frame.copy()
    tinted = overlay(frame, mask, TAXONOMY, alpha)
    expected = (1 - alpha) * frame + alpha * colourise(mask, TAXONOMY)
    expected[mask == 255] = frame[mask == 255]
    assert tinted.shape == frame.shape
    assert tinted.dtype == np.uint8
    np.testing.assert_allclose(tinted, expected, atol=1.01)
    np.testing.assert_array_equal(frame, before)


def test_sizes_that_differ_are_an_error():
    with pytest.raises(ValueError, match=r"the frame is \(2, 2\), but its mask is \(2, 3\)"):
        overlay(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3), np.uint8), TAXONOMY)


@pytest.mark.parametrize("width", [96, 160, 640, 1920])
def test_a_legend_shows_every_class_at_any_width(width):
    strip = legend(VIPER, width)
    assert strip.shape[1:] == (width, 3)
    shown = {tuple(colour) for colour in strip.reshape(-1, 3).tolist()}
    assert shown >= set(VIPER.colours)
    paper = strip[0, 0]
    assert (strip[:, -3:] == paper).all(), "a name is cut"
    assert (strip[-2:] == paper).all(), "a row is cut"
    letters = (strip == 255).all(2).any(1).sum()  # rows of pixels with a letter, or the edge of a square
    assert letters >= 11


def test_a_legend_is_below_the_frame_and_covers_nothing():
    frame, mask = np.zeros((20, 40, 3), np.uint8), np.ones((20, 40), np.uint8)
    plain, told = overlay(frame, mask, TAXONOMY), overlay(frame, mask, TAXONOMY, with_legend=True)
    np.testing.assert_array_equal(told[:20], plain)
    np.testing.assert_array_equal(told[20:], legend(TAXONOMY, 40))
