import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davsn.report.render import flow_wheel, strip


def hue(colour):
    return colorsys.rgb_to_hsv(*(value / 255 for value in colour))[0] * 360


def test_rest_is_white_and_directions_have_the_hues_of_the_published_wheel():
    flow = np.array([[[0, 0], [2, 0], [0, 2], [-2, 0], [0, -2]]], float)
    rest, right, down, left, up = flow_wheel(flow).tolist()[0]
    assert rest == [255, 255, 255]
    assert hue(right) == pytest.approx(0, abs=5)  # red
    assert hue(down) == pytest.approx(55, abs=10)  # yellow
    assert hue(left) == pytest.approx(185, abs=10)  # cyan
    assert hue(up) == pytest.approx(265, abs=15)  # purple


def test_a_common_scale_makes_pictures_comparable():
    flow = np.array([[[1.0, 0.0], [0.5, 0.0]]])
    alone, beside = flow_wheel(flow[:, 1:], fastest=2.0), flow_wheel(flow, fastest=2.0)[:, 1:]
    assert alone.tolist() == beside.tolist()
    slow, fast, faster = (flow_wheel(np.full((1, 1, 2), [x, 0.0]), fastest=2.0)[0, 0] for x in (1.0, 2.0, 9.0))
    assert fast.tolist() == faster.tolist()
    assert slow[1] > fast[1]  # paler


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
    with pytest.raises(ValueError, match="at least one image"):
        strip({"frame": []})
