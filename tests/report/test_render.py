import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davsn.report.render import flow_wheel, strip


def test_rest_is_white_and_directions_have_their_hues():
    flow = np.array([[[0, 0], [2, 0], [-2, 0], [0, 2], [1, 0]]], float)
    colours = flow_wheel(flow).tolist()[0]
    expected = [[255, 255, 255], [255, 0, 0], [0, 255, 255], [128, 255, 0], [255, 128, 128]]
    np.testing.assert_allclose(colours, expected, atol=1)


def test_a_common_scale_makes_pictures_comparable():
    assert flow_wheel(np.full((1, 1, 2), [1.0, 0.0]), fastest=2.0).tolist() == [[[255, 128, 128]]]
    assert flow_wheel(np.full((1, 1, 2), [9.0, 0.0]), fastest=2.0).tolist() == [[[255, 0, 0]]]


def test_unknown_flow_is_black_and_a_still_frame_white():
    assert flow_wheel(np.array([[[np.nan, 0], [np.inf, 1], [0, 0]]])).tolist() == [[[0] * 3, [0] * 3, [255] * 3]]


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(20, 60), st.integers(5, 50))
def test_a_strip_holds_every_picture_at_its_proportions(counts, height, width):
    red = np.full((25, width, 3), (255, 0, 0), np.uint8)
    drawn = strip({f"row {n}": [red] * count for n, count in enumerate(counts)}, height)
    assert drawn.shape[0] == len(counts) * height + (len(counts) - 1) * 6
    pixels = (drawn == (255, 0, 0)).all(-1).sum()
    assert pixels == sum(counts) * height * max(round(width * height / 25), 1)


def test_a_strip_names_its_rows():
    picture = np.full((20, 20, 3), 255, np.uint8)
    named, blank = strip({"da_vsn": [picture]}, 40), strip({"": [picture]}, 40)
    assert (named < 128).sum() > 50
    assert (blank == 255).all()


def test_a_strip_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one picture"):
        strip({"frame": []})
