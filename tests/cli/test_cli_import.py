"""``davsn import``: what it prints, and how it says mistakes."""

import json

from PIL import Image

from tiny_data import frame_of

SHAPES = [
    {"label": "car", "points": [[5, 12], [20, 12], [20, 18]]},
    {"label": "sky", "points": [[0, 0], [39, 0], [39, 9]]},
    {"label": "car", "points": [[1, 2], [3, 4]], "shape_type": "line"},
]


def test_it_says_what_it_made_and_what_is_wrong(davsn, tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(frame_of(0, 0)).save(tmp_path / "in" / "0.png")
    content = {"imagePath": "0.png", "shapes": SHAPES}
    (tmp_path / "in" / "0.json").write_text(json.dumps(content))
    code, out, err = davsn(tmp_path, "import", "labelme", "in", "out")
    assert (code, err) == (0, "")
    assert out.splitlines()[-2:] == [
        "left out 1 of kind line, which have no area",
        "1 labelled frames in 1 clips, 2 classes: out",
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["classes.yaml", "frames", "labels"]
    (tmp_path / "in" / "0.json").write_text(json.dumps(content | {"imagePath": "1.png"}))
    code, _, err = davsn(tmp_path, "import", "labelme", "in", "other")
    assert code == 2
    assert (
        err
        == "in has a mistake:\n  0.json: the image '1.png' is not in the folder. Export the labels with their images\n"
    )
    assert not (tmp_path / "other").exists()
