"""The quick way through a PNG gives what Pillow gives, and leaves to Pillow all that is damaged or unusual."""

import struct
import zlib
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from davsn.core.errors import DataError
from davsn.data import images
from davsn.data.images import read_picture
from tiny_data import texture


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(content, kind, inside):
    """The chunk put before the pixels."""
    place = content.index(b"IDAT") - 4
    return content[:place] + chunk(kind, inside) + content[place:]


@pytest.fixture(name="path")
def _path(tmp_path):
    Image.fromarray(texture(40, 60)).save(tmp_path / "0.png")
    return tmp_path / "0.png"


@pytest.fixture(name="quick")
def _quick(monkeypatch):
    monkeypatch.setattr(images, "opened", lambda path: pytest.fail("Pillow was asked"))


@pytest.mark.parametrize("writer", ["pillow", "pillow, stored", "opencv", "with notes", "one row", "noise"])
def test_whole_rgb_is_read_at_once(tmp_path, quick, writer):
    frame = texture(37, 53)
    path = tmp_path / "0.png"
    if writer == "opencv":
        cv2.imwrite(str(path), frame[..., ::-1])
    elif writer == "with notes":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Software", "a camera")
        notes.add(b"gAMA", struct.pack(">I", 20_000))
        Image.fromarray(frame).save(path, pnginfo=notes, dpi=(72, 72))
    else:
        frame = {"one row": frame[:1], "noise": np.random.default_rng(0).integers(0, 256, (99, 7, 3), np.uint8)}.get(
            writer, frame
        )
        Image.fromarray(frame).save(path, compress_level=0 if "stored" in writer else 6)
    found = read_picture(path)
    assert np.array_equal(found, frame)
    assert found.dtype == np.uint8
    assert found.flags.writeable


@pytest.mark.parametrize("mode", ["RGBA", "L", "LA", "P", "1"])
def test_other_modes_are_pillows(tmp_path, mode):
    picture = Image.fromarray(texture(20, 30)).convert(mode)
    picture.save(tmp_path / "0.png")
    assert np.array_equal(read_picture(tmp_path / "0.png"), np.array(picture.convert("RGB")))


@pytest.mark.parametrize(
    ("kind", "inside"), [(b"tRNS", bytes(6)), (b"maDe", bytes(8)), (b"zTXt", b"note\0\0" + zlib.compress(bytes(10**6)))]
)
def test_unusual_chunks_are_pillows(path, kind, inside):
    path.write_bytes(with_chunk(path.read_bytes(), kind, inside))
    assert images._plain_png(path) is None
    assert np.array_equal(read_picture(path), texture(40, 60))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_no_flipped_bit_gives_another_picture(path, place, flip):
    whole = path.read_bytes()
    content = bytearray(whole)
    content[int(place * len(whole))] ^= flip
    path.write_bytes(content)
    found = None
    try:
        assert images._plain_png(path) is None
        with suppress(DataError):
            found = read_picture(path)
    finally:
        path.write_bytes(whole)
    assert found is None or np.array_equal(found, texture(40, 60))


@given(share=st.floats(0, 1, exclude_max=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_cut_file_is_read_at_once(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    try:
        assert images._plain_png(path) is None
    finally:
        path.write_bytes(whole)


def test_what_follows_the_end_is_left_to_pillow(path):
    path.write_bytes(path.read_bytes() + b"more")
    assert images._plain_png(path) is None
    assert np.array_equal(read_picture(path), texture(40, 60))
