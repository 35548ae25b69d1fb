"""Every form in which flow is kept: its meaning, its precision, and the files that only look like one."""

import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davsn.core.errors import FlowError
from davsn.flow.files.io import FARTHEST, FORMS, read_flow, write_flow

HEIGHT, WIDTH = 6, 9


def step(form, size):
    """The coarsest step of a form at a (width, height), in pixels."""
    return {"npy": 0.1, "flo": 1e-5, "vkitti": 2 * (max(size) - 1) / 65535}.get(form, 1 / 64)


def some_flow(seed, height=HEIGHT, width=WIDTH):
    """No longer than the shorter side, so that Virtual KITTI holds it."""
    reach = min(height, width) - 1
    return np.random.default_rng(seed).uniform(-reach, reach, (height, width, 2))


def png(path, x, y, last, shape=(HEIGHT, WIDTH)):
    """A 16-bit PNG by its stored values; OpenCV writes BGR."""
    planes = [np.broadcast_to(np.asarray(plane, np.uint16), shape) for plane in (last, y, x)]
    cv2.imwrite(str(path), np.dstack(planes))
    return path


@pytest.mark.parametrize("form", FORMS)
@given(seed=st.integers(0, 999), height=st.integers(2, 12), width=st.integers(2, 12))
@settings(deadline=None, max_examples=15)
def test_what_is_written_is_read_within_the_forms_precision(tmp_path_factory, form, seed, height, width):
    path = tmp_path_factory.mktemp("flow") / f"a{FORMS[form].suffix}"
    flow = some_flow(seed, height, width)
    write_flow(path, flow, form=form)
    back, known = read_flow(path, form)
    assert known is None
    assert np.abs(back - flow).max() <= 0.5 * step(form, (width, height)) + (
        1 / 64 if form == "unifiedvideoda" else 1e-5
    )


@pytest.mark.parametrize("first", FORMS)
@pytest.mark.parametrize("second", FORMS)
def test_a_way_through_two_forms_costs_their_two_roundings(tmp_path, first, second):
    flow = some_flow(3)
    one, two = tmp_path / f"one{FORMS[first].suffix}", tmp_path / f"two{FORMS[second].suffix}"
    write_flow(one, flow, form=first)
    write_flow(two, *read_flow(one, first), form=second)
    allowed = 0.5 * (step(first, (WIDTH, HEIGHT)) + step(second, (WIDTH, HEIGHT))) + 1e-5
    assert np.abs(read_flow(two, second)[0] - flow).max() <= allowed


@pytest.mark.parametrize("form", [form for form in FORMS if form != "npy"])
def test_what_is_unknown_stays_unknown(tmp_path, form):
    path, known = tmp_path / f"a{FORMS[form].suffix}", np.random.default_rng(1).random((HEIGHT, WIDTH)) < 0.5
    write_flow(path, some_flow(0), known, form)
    flow, back = read_flow(path, form)
    assert np.array_equal(back, known)
    assert (flow[~known] == 0).all()


def test_virtual_kitti_has_the_size_as_its_unit(tmp_path):
    path = png(tmp_path / "a.png", x=65535, y=0, last=65535)
    flow, known = read_flow(path, "vkitti")
    assert flow[2, 3].tolist() == [WIDTH - 1, -(HEIGHT - 1)]
    assert known is None
    path = png(tmp_path / "b.png", x=0, y=0, last=0)
    assert not read_flow(path, "vkitti")[1].any()


def test_virtual_kittis_files_are_not_taken_for_kittis(tmp_path):
    path = png(tmp_path / "a.png", x=33000, y=33000, last=65535)
    with pytest.raises(FlowError, match=r"values up to 65535 in its third channel.*davsn flow convert .*--form vkitti"):
        read_flow(path)


def test_what_stands_still_is_known_in_unifiedvideodas_own_files(tmp_path):
    """They say in the third channel what is known; that a flow of zero is unknown is what their reader makes of it."""
    path = png(tmp_path / "a.png", x=32768, y=32768, last=1)
    assert read_flow(path)[1] is None
    assert not read_flow(path, "unifiedvideoda")[1].any()


def test_what_stands_still_is_not_lost_on_unifiedvideodas_reader(tmp_path):
    known = np.ones((HEIGHT, WIDTH), bool)
    known[0] = False
    write_flow(tmp_path / "a.png", np.zeros((HEIGHT, WIDTH, 2)), known, "unifiedvideoda")
    flow, back = read_flow(tmp_path / "a.png", "unifiedvideoda")
    assert np.array_equal(back, known)
    assert np.unique(flow[1:].reshape(-1, 2), axis=0).tolist() == [[1 / 64, 0]]


def test_a_flow_beyond_the_picture_does_not_fit_virtual_kitti(tmp_path):
    with pytest.raises(FlowError, match=r"the flow holds values that this \.png form cannot store"):
        write_flow(tmp_path / "a.png", np.full((HEIGHT, WIDTH, 2), 8.0), form="vkitti")  # y reaches 5


@pytest.mark.parametrize(("value", "text"), [(np.nan, "not numbers"), (1e9, r"a motion of 1e\+09 pixels")])
def test_values_that_are_no_motion_are_refused(tmp_path, value, text):
    values = np.zeros((2, 3, 2), "<f4")
    values[1, 1, 0] = value
    (tmp_path / "a.flo").write_bytes(struct.pack("<fii", 202021.25, 3, 2) + values.tobytes())
    with pytest.raises(FlowError, match=f"a.flo: holds .*{text}. Copy or compute the file again"):
        read_flow(tmp_path / "a.flo")
    np.save(tmp_path / "a.npy", np.full((2, 3, 2), int(FARTHEST) * 10 + 10, np.int64))
    with pytest.raises(FlowError, match="holds a motion of"):
        read_flow(tmp_path / "a.npy")
    for form in FORMS:
        with pytest.raises(FlowError, match=f"holds .*{text}"):
            write_flow(tmp_path / f"b{FORMS[form].suffix}", values, form=form)
    assert not list(tmp_path.glob("b*"))


def test_a_packed_file_is_small_and_its_damage_is_told(tmp_path):
    smooth = np.linspace(-3, 5, HEIGHT * WIDTH * 2).reshape(HEIGHT, WIDTH, 2)
    write_flow(tmp_path / "a.flow", smooth)
    write_flow(tmp_path / "a.npy", smooth)
    whole = (tmp_path / "a.flow").read_bytes()
    assert len(whole) < 0.8 * (tmp_path / "a.npy").stat().st_size  # a header weighs on so small a flow
    for content, text in (
        (b"other" + whole[5:], "first eight bytes are not DAVSNFLO"),
        (whole[:-9], "truncated or damaged packed flow file"),
        (resealed(whole[:8] + struct.pack("<I", WIDTH + 1) + whole[12:], ".flow"), "truncated or damaged packed"),
    ):
        (tmp_path / "a.flow").write_bytes(content)
        with pytest.raises(FlowError, match=text):
            read_flow(tmp_path / "a.flow")


def test_a_form_goes_with_its_suffix(tmp_path):
    with pytest.raises(FlowError, match=r"a kitti flow file ends in \.png\. Name it a\.png"):
        write_flow(tmp_path / "a.flo", some_flow(0), form="kitti")


def test_a_picture_with_a_wrong_checksum_is_refused(tmp_path):
    write_flow(tmp_path / "a.png", some_flow(0, 40, 50))
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[-30] ^= 1  # among the compressed pixels
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(FlowError, match="truncated or damaged PNG"):
        read_flow(tmp_path / "a.png")


FUZZ = 2400
"""Damaged files a form."""


def damaged(content, draw):
    """A file's content with a few bytes of its head changed, often those that hold its size; sometimes cut as well."""
    content = bytearray(content)
    for _ in range(draw.randint(1, 6)):
        place = int(min(len(content), 130) * draw.random() ** 2)
        content[place] = draw.choice([0, 1, 0x7F, 0x80, 0xFF, 0x39, 0x28, 0x2C, draw.randrange(256)])
    if draw.random() < 0.3:
        start = draw.randrange(min(len(content) - 4, 124))
        content[start : start + 4] = draw.randbytes(4)
    if draw.random() < 0.1:
        del content[draw.randrange(len(content)) :]
    return bytes(content)


def resealed(content, suffix):
    """A file that has the checksum of what its header now says, so that the size itself has to be refused."""
    if suffix == ".png":
        return content[:29] + struct.pack(">I", zlib.crc32(content[12:29])) + content[33:]
    return content[:-4] + struct.pack("<I", zlib.crc32(content[:-4])) if suffix == ".flow" else content


PROBE = """
import resource, sys, warnings
from pathlib import Path
from davsn.core.errors import FlowError
from davsn.flow.files.io import read_flow
sys.path.insert(0, {tests!r})
import random
from test_flow_forms import damaged, resealed

warnings.simplefilter("error")
kept = resource.getrlimit(resource.RLIMIT_AS)
for form, path in {files!r}.items():
    path, draw, refused = Path(path), random.Random(0), 0
    whole = path.read_bytes()
    read_flow(path, form)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (64 << 20), kept[1]))
    for number in range({copies}):
        content = damaged(whole, draw)
        path.unlink()  # writing over a file would wait for the disk, eight times as long as reading takes
        path.write_bytes(resealed(content, path.suffix) if number % 2 else content)
        try:
            read_flow(path, form)
        except FlowError:
            refused += 1
    resource.setrlimit(resource.RLIMIT_AS, kept)
    print(form, refused)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of a process's memory is Linux's")
def test_damaged_heads_neither_crash_nor_allocate(tmp_path):
    """In a process that may not take 64 MiB more than it has after reading a whole file."""
    files = {form: str(tmp_path / f"{form}{FORMS[form].suffix}") for form in FORMS}
    for form, path in files.items():
        write_flow(Path(path), some_flow(0, 24, 32), form=form)
    probe = PROBE.format(tests=__file__.rpartition("/")[0], files=files, copies=FUZZ)
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    refused = dict(line.split() for line in done.stdout.splitlines())
    assert refused.keys() == FORMS.keys()
    assert min(map(int, refused.values())) > 0.5 * FUZZ, refused  # or the damage would be none


def test_the_damage_is_reproducible():
    assert damaged(bytes(200), random.Random(1)) == damaged(bytes(200), random.Random(1)) != bytes(200)
