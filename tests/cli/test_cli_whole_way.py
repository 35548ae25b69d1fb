"""streets → check → adapt or train → eval → predict, with real files."""

import json
import shutil

import av
import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from davsn.experiment import preparation
from davsn.experiment.trained import open_trained
from davsn.flow.estimators.dis import Dis
from davsn.networks import predicting
from davsn.scoring.scores import Scores
from tiny_recipe import TINY

SHORT = [*TINY, "training.steps=2", "source.size=[96,48]", "target.size=[96,48]"]


def picture_folders(root):
    return sorted(path.name for path in root.iterdir())


def test_streets_writes_a_labelled_folder(world):
    assert picture_folders(world / "game") == ["classes.yaml", "frames", "labels"]
    for kind in ("frames", "labels"):
        assert [len(list(clip.iterdir())) for clip in sorted((world / "game" / kind).iterdir())] == [4, 4]
    with Image.open(next((world / "game" / "frames").rglob("*.png"))) as frame:
        assert frame.size == (64, 32)


def test_check_finds_nothing_fatal(davsn, world):
    code, out, _ = davsn(world, "check", "tiny.yaml")
    assert code == 0
    assert "warning  source  the data set: 2 of 8 frames have no neighbour and are left out. Nothing, if these" in out
    assert out.endswith("0 of 2 would stop training.\n")
    code, out, _ = davsn(world, "check", "tiny.yaml", "source.missing=repeat", "target.missing=repeat", "-o", "new")
    assert code == 0
    assert out.endswith("No problem found.\n")


def test_train_scores_the_validation_set_and_says_where(davsn, world, trained):
    assert {"settings.yaml", "log.jsonl", "checkpoints", "scores_camera.json"} <= set(picture_folders(trained))
    settings = yaml.safe_load((trained / "settings.yaml").read_text())
    assert settings["name"] == "tiny"
    assert len((trained / "log.jsonl").read_text().splitlines()) == 3
    assert Scores.load(trained / "scores_camera.json").frames == 8
    code, out, _ = davsn(world, "train", "tiny.yaml", "-o", "runs/tiny")  # again: nothing to do but to score
    assert code == 0
    assert "mIoU" in out
    assert "temporal consistency" in out
    assert out.endswith("Done: runs/tiny\n")


@pytest.mark.slow
@pytest.mark.usefixtures("unrehearsed")
def test_a_cache_is_told_of_and_changes_no_number(davsn, world, tmp_path):
    cache = [f"source.cache_folder={tmp_path / 'cache'}", "source.cached=true", "source.cache_limit=0.5"]
    line = f"Cache: {tmp_path / 'cache'}, 0.0 of 0.5 GB; you can delete it at any time\n"
    code, out, _ = davsn(world, "check", "tiny.yaml", *cache)
    assert (code, out.count(line)) == (0, 1)
    assert not (tmp_path / "cache").exists()
    for name, changes in (("plain", []), ("first", cache), ("second", cache)):
        code, out, _ = davsn(world, "train", "tiny.yaml", "validation={}", *changes, "-o", tmp_path / name)
        assert code == 0
        assert (line in out) == (name != "plain")
    logs = [(tmp_path / name / "log.jsonl").read_text() for name in ("plain", "first", "second")]
    assert logs[0] == logs[1] == logs[2]
    assert any((tmp_path / "cache").iterdir())


def test_eval_prints_a_table_and_writes_scores(davsn, world, trained, tmp_path):
    code, out, _ = davsn(world, "eval", "runs/tiny")
    assert code == 0
    assert "road" in out
    assert "mIoU" in out
    assert "written to runs/tiny/scores_camera.json" in out
    code, out, _ = davsn(world, "eval", "runs/tiny", "--data", "game", "-o", tmp_path / "mine.json", "missing=skip")
    assert code == 0
    scores = json.loads((tmp_path / "mine.json").read_text())
    assert scores["frames"] == 6
    assert scores["names"][0] == "road"


def test_eval_of_stills(davsn, world, trained, tmp_path):
    shutil.copytree(world / "camera", tmp_path / "stills")
    changes = ["stills=true", "missing=repeat"]
    code, _, _ = davsn(world, "eval", "runs/tiny", "--data", tmp_path / "stills", "--labelled-only", *changes)
    assert code == 0
    scores = Scores.load(trained / "scores_stills.json")
    assert scores.frames == 8
    assert scores.temporal_consistency is None


def test_predict_a_video(davsn, world, trained, tmp_path):
    code, out, _ = davsn(world, "predict", "runs/tiny", "drive.mp4", "-o", tmp_path / "overlay.mp4")
    assert code == 0
    assert "8 frames in " in out
    with av.open(str(tmp_path / "overlay.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 10)
        assert sum(1 for _ in video.decode(stream)) == 8


def test_predict_a_folder(davsn, world, trained, tmp_path):
    frames = next(iter(sorted((world / "camera" / "frames").iterdir())))
    code, _, _ = davsn(world, "predict", "runs/tiny", frames, "-o", tmp_path / "masks", "--flow", "zero")
    assert code == 0
    masks = sorted((tmp_path / "masks").glob("*.png"))
    assert [mask.stem for mask in masks] == sorted(frame.stem for frame in frames.iterdir())
    with Image.open(masks[0]) as mask:
        assert (mask.mode, mask.size) == ("P", (64, 32))
        assert np.array(mask).max() < 15
        assert tuple(mask.getpalette()[:3]) == open_trained(trained).taxonomy.colours[0]


def test_predict_several_outputs_with_every_choice(davsn, world, trained, tmp_path):
    outputs = ["--as", "side-by-side, shares", "--classes", "road,sky", "--legend"]
    run = ["--smooth", "--flip", "--scales", "0.5", "1", "--with", "runs/tiny", "--weights", "2", "1"]
    code, _, err = davsn(world, "predict", "runs/tiny", "drive.mp4", "-o", tmp_path / "out", *outputs, *run)
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["shares.csv", "side-by-side.mp4"]
    lines = (tmp_path / "out" / "shares.csv").read_text().splitlines()
    assert (lines[0], len(lines)) == ("frame,time,road,sky", 9)
    code, _, err = davsn(
        world, "predict", "runs/tiny", "drive.mp4", "-o", tmp_path / "x", "--as", "mask", "--alpha", "2"
    )
    assert code == 2
    assert "--as  there is no output 'mask'. Did you mean 'masks'?" in err
    assert "--alpha  should be in [0, 1], but got 2" in err


def test_eval_with_the_mirror_image(davsn, world, trained):
    code, _, err = davsn(world, "eval", "runs/tiny", "--labelled-only", "--flip", "--bf16")
    assert code == 0, err
    plain, both = (Scores.load(trained / f"scores_camera{name}.json") for name in ("", "_flip_bf16"))
    assert both.frames == plain.frames
    code, _, err = davsn(world, "eval", "runs/tiny", "--every", "--scales", "2")
    assert code == 2
    assert "--scales  cannot be combined with --every or --watch" in err


def test_predict_passes_over_what_is_broken_and_says_so(davsn, world, trained, tmp_path):
    frames = tmp_path / "frames"
    shutil.copytree(next(iter(sorted((world / "camera" / "frames").iterdir()))), frames)
    broken = sorted(frames.iterdir())[1]
    broken.write_bytes(broken.read_bytes()[:100])
    code, _, err = davsn(world, "predict", "runs/tiny", frames, "-o", tmp_path / "masks")
    assert code == 2
    assert f"{broken.name}: is a truncated or damaged image" in err
    assert "or set bad_files: skip (--bad-files skip) to pass over it. The 1 masks written so far are in" in err
    code, out, _ = davsn(world, "predict", "runs/tiny", frames, "-o", tmp_path / "masks", "--bad-files", "skip")
    assert code == 0
    assert "3 frames, 1 passed over in " in out


@pytest.mark.parametrize("target", ["camera", "drive.mp4", "videos"])
def test_adapt_to_frames_or_to_videos(davsn, world, tmp_path, target):
    if target == "videos":
        (world / "videos").mkdir(exist_ok=True)
        shutil.copy(world / "drive.mp4", world / "videos" / "one.mp4")
    out = tmp_path / "run"
    code, printed, err = davsn(
        world, "adapt", *SHORT, "--source", "game", "--target", target, "--validation", "camera", "-o", out
    )
    assert code == 0, err
    assert "mIoU" in printed
    trained = open_trained(out)
    assert trained.step == 2
    assert trained.experiment.method.name == "source_only"
    assert trained.experiment.method.settings.adjust == 0.5
    assert trained.size == (96, 48)
    assert Scores.load(out / "scores_target.json").frames == 8
    outputs = "-o overlay.mp4" if target == "drive.mp4" else "-o overlays --as overlay"
    assert f"Next: davsn predict {out} {target} {outputs}" in printed
    with av.open(str(out / "overlay.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == (8 if target != "camera" else 4)


def test_adapt_with_classes_elsewhere_and_another_method(davsn, world, tmp_path):
    shutil.copytree(world / "game", tmp_path / "game")
    classes = (tmp_path / "game" / "classes.yaml").rename(tmp_path / "table.yaml")
    code, _, err = davsn(
        world,
        *("adapt", *SHORT, "--source", tmp_path / "game", "--target", "drive.mp4", "--classes", classes),
        *("--method", "source_only", "-o", tmp_path / "run"),
    )
    assert code == 0, err
    assert open_trained(tmp_path / "run").experiment.method.name == "source_only"


def test_adapt_by_another_method_keeps_what_the_recipe_says_of_both(davsn, world, tmp_path):
    words = ("adapt", *SHORT, "--source", "game", "--target", "drive.mp4", "--method", "advent")
    judged = ["source.size=[256,128]", "target.size=[256,128]"]  # its discriminators see logits, a quarter as large
    code, _, err = davsn(world, *words, *judged, "-o", tmp_path / "run", "method.aux_adversarial=0.5")
    assert code == 0, err
    method = open_trained(tmp_path / "run").experiment.method
    assert (method.name, method.settings.views, method.settings.adversarial_weight) == ("advent", "logits", 0.05)
    assert method.settings.aux_adversarial == 0.5
    assert method.settings.main_weight == 1


@pytest.mark.slow
def test_adapt_by_statistics_alone_trains_on_the_source_first(davsn, world, tmp_path):
    words = ("adapt", *SHORT, "--source", "game", "--target", "drive.mp4", "--method", "batch_norm")
    code, _, err = davsn(world, *words, "-o", tmp_path / "run")
    assert code == 0, err
    first, second = open_trained(tmp_path / "run" / "source_only"), open_trained(tmp_path / "run")
    assert (first.experiment.method.name, second.experiment.method.name) == ("source_only", "batch_norm")
    assert second.experiment.start == tmp_path / "run" / "source_only"
    before, after = first.segmenter.state_dict(), second.segmenter.state_dict()
    changed = {name.rpartition(".")[2] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"running_mean", "running_var", "num_batches_tracked"}
    told = ["method=batch_norm", f"start={tmp_path / 'run'}", "video.propagation=none", "-o", tmp_path / "checked"]
    assert davsn(world, "check", "tiny.yaml", *told).code == 0
    (tmp_path / "empty").mkdir()
    code, out, _ = davsn(world, "check", "tiny.yaml", *told, f"source.root={tmp_path / 'empty'}")
    assert (code, "fatal" in out) == (2, True)  # no frame of the source is read, but its classes are
    code, _, err = davsn(world, *words, f"start={tmp_path / 'run'}", "-o", tmp_path / "again")
    assert code == 0, err
    assert not (tmp_path / "again" / "source_only").exists()  # there was one to start from


@pytest.mark.slow
def test_a_network_of_single_frames_goes_the_whole_way_without_flow(davsn, world, tmp_path, monkeypatch):
    def never(self, a, b):
        raise AssertionError("flow was estimated that nobody looks at")

    monkeypatch.setattr(Dis, "estimate", never)
    monkeypatch.setattr(Dis, "__init__", never)
    single = ["method=minent", "video.propagation=none"]
    code, out, err = davsn(world, "check", "tiny.yaml", *single, "--all", "-o", tmp_path / "run")
    assert (code, err) == (0, ""), out
    assert "No problem found." in out  # of frames without a neighbour, either
    assert davsn(world, "train", "tiny.yaml", *single, "-o", tmp_path / "run").code == 0
    code, out, err = davsn(world, "eval", tmp_path / "run")
    assert code == 0, err
    assert Scores.load(tmp_path / "run" / "scores_camera.json").temporal_consistency is None
    code, out, err = davsn(world, "predict", tmp_path / "run", "drive.mp4", "-o", tmp_path / "masks")
    assert code == 0, err
    assert len(picture_folders(tmp_path / "masks")) == 8
    code, _, err = davsn(world, "train", "tiny.yaml", "video.propagation=none", "-o", tmp_path / "none")
    assert code == 2
    assert "method  da_vsn compares frames, but video.propagation none makes a single-frame network. Set it to" in err


def test_a_users_own_method_file(davsn, world, tmp_path):
    (tmp_path / "halved.py").write_text(
        "from davsn.methods.source_only import SourceOnly\n\n\n"
        "class Halved(SourceOnly):\n    class Config(SourceOnly.Config):\n        main_weight: float = 0.5\n"
    )
    code, _, err = davsn(world, "train", "tiny.yaml", f"method={tmp_path / 'halved.py'}", "-o", tmp_path / "run")
    assert code == 0, err
    settings = yaml.safe_load((tmp_path / "run" / "settings.yaml").read_text())
    assert settings["method"] == {
        "name": str(tmp_path / "halved.py"),
        "main_weight": 0.5,
        "aux_weight": 0.1,
        "adjust": 0.0,
    }
    (tmp_path / "halved.py").unlink()  # whoever looked for it would fail
    code, _, err = davsn(world, "predict", tmp_path / "run", "drive.mp4", "-o", tmp_path / "masks")
    assert code == 0, err


@pytest.mark.slow
def test_bf16_and_a_moving_average_reach_prediction(davsn, world, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "bf16_slowdown", lambda: 17.2)
    changes = ["training.precision=bf16", "training.average=0.9", "method=source_only", "training.device=cpu"]
    code, out, err = davsn(world, "train", "tiny.yaml", *changes, "-o", tmp_path / "run")
    assert code == 0, err
    assert "Warning: bf16 is about 17 times slower than fp32 here: " in out
    assert ". Set training.precision=fp32\n" in out
    monkeypatch.setattr(predicting, "bf16_slowdown", lambda: 17.2)
    code, out, _ = davsn(world, "predict", tmp_path / "run", "drive.mp4", "-o", tmp_path / "masks")
    assert code == 0
    assert "bf16 takes 17.2 times as long as fp32 on this processor, so the network runs in fp32\n" in out
    weights = open_trained(tmp_path / "run").segmenter.state_dict().values()
    assert all(value.isfinite().all() for value in weights)
    assert {value.dtype for value in weights} == {torch.float32, torch.int64}


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("methods", ["da_vsn", "source_only"]),
        ("networks", ["deeplab", "light"]),
        ("data", ["folder", "video", "streets"]),
        ("flow", ["dis", "zero"]),
        ("recipes", ["adapt", "demo"]),
    ],
)
def test_list(davsn, tmp_path, what, names):
    code, out, _ = davsn(tmp_path, "list", what)
    assert code == 0
    for name in names:
        assert any(line.split()[:1] == [name] for line in out.splitlines()), name


def test_one_file_cannot_hold_the_scores_of_several_sets(davsn, world, trained, monkeypatch):
    from davsn.api import evaluation

    one = open_trained(trained).experiment.validation["camera"]
    monkeypatch.setattr(evaluation, "scored_sets", lambda *_: {"first": one, "second": one})
    code, _, err = davsn(world, "eval", trained, "-o", "scores.json")
    assert code == 2
    assert "names one file, but there are 2 files to write. Leave it out" in err
    assert not (world / "scores.json").exists()
