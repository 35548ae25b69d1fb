"""Figures of flow whose error is known by construction."""

import numpy as np
import pytest

from davsn.flow.measure import EDGE, Tally, against_exact, near_edges, without_exact


def constant(x, y, height=20, width=30):
    return np.broadcast_to(np.array([x, y], np.float32), (height, width, 2)).copy()


def picture(height=20, width=30, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def test_a_constant_error_is_that_error():
    means = against_exact(constant(3, 4), constant(0, 0)).means()
    assert means == {
        "end-point error": 5, "outliers": 100, "s0-10": 5, "s10-40": None, "s40+": None, "near edges": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("motion", "error", "outliers"),
    [(10, 2.9, 0), (10, 3.1, 100), (100, 4.9, 0), (100, 5.1, 100)],  # 3 px, and 5 % where that is more
)
def test_an_outlier_is_off_by_3_pixels_and_by_5_percent(motion, error, outliers):
    means = against_exact(constant(motion + error, 0), constant(motion, 0)).means()
    assert means["outliers"] == outliers


def test_errors_are_told_by_the_size_of_the_exact_motion():
    exact, flow = constant(0, 0), constant(0, 0)
    exact[:, 10:20], exact[:, 20:] = (20, 0), (0, 50)
    flow[:, :10], flow[:, 10:20], flow[:, 20:] = (1, 0), (22, 0), (0, 53)
    means = against_exact(flow, exact).means()
    assert (means["s0-10"], means["s10-40"], means["s40+"]) == (1, 2, 3)
    assert means["end-point error"] == 2


def test_what_is_not_valid_does_not_count():
    flow, valid = constant(0, 0), np.ones((20, 30), bool)
    flow[:10], valid[:10] = (100, 0), False
    assert against_exact(flow, constant(1, 0), valid).means()["end-point error"] == 1


def test_edges_are_jumps_of_known_flow_and_borders_of_labels():
    exact, known = constant(0, 0), np.ones((20, 30), bool)
    exact[:, 15:] = (2, 0)
    middle = near_edges(exact, known)[10]
    assert middle.nonzero()[0].tolist() == list(range(15 - 1 - EDGE, 15 + EDGE + 1))
    known[:, 14] = False
    assert not near_edges(exact, known).any()
    label = np.zeros((20, 30), np.uint8)
    label[:, 15:] = 3
    assert near_edges(constant(0, 0), known, label)[10].tolist() == middle.tolist()
    label[:, 15:] = 255  # no class: no border
    assert not near_edges(constant(0, 0), known, label).any()


def test_pairs_are_pooled_over_pixels():
    one = against_exact(constant(1, 0, 10, 10), constant(0, 0, 10, 10))
    three = against_exact(constant(5, 0, 10, 30), constant(0, 0, 10, 30))
    assert (Tally() + one + three).means()["end-point error"] == 4


def test_the_right_flow_explains_the_picture_and_the_wrong_one_does_not():
    a = picture()
    b = np.roll(a, 3, 1)  # content at p in a is at p + (3, 0) in b
    right, wrong = constant(3, 0), constant(-3, 0)
    means = without_exact(a, b, right, wrong).means()
    assert means["photometric error"] < 1e-3 < 20 < means["photometric error at rest"]
    assert means["round trip"] < 1e-5
    assert means["comes home"] == 90  # three of thirty columns leave the frame
    assert without_exact(a, b, wrong).means()["photometric error"] > 20
    assert without_exact(a, b, right, right).means()["comes home"] == 0


def test_levels_are_of_255():
    dark, bright = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 51, np.uint8)
    means = without_exact(dark, bright, constant(0, 0, 8, 8)).means()
    assert means == {"photometric error": 51, "photometric error at rest": 51}
