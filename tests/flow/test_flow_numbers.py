"""Flow as plain numbers: NumPy files with a unit that a person states, SceneFlow's .pfm, suffixes in any case."""

import struct
import warnings
import zipfile

import numpy as np
import pytest

from davsn.core.errors import FlowError
from davsn.flow.files.conversion import Conversion
from davsn.flow.files.direction import told
from davsn.flow.files.io import found_flow, read_flow, write_flow
from davsn.flow.files.numbers import read_numbers

FLOW = np.random.default_rng(0).uniform(-3, 3, (5, 7, 2)).astype(np.float32)


@pytest.mark.parametrize(
    "array", [FLOW, FLOW.transpose(2, 0, 1), FLOW[None], FLOW.astype(np.float64), FLOW[::-1][::-1]]
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_floats_are_read_in_the_unit_that_is_stated(tmp_path, array, suffix):
    path = tmp_path / f"a{suffix}"
    np.save(path, array) if suffix == ".npy" else np.savez(path, array)
    with pytest.raises(FlowError, match=r"unit.*--unit pixels, (--unit )?tenths"):
        read_flow(path)
    for unit, scale in (("pixels", 1), ("tenths", 0.1), ("size", (7, 5))):
        flow, known = read_flow(path, unit=unit)
        assert known is None
        assert np.allclose(flow, FLOW * scale, atol=1e-5)


def test_integers_hold_tenths_unless_another_unit_is_stated(tmp_path):
    np.save(tmp_path / "a.npy", np.full((5, 7, 2), 20, np.int16))
    assert read_flow(tmp_path / "a.npy")[0].max() == 2
    assert read_flow(tmp_path / "a.npy", unit="pixels")[0].max() == 20


def test_the_mask_of_an_archive_is_the_mask_of_known_flow(tmp_path):
    valid = np.arange(35).reshape(5, 7) % 3 > 0
    np.savez(tmp_path / "a.npz", flow=np.where(valid[..., None], FLOW, 9), valid=valid, other=np.zeros(2))
    flow, known = read_flow(tmp_path / "a.npz", unit="pixels")
    assert np.array_equal(known, valid)
    assert np.array_equal(flow, np.where(valid[..., None], FLOW, 0))
    np.savez(tmp_path / "b.npz", one=FLOW, two=FLOW)
    with pytest.raises(FlowError, match="holds one, two, and none is called flow"):
        read_flow(tmp_path / "b.npz", unit="pixels")


def test_an_archive_is_data(tmp_path, monkeypatch):
    np.savez(tmp_path / "code.npz", flow=np.array([{"code": 1}], object))
    with pytest.raises(FlowError, match="Python objects"):
        read_flow(tmp_path / "code.npz", unit="pixels")
    np.savez(tmp_path / "a.npz", flow=FLOW)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        content = archive.read("flow.npy")
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        archive.writestr("flow.npy", content.replace(b"(5, 7, 2), }        ", b"(999999999, 9, 2), }"))
    with pytest.raises(FlowError, match="is not a complete NumPy file"):
        read_flow(tmp_path / "lie.npz", unit="pixels")
    monkeypatch.setattr("davsn.flow.files.numbers._LARGEST", 100)
    with pytest.raises(FlowError, match="claims more than"):
        read_flow(tmp_path / "a.npz", unit="pixels")


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_pfm_has_its_last_row_first_in_either_byte_order(tmp_path, order):
    stored = np.dstack([FLOW, np.zeros((5, 7))])[::-1].astype(f"{order}f4")
    scale = b"-1.0" if order == "<" else b"1.0"
    (tmp_path / "a.pfm").write_bytes(b"PF\n7 5\n" + scale + b"\n" + stored.tobytes())
    flow, known = read_flow(tmp_path / "a.pfm")
    assert known is None
    assert np.array_equal(flow, FLOW)
    assert flow.dtype == np.float32


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"Pf\n7 5\n-1\n", "has one channel, as a disparity has"),
        (b"P6\n7 5\n255\n", "does not begin with PF"),
        (b"PF\nseven\n-1\n", "does not begin with PF"),
        (b"PF\n7 5\n-1\n" + bytes(99), "has 109 bytes, but 7x5 pixels need 430"),
        (b"PF\n99999 99999\n-1\n", "claims a size of 99999x99999 pixels"),
    ],
)
def test_a_damaged_pfm_is_refused_in_words(tmp_path, content, text):
    (tmp_path / "a.pfm").write_bytes(content)
    with pytest.raises(FlowError, match=text):
        read_flow(tmp_path / "a.pfm")


def test_a_suffix_may_have_any_case(tmp_path):
    (tmp_path / "a.Flo").write_bytes(b"PIEH" + struct.pack("<ii", 7, 5) + FLOW.tobytes())
    assert np.array_equal(read_flow(tmp_path / "a.Flo")[0], FLOW)
    assert found_flow(tmp_path / "a") == tmp_path / "a.Flo"
    assert found_flow(tmp_path / "a", "kitti") is None
    conversion = Conversion(tmp_path, tmp_path.with_name("new"), "npy", direction="current-to-previous")
    assert [new.name for _, new in conversion.files] == ["a.npy"]


def test_a_unit_is_refused_where_the_file_states_it(tmp_path):
    write_flow(tmp_path / "a.flo", FLOW)
    with pytest.raises(FlowError, match=r"is a \.flo file, which states its unit. Leave --unit out"):
        read_flow(tmp_path / "a.flo", unit="pixels")


@pytest.mark.parametrize("form", ["flo", "kitti", "pfm", "pixels", "npz", "packed"])
def test_floats_are_converted_to_every_form_with_direction_and_unit(tmp_path, form):
    np.save(tmp_path / "raft.npy", FLOW.transpose(2, 0, 1))
    target = tmp_path / "new"
    target.mkdir()
    source = tmp_path / "raft.npy"
    with pytest.raises(FlowError, match="do not state the direction"):  # only integers have DA-VSN's direction
        Conversion(source, target, form, unit="pixels")
    with pytest.raises(FlowError, match=r"Set --direction .* Set --unit pixels, tenths or size too"):
        Conversion(source, target, form)
    conversion = Conversion(source, target, form, None, "current-to-previous", "pixels")
    assert list(conversion.run()) == [1]
    (_, new), *_ = conversion.files
    assert np.allclose(read_flow(new, form)[0], FLOW, atol=1 / 64)


def test_sceneflow_states_the_direction_in_its_names(tmp_path):
    for name, direction in (("Future", "previous-to-current"), ("Past", "current-to-previous")):
        path = tmp_path / f"OpticalFlowInto{name}_0006_L.pfm"
        write_flow(path, FLOW)
        assert told(path) == told(tmp_path / f"into_{name.lower()}" / "left" / "x.pfm") == direction
        assert Conversion(path, tmp_path / "a.flo", "flo").direction == direction
    with pytest.raises(FlowError, match="holds flow in both directions"):
        Conversion(tmp_path, tmp_path.with_name("other"), "flo")
    path.unlink()
    assert Conversion(tmp_path, tmp_path.with_name("other"), "flo").direction == "previous-to-current"


def test_damaged_numbers_warn_of_nothing(tmp_path):
    """A signalling NaN is unknown flow, and what is beyond float32 does not pass for a motion."""
    stored = np.ones((4, 6, 2), np.float32)
    stored.view(np.uint32)[0, 0, 0] = 0x7F800001
    np.save(tmp_path / "a.npy", stored)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flow, known = read_numbers(tmp_path / "a.npy", "size")
    assert not known[0, 0]
    assert known.sum() == 23
    assert flow[1, 1].tolist() == [6.0, 4.0]
