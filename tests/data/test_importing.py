"""What labelling tools write becomes a labelled folder: all of it, or nothing and every mistake at once."""

import base64
import codecs
import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

import davsn
from davsn.core.clip import IGNORE
from davsn.core.errors import ConfigError, DataError
from davsn.data.importing import regions
from davsn.data.importing.regions import decode_mask
from davsn.data.labels.taxonomy import Taxonomy, read_classes, write_classes
from davsn.data.sets.folder import Folder
from tiny_data import frame_of

SIZE = (40, 24)
NAMES = ("road", "car", "sky")
COLOURS = ((128, 64, 128), (0, 0, 142), (70, 130, 180))
EXPECTED = np.zeros((24, 40), np.uint8)
EXPECTED[:10] = 2
EXPECTED[12:19, 5:21] = 1
CAR = [[5, 12], [20, 12], [20, 18], [5, 18]]
ROAD = [[0, 10], [39, 10], [39, 23], [0, 23]]
SKY = [[0, 0], [39, 0], [39, 9], [0, 9]]
"""Corners in pixels, borders included, of three regions that fill the image."""


def frame(root, name, number=0):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame_of(0, number)).save(path)


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def png_text(mask, compressed=False):
    content = io.BytesIO()
    Image.fromarray((mask * 255).astype(np.uint8)).save(content, "PNG")
    return base64.b64encode(zlib.compress(content.getvalue()) if compressed else content.getvalue()).decode()


def labelme(root):
    shapes = [
        {"label": name, "points": points, "shape_type": "polygon"}
        for name, points in zip(NAMES, (ROAD, CAR, SKY), strict=True)
    ]
    shapes[1] |= {"points": [CAR[0], CAR[2]], "shape_type": "rectangle"}
    shapes.append({"label": "car", "points": [[1, 2], [3, 4]], "shape_type": "line"})
    for number in range(2):
        frame(root, f"drive/{number}.png", number)
        content = {"version": "5.0", "imagePath": f"{number}.png", "imageData": None, "shapes": shapes}
        text(root / "drive" / f"{number}.json", content)
    return {"line": 2}


def supervisely(root):
    colours = [f"#{red:02X}{green:02X}{blue:02X}" for red, green, blue in COLOURS]
    text(
        root / "meta.json",
        {"classes": [{"title": name, "color": each} for name, each in zip(NAMES, colours, strict=True)]},
    )
    car = np.ones((7, 16), bool)
    objects = [
        {"classTitle": "sky", "geometryType": "polygon", "points": {"exterior": SKY, "interior": []}},
        {"classTitle": "road", "points": {"exterior": ROAD, "interior": []}},
        {"classTitle": "car", "geometryType": "bitmap", "bitmap": {"data": png_text(car, True), "origin": [5, 12]}},
    ]
    for number in range(2):
        frame(root, f"drive/img/{number}.png", number)
        text(root / "drive" / "ann" / f"{number}.png.json", {"size": {"width": 40, "height": 24}, "objects": objects})
    return {}


def coco_panoptic(root):
    ids = np.array([300, 70_000, 9])[EXPECTED]
    segments = [{"id": number, "category_id": 7 + index} for index, number in enumerate((300, 70_000, 9))]
    categories = [{"id": 7 + i, "name": name, "color": list(COLOURS[i])} for i, name in enumerate(NAMES)]
    for number in range(2):
        frame(root, f"images/drive/{number}.png", number)
        path = root / "annotations" / "panoptic_train" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.dstack([ids & 255, ids >> 8 & 255, ids >> 16]).astype(np.uint8)).save(path)
    content = {
        "images": [{"id": number, "file_name": f"{number}.png"} for number in range(2)],
        "annotations": [{"image_id": n, "file_name": f"{n}.png", "segments_info": segments} for n in range(2)],
        "categories": categories,
    }
    text(root / "annotations" / "panoptic_train.json", content)
    return {}


def cvat(root):
    rows = [f"{name}:{','.join(map(str, colour))}::" for name, colour in zip(NAMES, COLOURS, strict=True)]
    text(root / "labelmap.txt", "# label:color_rgb:parts:actions\n" + "\n".join(rows))
    for number in range(2):
        frame(root, f"JPEGImages/drive/{number}.jpg", number)
        path = root / "SegmentationClass" / "drive" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.array(COLOURS, np.uint8)[EXPECTED]).save(path)
    return {}


FORMS = {"labelme": labelme, "supervisely": supervisely, "coco-panoptic": coco_panoptic, "cvat": cvat}


def convert(root, form, **more):
    return davsn.import_labels(form, root / "in", root / "out", quiet=True, **more)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_becomes_a_folder_that_is_read_at_once(tmp_path, form):
    left_out = FORMS[form](tmp_path / "in")
    made = convert(tmp_path, form)
    assert (made.frames, made.clips, made.left_out) == (2, 1, left_out)
    data = Folder(Folder.Config(root=tmp_path / "out"))
    assert [(info.name, info.frames, info.labelled) for info in data.clips] == [("drive", ("0", "1"), (0, 1))]
    order = [NAMES.index(name) for name in data.taxonomy.names]
    assert sorted(data.taxonomy.names) == sorted(NAMES)
    if form != "labelme":  # which has no colours and no order of its own
        assert (data.taxonomy.names, data.taxonomy.colours) == (NAMES, COLOURS)
    for position in range(2):
        assert np.array_equal(np.array(order)[data.read_label(0, position)], EXPECTED)
        assert form == "cvat" or np.array_equal(data.read_frame(0, position), frame_of(0, position))
    assert [path.name for path in tmp_path.iterdir()] in (["in", "out"], ["out", "in"])


@pytest.mark.parametrize("form", ["labelme", "supervisely", "coco-panoptic"])
def test_a_class_table_sets_the_order_and_what_is_unlabelled(tmp_path, form):
    FORMS[form](tmp_path / "in")
    table = tmp_path / "table.yaml"
    table.write_text("classes: [sky, background, road, car]")
    for path in (tmp_path / "in").rglob("*.json"):
        path.write_text(path.read_text().replace('"label": "road"', '"label": "__ignore__"'))
    convert(tmp_path, form, classes=table)
    data = Folder(Folder.Config(root=tmp_path / "out"))
    assert data.taxonomy.names == ("sky", "background", "road", "car")
    road = IGNORE if form == "labelme" else 2
    assert np.array_equal(data.read_label(0, 0), np.array([road, 3, 0])[EXPECTED])


def test_pixels_without_a_region_are_the_background_or_ignored(tmp_path):
    labelme(tmp_path / "in")
    shapes = [{"label": name, "points": points} for name, points in (("car", CAR), ("sky", SKY))]
    shapes.append({"label": "sky", "shape_type": "circle", "points": [[30, 18], [33, 18]]})
    shapes.append({"label": "car", "shape_type": "mask", "points": [[38, 22]], "mask": png_text(np.ones((9, 9), bool))})
    for number in range(2):
        text(tmp_path / "in" / "drive" / f"{number}.json", {"imagePath": f"..\\x\\{number}.png", "shapes": shapes})
    expected = np.where(EXPECTED == 2, 1, np.where(EXPECTED == 1, 0, IGNORE))
    expected[22:, 38:] = 0
    convert(tmp_path, "labelme")
    label = Folder(Folder.Config(root=tmp_path / "out")).read_label(0, 0)
    assert label[18, 30] == 1
    assert 25 <= (label[12:, 22:] == 1).sum() <= 37  # the area of the circle
    expected[13:24, 25:36] = label[13:24, 25:36]
    assert np.array_equal(label, expected)
    text(tmp_path / "table.yaml", "classes: [_background_, car, sky]")
    davsn.import_labels("labelme", tmp_path / "in", tmp_path / "full", classes=tmp_path / "table.yaml", quiet=True)
    assert Folder(Folder.Config(root=tmp_path / "full")).read_label(0, 0)[10, 0] == 0


def test_a_polygon_of_supervisely_has_holes(tmp_path):
    supervisely(tmp_path / "in")
    hole = [[8, 14], [14, 14], [14, 16], [8, 16]]
    objects = [{"classTitle": "car", "points": {"exterior": CAR, "interior": [hole]}}]
    text(tmp_path / "in" / "drive" / "ann" / "0.png.json", {"objects": objects})
    convert(tmp_path, "supervisely")
    label = Folder(Folder.Config(root=tmp_path / "out")).read_label(0, 0)
    assert label[15, 11] == IGNORE
    assert label[13, 6] == 1


SHAPE = {"label": "car", "points": CAR}
_CHUNKS = (b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0), b"IDAT" + zlib.compress(bytes(100)))
_PACKED = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in _CHUNKS)
BOMB = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(_PACKED)).decode()
"""A PNG that claims 3.6 billion pixels."""
HOSTILE = {
    "a path out of the folder": ({"imagePath": "../../secret.png", "shapes": [SHAPE]}, "image 'secret.png' is not in"),
    "an absolute path": ({"imagePath": "/etc/passwd", "shapes": [SHAPE]}, "image 'passwd' is not in the folder"),
    "a missing image": ({"imagePath": "7.png", "shapes": [SHAPE]}, "image '7.png' is not in the folder. Export the"),
    "too many corners": (
        {"imagePath": "0.png", "shapes": [{"label": "car", "points": [[0, 0]] * 100_001}]},
        "shapes.0.points: List should have at most 100000 items",
    ),
    "points far away": (
        {"imagePath": "0.png", "shapes": [{"label": "car", "points": [[1e300, 0], [1, 1], [2, 2]]}]},
        "shapes.0.points.0.0: Input should be less than or equal to 1000000",
    ),
    "no numbers": (
        '{"imagePath": "0.png", "shapes": [{"label": "car", "points": [[NaN, 0], [1, 1], [2, 2]]}]}',
        "shapes.0.points.0.0: Input should be a finite number",
    ),
    "no JSON": ("{", "is not as this tool writes it: Invalid JSON"),
    "deep JSON": ("[" * 100_000, "is not as this tool writes it: Invalid JSON"),
    "other JSON": ("[]", "is not as this tool writes it"),
    "a mask of billions of pixels": (
        {"imagePath": "0.png", "shapes": [{"label": "car", "shape_type": "mask", "points": [[0, 0]], "mask": BOMB}]},
        "holds a mask that cannot be read (DecompressionBombError)",
    ),
    "a mask that is none": (
        {"imagePath": "0.png", "shapes": [{"label": "car", "shape_type": "mask", "points": [[0, 0]], "mask": "AAAA"}]},
        "holds a mask that cannot be read",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_a_mistake_in_words_and_writes_nothing(tmp_path, case):
    labelme(tmp_path / "in")
    frame(tmp_path, "secret.png")
    content, message = HOSTILE[case]
    text(tmp_path / "in" / "drive" / "0.json", content)
    with pytest.raises(ConfigError) as caught:
        convert(tmp_path, "labelme")
    assert message in str(caught.value)
    assert "drive/0.json" in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "secret.png"]


def test_all_mistakes_are_told_at_once(tmp_path):
    supervisely(tmp_path / "in")
    (tmp_path / "in" / "drive" / "img" / "1.png").unlink()
    text(
        tmp_path / "in" / "drive" / "ann" / "0.png.json",
        {"objects": [{"classTitle": "cat", "points": {"exterior": CAR}}]},
    )
    text(tmp_path / "in" / "drive" / "ann" / "2.png.json", {"objects": 3})
    with pytest.raises(ConfigError) as caught:
        convert(tmp_path, "supervisely")
    assert len(caught.value.mistakes) == 4
    told = str(caught.value)
    assert "drive/ann/0.png.json: the label 'cat' is not in the class table. Did you mean 'car'?" in told
    assert "drive/ann/1.png.json: the image '1.png' is not in the folder" in told
    assert "drive/ann/2.png.json: is not as this tool writes it: objects: Input should be a valid array" in told


def test_damaged_files_are_told_at_once_too_and_nothing_is_left(tmp_path):
    coco_panoptic(tmp_path / "in")
    (tmp_path / "in" / "images" / "drive" / "0.png").write_bytes(b"no image")
    path = tmp_path / "in" / "annotations" / "panoptic_train" / "1.png"
    Image.fromarray(np.full((24, 40, 3), 5, np.uint8)).save(path)
    with pytest.raises(ConfigError) as caught:
        convert(tmp_path, "coco-panoptic")
    assert len(caught.value.mistakes) == 2
    assert "0.png: is not an image that can be read" in str(caught.value)
    assert f"{path}: holds segments that the JSON file does not list: 328965" in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_segments_without_a_category_and_masks_of_another_size(tmp_path):
    coco_panoptic(tmp_path / "in")
    path = tmp_path / "in" / "annotations" / "panoptic_train.json"
    path.write_text(path.read_text().replace('"category_id": 8', '"category_id": 80'))
    with pytest.raises(
        ConfigError, match=r"the annotation of '0\.png' names the categories \[80\], which the file does"
    ):
        convert(tmp_path, "coco-panoptic")
    cvat(tmp_path / "in2")
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "in2" / "SegmentationClass" / "drive" / "1.png")
    with pytest.raises(ConfigError, match=r"drive/1\.png: is 2x2 pixels, and its image 40x24"):
        davsn.import_labels("cvat", tmp_path / "in2", tmp_path / "out", quiet=True)


def test_a_category_and_an_image_that_occur_twice(tmp_path):
    coco_panoptic(tmp_path / "in")
    path = tmp_path / "in" / "annotations" / "panoptic_train.json"
    content = json.loads(path.read_text())
    text(path, {**content, "annotations": content["annotations"] + content["annotations"][:1]})
    with pytest.raises(ConfigError, match=r"0\.png: is annotated more than once\. Keep one annotation"):
        convert(tmp_path, "coco-panoptic")
    text(path, {**content, "categories": content["categories"] + content["categories"][:1]})
    with pytest.raises(ConfigError) as caught:
        convert(tmp_path, "coco-panoptic")
    number = content["categories"][0]["id"]
    assert caught.value.mistakes[-1].endswith(f"the categories [{number}] occur more than once")


def test_json_with_the_mark_of_windows_and_a_single_class(tmp_path):
    labelme(tmp_path / "in")
    path = tmp_path / "in" / "drive" / "0.json"
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert convert(tmp_path, "labelme").frames == 2
    text(tmp_path / "one" / "in" / "0.json", {"imagePath": "0.png", "shapes": [SHAPE]})
    frame(tmp_path / "one" / "in", "0.png")
    with pytest.raises(ConfigError, match="has 1 class, where 2 to 254 are needed"):
        convert(tmp_path / "one", "labelme")
    text(tmp_path / "one" / "in" / "0.json", "{")
    with pytest.raises(ConfigError) as caught:
        convert(tmp_path / "one", "labelme")
    assert len(caught.value.mistakes) == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_of_something_else(tmp_path, form):
    frame(tmp_path / "in", "a/0.png")
    with pytest.raises(ConfigError, match=r"holds (no|0) "):
        convert(tmp_path, form)
    with pytest.raises(DataError, match="no such folder"):
        davsn.import_labels(form, tmp_path / "none", tmp_path / "out", quiet=True)
    with pytest.raises(DataError, match="is not an empty folder"):
        davsn.import_labels(form, tmp_path / "in", tmp_path / "in", quiet=True)


def test_a_packed_mask_that_grows_is_refused(monkeypatch):
    monkeypatch.setattr(regions, "_BYTES", 1 << 20)
    bomb = base64.b64encode(zlib.compress(bytes(2 << 20))).decode()
    with pytest.raises(DataError, match="is larger than 1 MiB"):
        decode_mask(bomb, "x.json", compressed=True)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGBA", "P", "P with transparency"])
def test_a_mask_in_every_kind_of_png(mode):
    mask = EXPECTED == 1
    alpha = Image.fromarray((mask * 255).astype(np.uint8))
    if mode in ("LA", "RGBA"):
        image = Image.new(mode, SIZE, 255 if mode == "LA" else (255, 255, 255))
        image.putalpha(alpha)
    elif mode.startswith("P"):
        image = Image.fromarray(mask.astype(np.uint8))
        image.putpalette([0, 0, 0, 255, 255, 255])
    else:
        image = alpha.convert(mode)
    content = io.BytesIO()
    image.save(content, "PNG", **({"transparency": 0} if "with" in mode else {}))
    assert np.array_equal(decode_mask(base64.b64encode(content.getvalue()).decode(), "x.json"), mask)


def test_names_of_classes_are_written_so_that_they_are_read_again(tmp_path):
    names = ("road", "traffic light", "no", "a: b", "}", "#x", 'say "hi"', "12", "Straße", "- a", "null")
    table = Taxonomy(names, tuple((index, 0, 0) for index in range(len(names))))
    write_classes(table, tmp_path / "classes.yaml")
    assert read_classes(tmp_path / "classes.yaml") == table
    assert "{name: road, color: [0, 0, 0]}" in (tmp_path / "classes.yaml").read_text()
