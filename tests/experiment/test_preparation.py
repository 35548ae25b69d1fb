"""What is said of the data before the first step."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from davsn.core.clip import PAIR, ClipSpec
from davsn.core.errors import DataError
from davsn.data.samples import Samples, target_training
from davsn.data.sets.folder import Folder
from davsn.data.sets.streets import Streets
from davsn.experiment.experiment import load
from davsn.experiment.preparation import tell_data, tell_validation
from davsn.experiment.running import train_in
from tiny_data import write_labelled
from tiny_recipe import RECIPE

LABELLED = ClipSpec((0,), (), labels=True)


def mask_0_255(root: Path) -> Path:
    """The commonest export of all: a mask of 0 and 255, and 255 is ignored."""
    write_labelled(root, {"b": 3, "a": 2})
    for path in (root / "labels").rglob("*.png"):
        Image.fromarray(np.where(np.arange(960).reshape(24, 40) % 4 < 3, 255, 0).astype(np.uint8)).save(path)
    (root / "classes.yaml").write_text("classes: [background, road]")
    return root


def samples(root, spec=LABELLED, **settings):
    return Samples(Folder(Folder.Config(root=root, missing="repeat", **settings)), spec)


def out_of(capsys):
    return " ".join(capsys.readouterr().out.split())


def test_clips_and_label_maps_that_say_nothing(tmp_path, capsys):
    tell_data("source", samples(mask_0_255(tmp_path)))
    out = out_of(capsys)
    assert out.startswith("source: 2 clips with 5 frames, 5 with a label map: a, b")
    assert "Warning: source: the class road occurs in none of the 5 label maps; 75% of all pixels" in out
    assert "value: 255" in out


def test_label_maps_of_which_every_pixel_is_ignored_stop_it(tmp_path, capsys):
    root = mask_0_255(tmp_path)
    for path in (root / "labels").rglob("*.png"):
        Image.fromarray(np.full((24, 40), 255, np.uint8)).save(path)
    with pytest.raises(DataError, match=r"^source: the classes background, road occur in none .*; 100% of all pixels"):
        tell_data("source", samples(root))
    tell_data("source", samples(root), np.array([[0, 0, 960]] * 4 + [[960, 0, 0]]))  # one map that says something
    assert "Warning: source: the class road" in out_of(capsys)


def test_counts_that_are_there_are_used_and_label_maps_are_not_surveyed_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("davsn.experiment.preparation.sampled", lambda *arguments, **options: 1 / 0)
    tell_data("source", samples(mask_0_255(tmp_path)), np.array([[960, 0, 0]] * 5))
    assert "the class road occurs in none of the 5 label maps; 0% of all pixels" in out_of(capsys)


@pytest.mark.parametrize("counted", [True, False])
def test_a_label_map_of_another_size_than_its_frame_is_said_once(tmp_path, capsys, counted):
    root = write_labelled(tmp_path, {"a": 5})
    for path in (root / "labels").rglob("*.png"):
        Image.open(path).resize((20, 12), Image.Resampling.NEAREST).save(path)
    tell_data("source", samples(root), np.array([[320, 320, 320, 0]] * 5) if counted else None)
    expected = "Warning: source: a/f_8: the label is 20x12 pixels, its frame 40x24. It would be stretched to the frame."
    assert out_of(capsys).count("the label is") == 1
    tell_data("source", samples(root))
    assert expected in out_of(capsys)


def test_a_label_map_that_cannot_be_read_is_left_to_the_training(tmp_path, capsys):
    write_labelled(tmp_path, {"a": 3})
    (tmp_path / "labels" / "a" / "f_9.png").write_bytes(b"no image")
    tell_data("source", samples(tmp_path))
    assert out_of(capsys) == "source: 1 clip with 3 frames, 3 with a label map: a"


def test_a_target_tells_its_folders_and_doubts_and_reads_no_label_map(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Folder, "read_label", lambda *place: 1 / 0)
    write_labelled(tmp_path, {"a": 2, "b": 2}, step=50)
    shutil.move(tmp_path / "frames", tmp_path / "rgb")
    shutil.move(tmp_path / "labels", tmp_path / "seg")
    target = target_training(Folder(Folder.Config(root=tmp_path, labels=None)))
    tell_data("target", Samples(target, PAIR))
    assert out_of(capsys) == "target: 2 clips with 4 frames: a, b; frames are read from rgb"


def test_training_says_it_before_the_first_step(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mask_0_255(tmp_path / "game")
    validation = {"own": {"name": "folder", "root": str(tmp_path / "game"), "missing": "repeat"}}
    recipe = {**RECIPE, "validation": validation, "target": None, "method": "source_only"}
    recipe["training"] = {**RECIPE["training"], "steps": 1}
    assert train_in(load({**recipe, "video": {"propagation": "none"}}), tmp_path / "run")
    out = out_of(capsys)
    for key in ("source", "validation.own"):
        expected = f"Warning: {key}: the class road occurs in none of the 5 label maps"
        assert out.index(expected) < out.index("training tiny")


def test_validation_sets_are_looked_through_and_named(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mask_0_255(tmp_path / "game")
    validation = {name: {"name": "folder", "root": str(tmp_path / "game"), "missing": "repeat"} for name in ("a", "b")}
    recipe = {**RECIPE, "validation": validation, "target": None, "method": "source_only"}
    experiment = load({**recipe, "video": {"propagation": "none"}})
    reads = []
    read = Folder.read_label
    monkeypatch.setattr(Folder, "read_label", lambda *place: (reads.append(place), read(*place))[1])
    tell_validation(experiment, Folder(Folder.Config(root=tmp_path / "game")).taxonomy)
    out = out_of(capsys)
    for name in validation:
        assert f"validation.{name}: 2 clips with 5 frames, 5 with a label map: a, b" in out
        assert f"Warning: validation.{name}: the class road occurs in none of the 5 label maps; 75%" in out
    assert len(reads) == 2 * (5 + 3)  # the survey, and the comparison of sizes


def test_drawn_label_maps_are_not_looked_through(capsys, monkeypatch):
    monkeypatch.setattr(Streets, "read_label", lambda *place: 1 / 0)
    dataset = Streets(Streets.Config(clips=2, length=3, size=(64, 32)))
    tell_data("source", Samples(dataset, LABELLED))
    assert out_of(capsys).startswith("source: 2 clips with 6 frames, 6 with a label map")
