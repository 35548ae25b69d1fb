import numpy as np
import pytest

from davsn.report.flow_picture import FlowView, flow_picture, scale_of


def view(height=64, width=96, **changes):
    grey = np.random.default_rng(0).integers(0, 255, (height, width, 1), np.uint8)
    frame = np.repeat(grey, 3, 2)
    flow = np.broadcast_to(np.array([-4.0, 0.0], np.float32), (height, width, 2))
    content = {"a": frame, "b": np.roll(frame, -4, 1), "flow": flow, "known": None, "back": -flow}
    return FlowView(**(content | changes), names=("one", "two", "dis"))


def red(picture):
    """Share of the picture that has the colour of what is lost."""
    values = picture.astype(int)
    return float(((values[..., 0] - values[..., 1:].max(-1)) > 60).mean())


def test_pictures_of_one_size_are_of_one_size_that_a_video_can_have():
    pictures = [flow_picture(view(known=known), 5.0) for known in (None, np.zeros((64, 96), bool))]
    assert pictures[0].shape == pictures[1].shape
    assert pictures[0].shape[1:] == (1500, 3)
    assert pictures[0].shape[0] % 2 == 0
    assert pictures[0].dtype == np.uint8


@pytest.mark.parametrize("size", [(16, 200), (200, 40), (5, 5)])
def test_frames_of_any_shape_are_drawn(size):
    assert flow_picture(view(*size), 5.0).std() > 10


def test_what_is_lost_is_red():
    right = flow_picture(view(), 5.0)
    wrong = flow_picture(view(back=np.full((64, 96, 2), 9.0)), 5.0)
    assert red(right) < 0.08  # an edge, the arrows, the wheel
    assert red(wrong) > red(right) + 0.05  # the whole of one of six panels


def test_a_flow_that_leaves_the_picture_altogether_is_drawn():
    assert flow_picture(view(flow=np.full((64, 96, 2), 500.0), back=None), 5.0).std() > 10


def test_a_frame_of_which_nothing_is_known_is_drawn():
    assert flow_picture(view(known=np.zeros((64, 96), bool), back=None), 5.0).std() > 10


@pytest.mark.parametrize(("speed", "scale"), [(0.0, 0.5), (0.9, 1.0), (7.0, 8.0), (13.0, 15.0), (99.0, 100.0)])
def test_the_scale_is_a_round_number_above_the_motion(speed, scale):
    flow = np.zeros((10, 10, 2))
    flow[..., 0] = speed
    assert scale_of([flow]) == pytest.approx(scale)


def test_few_fast_pixels_do_not_set_the_scale():
    flow = np.full((100, 100, 2), (3.0, 0.0))
    flow[0, :50] = 400
    assert scale_of([flow, flow]) == 3
