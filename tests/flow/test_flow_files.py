import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davsn.core.errors import FlowError
from davsn.flow.files.io import read_flow, write_flow


def some_flow(height=5, width=7, scale=20.0, seed=0):
    return np.random.default_rng(seed).uniform(-scale, scale, (height, width, 2))


def test_int16_tenths_are_the_stored_numbers_divided_by_ten(tmp_path):
    stored = np.random.default_rng(0).integers(-3000, 3000, (4, 6, 2), np.int16)
    np.save(tmp_path / "a.npy", stored)
    flow, valid = read_flow(tmp_path / "a.npy")
    assert flow.dtype == np.float64
    assert np.array_equal(flow, stored / 10.0)
    assert valid is None


def test_flo_is_read_as_its_bytes_say(tmp_path):
    values = np.arange(2 * 3 * 2, dtype="<f4")
    (tmp_path / "a.flo").write_bytes(struct.pack("<fii", 202021.25, 3, 2) + values.tobytes())
    flow, valid = read_flow(tmp_path / "a.flo")
    assert flow.shape == (2, 3, 2)
    assert flow[0, 1].tolist() == [2, 3]  # x, then y, of the second pixel of the first row
    assert valid is None


def test_flo_marks_what_is_unknown(tmp_path):
    values = np.zeros((2, 3, 2), "<f4")
    values[0, 0], values[1, 2, 0] = 1e10, np.inf
    (tmp_path / "a.flo").write_bytes(struct.pack("<fii", 202021.25, 3, 2) + values.tobytes())
    flow, valid = read_flow(tmp_path / "a.flo")
    assert np.argwhere(~valid).tolist() == [[0, 0], [1, 2]]
    assert (flow == 0).all()


def test_kitti_png_channels_are_x_y_known(tmp_path):
    x, y, known = np.full((2, 3), 32768 + 64), np.full((2, 3), 32768 - 128), np.ones((2, 3))
    known[1, 1] = 0
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([known, y, x]).astype(np.uint16))  # OpenCV writes BGR
    flow, valid = read_flow(tmp_path / "a.png")
    assert flow[0, 0].tolist() == [1, -2]
    assert flow[1, 1].tolist() == [0, 0]
    assert np.argwhere(~valid).tolist() == [[1, 1]]


@pytest.mark.parametrize(("suffix", "step"), [(".npy", 0.1), (".flo", 1e-6), (".png", 1 / 64)])
@given(seed=st.integers(0, 99), height=st.integers(1, 9), width=st.integers(1, 9))
@settings(deadline=None, max_examples=10)
def test_what_is_written_is_read_within_the_forms_precision(tmp_path_factory, suffix, step, seed, height, width):
    path = tmp_path_factory.mktemp("flow") / f"a{suffix}"
    flow = some_flow(height, width, seed=seed)
    write_flow(path, flow)
    back, valid = read_flow(path)
    assert valid is None
    assert np.abs(back - flow).max() <= step * 0.5 + 1e-5


@pytest.mark.parametrize("suffix", [".flo", ".png"])
def test_the_mask_survives_a_round_trip(tmp_path, suffix):
    known = np.random.default_rng(1).random((5, 7)) < 0.5
    write_flow(tmp_path / f"a{suffix}", some_flow(), known)
    flow, valid = read_flow(tmp_path / f"a{suffix}")
    assert np.array_equal(valid, known)
    assert (flow[~known] == 0).all()


def test_a_form_without_a_mask_refuses_one(tmp_path):
    with pytest.raises(
        FlowError, match=r"a\.npy: a \.npy flow file cannot store where flow is unknown\. Write \.flo or"
    ):
        write_flow(tmp_path / "a.npy", some_flow(), np.zeros((5, 7), bool))


@pytest.mark.parametrize(("suffix", "value"), [(".npy", 3277.0), (".png", 512.0)])
def test_values_that_do_not_fit_are_refused_and_nothing_is_written(tmp_path, suffix, value):
    with pytest.raises(
        FlowError, match=r"holds values that this \.\w+ form cannot store\. Write \.flo, which stores any"
    ):
        write_flow(tmp_path / f"a{suffix}", np.full((2, 2, 2), value))
    assert not list(tmp_path.iterdir())


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(FlowError, match=r"a\.flo: no such flow file\. Compute it, or set flow to an estimator"):
        read_flow(tmp_path / "a.flo")


@pytest.mark.parametrize("verb", [read_flow, lambda path: write_flow(path, some_flow())])
def test_an_unknown_suffix_names_the_known_ones(tmp_path, verb):
    with pytest.raises(FlowError, match=r"'\.exr' is not a suffix of flow files\. Use one of \.npy, \.flo, \.png"):
        verb(tmp_path / "a.exr")


@pytest.mark.parametrize("suffix", [".npy", ".flo", ".png"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    path = tmp_path / f"a{suffix}"
    write_flow(path, some_flow(30, 40))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FlowError, match=f"a{suffix}: .*Copy or compute the file again"):
        read_flow(path)


def test_a_npy_header_that_claims_too_much_allocates_nothing(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 2, 2), np.int16))
    content = (tmp_path / "a.npy").read_bytes()
    lie = content.replace(b"(2, 2, 2), }          ", b"(999999999, 99999, 2)}")
    assert lie != content
    (tmp_path / "a.npy").write_bytes(lie)
    with pytest.raises(FlowError, match="is not a complete NumPy file"):
        read_flow(tmp_path / "a.npy")


@pytest.mark.parametrize(("width", "height"), [(1 << 30, 1 << 30), (-1, 5), (0, 0)])
def test_a_flo_header_that_claims_too_much_is_refused(tmp_path, width, height):
    (tmp_path / "a.flo").write_bytes(struct.pack("<fii", 202021.25, width, height) + bytes(64))
    with pytest.raises(FlowError, match=f"claims a size of {width}x{height} pixels"):
        read_flow(tmp_path / "a.flo")


def test_a_pickle_is_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"code": 1}], object), allow_pickle=True)
    with pytest.raises(FlowError, match="is not a complete NumPy file"):
        read_flow(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("array", "found"),
    [(np.zeros((2, 2, 2), np.float32), "float32 of shape"), (np.zeros((2, 2), np.int16), "int16 of shape")],
)
def test_npy_of_another_kind_is_refused(tmp_path, array, found):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(FlowError, match=f"holds {found}.*, but expected .height, width, 2. integers"):
        read_flow(tmp_path / "a.npy")


def test_a_picture_is_not_taken_for_flow(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(FlowError, match="8 bits a channel and colour type 2, not the 16-bit RGB of KITTI flow"):
        read_flow(tmp_path / "a.png")
