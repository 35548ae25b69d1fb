"""The class tables of docs/data.md are the code's."""

import re
import sys
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from benchmarks.pictures import classes
from davsn.data.labels.class_tables import ClassSet, taxonomy

PROJECT = Path(__file__).parents[2]
DRAWN = PROJECT / "docs" / "classes.png"


def test_it_is_small_enough_to_load_with_the_page():
    assert DRAWN.stat().st_size < 150_000


def test_how_many_classes_are_scored_where():
    text = (PROJECT / "docs" / "data.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| ([^|]*)\|", text, re.MULTILINE)
    told = {}
    for names, *numbers, left_out in rows:
        for raw in re.findall(r"`(?:form: )?(\w+)`", names)[-1:] if "form" in names else re.findall(r"`(\w+)`", names):
            raw = {"shift": "carla_0.9.10", "carla": "carla_0.9.14"}.get(raw, raw)
            expected = taxonomy("gta5", raw).unscored
            named = {name for name in re.split(r"[ ,]+", left_out) if name} - {"as", "above"}
            assert named <= expected, raw
            told[raw] = [int(number) for number in numbers]
    assert told == {
        raw: [len(taxonomy(classes, raw).scored) for classes in get_args(ClassSet)]
        for raw in ("cityscapes", "kitti_step", "carla_0.9.14", "camvid", "segnet", "vkitti2", "carla_0.9.10")
    }


@pytest.mark.slow
def test_the_script_draws_it(tmp_path, monkeypatch):
    few = ["--clips", "2", "--positions", "60"]  # enough to see every class
    monkeypatch.setattr(sys, "argv", ["classes", *few, "--output", str(tmp_path / "a.png")])
    classes.main()
    with Image.open(tmp_path / "a.png") as again, Image.open(DRAWN) as drawn:
        assert again.size == drawn.size
        swatch = [again.getpixel((20, 44 * row + 20)) for row in range(1, 18)]
        assert swatch == [drawn.getpixel((20, 44 * row + 20)) for row in range(1, 18)]
