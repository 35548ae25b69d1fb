"""Label files as people have them: every kind that can be read is read, and the others name the setting that helps."""

import re

import cv2
import numpy as np
import pytest
from PIL import Image

from davsn.core.errors import DataError
from davsn.data.labels.files import channel_of, read_label
from davsn.data.labels.taxonomy import read_class_table

IDS = np.array([[0, 1, 2, 1], [2, 2, 0, 255]], np.uint8)
COLOURS = np.zeros((256, 3), np.uint8)
COLOURS[:3] = (128, 64, 128), (0, 0, 142), (70, 130, 180)
CLASSES = "{name: road, color: [128, 64, 128]}, {name: car, color: [0, 0, 142]}, {name: sky, color: [70, 130, 180]}"


@pytest.fixture(name="read")
def _read(tmp_path):
    """Write a label file and read it with a class table."""

    def read(content, table=f"classes: [{CLASSES}]", name="0.png", **options):
        path = tmp_path / name
        if isinstance(content, np.ndarray) and content.dtype == np.uint16 and content.ndim == 3:
            cv2.imwrite(str(path), content[..., [2, 1, 0, 3][: content.shape[2]]])
        else:
            (content if isinstance(content, Image.Image) else Image.fromarray(content)).save(path, **options)
        (tmp_path / "classes.yaml").write_text(table)
        coding = read_class_table(tmp_path / "classes.yaml").coding
        return read_label(path, coding, channel_of([path], coding)).tolist()

    return read


def channels(ids, place, others, dtype=np.uint8):
    """Ids in one of several channels; the others hold a constant, or random values for None."""
    noise = np.random.default_rng(0).integers(3, 250, (*ids.shape, len(others) + 1))
    constant = [noise[..., index] if other is None else np.full(ids.shape, other) for index, other in enumerate(others)]
    return np.stack([*constant[:place], ids, *constant[place:]], -1).astype(dtype)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(IDS, id="grey"),
        pytest.param(IDS.astype(np.uint16), id="16-bit grey"),
        pytest.param(np.stack([IDS] * 3, -1), id="grey as RGB"),
        pytest.param(channels(IDS, 0, (0, 0, 255)), id="CARLA: red of RGBA"),
        pytest.param(channels(IDS, 2, (0, 0)), id="blue of RGB"),
        pytest.param(channels(IDS, 0, (None, None, 255)), id="red, instances in green and blue"),
        pytest.param(channels(IDS, 0, (0, 0), np.uint16), id="16-bit RGB"),
        pytest.param(channels(IDS, 0, (0, 0, 65535), np.uint16), id="16-bit RGBA"),
        pytest.param(COLOURS[IDS], id="colours"),
        pytest.param(np.dstack([COLOURS[IDS], np.full(IDS.shape, 255, np.uint8)]), id="colours with alpha"),
        pytest.param(np.dstack([COLOURS[IDS], 255 * (IDS != 255).astype(np.uint8)]), id="transparent is ignored"),
    ],
)
def test_each_kind_that_can_be_read_is_read(read, content):
    assert read(content) == IDS.tolist()


@pytest.mark.parametrize("name", ["0.bmp", "0.tif", "0.gif", "0.webp", "0.PNG"])
def test_each_lossless_format_is_read(read, name):
    assert read(
        COLOURS[IDS] if name == "0.gif" else IDS, name=name, **({"lossless": True} if "webp" in name else {})
    ) == (IDS.tolist())


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_of_few_bits_is_not_scaled(tmp_path, bits):
    ids = IDS[:, :3] % (1 << bits)
    rows = ids.astype(np.uint8)
    path = tmp_path / "0.png"
    _write_grey(path, rows, bits)
    (tmp_path / "classes.yaml").write_text(f"classes: [{CLASSES}]")
    assert read_label(path, read_class_table(tmp_path / "classes.yaml").coding).tolist() == ids.tolist()


def _write_grey(path, rows, bits):
    """Write a grey PNG of 1, 2 or 4 bits, which Pillow cannot."""
    import struct
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width = rows.shape
    wide = (rows[..., None] >> np.arange(bits - 1, -1, -1) & 1).reshape(height, -1).astype(np.uint8)
    lines = b"".join(b"\0" + np.packbits(line).tobytes() for line in wide)
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    )


def test_a_one_bit_mask(read):
    assert read(Image.fromarray(IDS == 1)) == (IDS == 1).astype(int).tolist()


def test_a_palette_holds_ids_unless_its_colours_are_those_of_other_classes(read):
    def palette(indices, colours):
        picture = Image.fromarray(indices, "P")
        picture.putpalette(colours.tobytes())
        return picture

    assert read(palette(IDS, COLOURS)) == IDS.tolist()
    assert read(palette(IDS, COLOURS[::-1].copy())) == IDS.tolist()  # most are no colours of the table
    order = np.array([2, 0, 1])  # a program that sorted the palette
    moved = np.where(IDS == 255, 255, np.argsort(order)[np.minimum(IDS, 2)]).astype(np.uint8)
    assert read(palette(moved, np.concatenate([COLOURS[order], COLOURS[3:]]))) == IDS.tolist()


@pytest.mark.parametrize(
    ("table", "stored"),
    [
        (f"classes: [{CLASSES.replace('sky,', 'sky, value: 200,')}]", np.where(IDS == 2, 200, IDS)),
        (f"classes: [{CLASSES.replace('sky,', 'sky, value: [7, 8],')}]", np.where(IDS == 2, [[7, 7, 8, 7]], IDS)),
        (f"classes: [{CLASSES}]\nreduce_zero_label: true", np.where(IDS == 255, 0, IDS + 1)),
        (f"classes: [{CLASSES}]\nignore: [9, 10]", np.where(IDS == 255, 9, IDS)),
        (
            f"classes: [{CLASSES}]\nchannel: colours\nignore: [[1, 1, 1]]",
            np.where(IDS[..., None] == 255, 1, COLOURS[IDS]),
        ),
        (f"classes: [{CLASSES}]\nchannel: green", channels(IDS, 1, (1, 2))),
    ],
)
def test_the_class_table_says_what_values_mean(read, table, stored):
    assert read(stored.astype(np.uint8), table) == IDS.tolist()


def test_a_mask_of_0_and_255_with_255_as_a_class(read):
    mask = np.where(IDS == 1, 255, 0).astype(np.uint8)
    assert read(mask, "classes: [background, {name: road, value: 255}]") == (IDS == 1).astype(int).tolist()
    assert read(mask, "classes: [background, road]") == np.where(IDS == 1, 255, 0).tolist()


def test_several_colours_of_one_class(read):
    other = COLOURS.copy()
    table = f"classes: [{CLASSES.replace('sky,', 'sky, colors: [[9, 9, 9]],')}]"
    content = other[IDS]
    content[0, 2] = (9, 9, 9)
    assert read(content, table)[0] == [0, 1, 2, 1]


def test_cityscapes_label_ids_by_the_names_of_the_classes(read):
    raw = np.array([[7, 26, 23, 26], [23, 23, 7, 0]], np.uint8)
    assert read(raw, name="aachen_000000_000019_gtFine_labelIds.png") == IDS.tolist()
    with pytest.raises(DataError, match="holds ids outside the class table of 3 classes: 7"):
        read(raw)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            np.full((4, 4, 3), (9, 8, 7), np.uint8),
            "is 8-bit RGB, and neither its colours nor one .* (9, 8, 7). .*channel: red",
        ),
        (
            IDS + np.uint8(1),
            "holds ids outside the class table of 3 classes: 3 (3 pixels).*set reduce_zero_label: true",
        ),
        (IDS.astype(np.float32), "is an image of mode F, whose values are no class ids"),
    ],
)
def test_what_cannot_be_read_names_the_setting_that_helps(read, content, message):
    with pytest.raises(DataError, match=re.escape(message).replace(r"\.\*", ".*")):
        read(content, name="0.tif" if content.dtype == np.float32 else "0.png")


def test_colours_of_no_class_are_named(read):
    content = np.tile(COLOURS[IDS], (4, 4, 1))
    content[0, :6] = (1, 2, 3)
    with pytest.raises(DataError, match=r"has colours of no class in 5% of its pixels, such as \(1, 2, 3\)\. Add them"):
        read(content)
    content[0, 1:6] = COLOURS[0]
    assert read(content)[0][:2] == [255, 0]  # one painting error in a hundred is ignored


def test_red_and_blue_that_are_exchanged_are_noticed(read):
    with pytest.raises(DataError, match="With red and blue exchanged, they are colours of classes"):
        read(COLOURS[IDS][..., ::-1].copy())


@pytest.mark.parametrize(("name", "options"), [("0.jpg", {}), ("0.webp", {"quality": 80})])
def test_lossy_compression_is_refused(read, name, options):
    with pytest.raises(
        DataError, match=r"with lossy compression, which mixes the ids .*Export the label maps again as PNG"
    ):
        read(IDS, name=name, **options)
