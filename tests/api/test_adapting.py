"""``davsn.adapt``: with and without labelled video, its options, and the number of steps for a time."""

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import yaml
from rich.console import Console

import davsn
from colour_network import TAXONOMY, colour_segmenter
from davsn.api import adapting, pace
from davsn.api.pace import Pace, measured, steps_within
from davsn.api.training import TrainedRun
from davsn.cli import main
from davsn.core import console
from davsn.core.errors import ConfigError
from davsn.data.sets.video import Video
from davsn.experiment.experiment import load
from davsn.experiment.recipes import recipe_values
from davsn.training.folder import RunFolder

TINY = {
    "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
    "source.clips": 1,
    "source.length": 2,
    "training.workers": 0,
    "training.target_statistics": 1,
}


def film(path, size=(64, 32), frames=6):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for shade in np.linspace(0, 255, frames):
            frame = np.full((size[1], size[0], 3), shade, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
    return path


def test_a_video_alone_is_enough(tmp_path, capsys):
    options = {"steps": 1, "size": 32, "batch": 2, "device": "cpu", "changes": TINY}
    run = davsn.adapt(target=film(tmp_path / "drive.mp4"), out=tmp_path / "run", **options)
    experiment = run.model().experiment
    assert (experiment.source.name, experiment.source.settings.domain) == ("streets", "game")
    assert experiment.source.settings.size == (64, 32)  # the shape of the video
    assert (experiment.target.settings.size, experiment.training.batch_size) == (32, 2)
    assert experiment.source.settings.photometric.strength == 0.6
    assert experiment.source.settings.style.kind == "lab"
    assert (experiment.method.name, experiment.method.settings.adjust) == ("source_only", 0.5)
    printed = capsys.readouterr().out
    assert "The network learns from streets, a drawn world, at 64x32, with 15 classes: road, " in printed
    for stage in (
        "reading target frames 6/6",
        "drawing, to count classes 2/2",
        "training adapt 1/1",
        "target statistics 1/1",
        "target: 1 clip with 6 frames: drive",
    ):
        assert stage in printed
    with av.open(str(run.overlay)) as video:
        assert sum(1 for _ in video.decode(video=0)) == 6
    written = run.overlay.stat().st_mtime_ns
    again = davsn.adapt(target=tmp_path / "drive.mp4", out=tmp_path / "run", quiet=True, **options)
    assert again.overlay.stat().st_mtime_ns == written


def test_a_terminal_of_80_columns_is_kept_to_and_the_last_line_is_the_next_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "drive.mp4")
    screen = io.StringIO()
    monkeypatch.setattr(console, "console", Console(width=80, force_terminal=True, file=screen, highlight=False))
    options = "--steps 1 --size 32 --batch 2 --device cpu".split()
    changes = [f"{key}={json.dumps(value)}" for key, value in TINY.items()]
    assert main(["adapt", "--target", "drive.mp4", *options, *changes]) == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", plain)]
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if line][-1] == "Next: davsn predict runs/adapt drive.mp4 -o overlay.mp4"
    moving = [line for line in lines if line.startswith("training adapt ")]
    assert moving[0].split()[2] == "0/1"
    assert moving[-1].split()[2] == "1/1"


def test_settings_of_the_validation_set_may_be_overridden(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(adapting, "_run", lambda values, *others: seen.append(values["validation"]))
    changes = {"validation.target.bad_files": "skip", "validation.other": {"name": "folder", "root": "b"}}
    davsn.adapt(target="drive.mp4", validation=tmp_path, changes=changes, quiet=True)
    (found,) = seen
    assert (found["target"]["root"], found["target"]["bad_files"]) == (tmp_path, "skip")
    assert found["other"]["root"] == "b"


def test_videos_in_nested_folders_are_found_as_in_predict(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(adapting, "_run", lambda values, *others: seen.append(values["target"]))
    for place in ("monday/front", "tuesday"):
        (tmp_path / place).mkdir(parents=True)
        film(tmp_path / place / "drive.mp4", frames=2)
    (tmp_path / "tuesday" / "again").symlink_to(tmp_path, target_is_directory=True)  # leads in a circle
    davsn.adapt(target=tmp_path, quiet=True)
    (found,) = seen
    assert found["name"] == "video"
    data = Video(Video.Config(paths=found["paths"]))
    assert [len(clip.frames) for clip in data.clips] == [2, 2]
    assert len({clip.name for clip in data.clips}) == 2


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("my drive.mp4", "davsn predict runs/adapt 'my drive.mp4' -o overlay.mp4"),
        ("drives", "davsn predict runs/adapt drives -o overlays --as overlay"),
    ],
)
def test_the_next_command_is_for_the_users_own_files(tmp_path, monkeypatch, capsys, target, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drives").mkdir()
    run = TrainedRun("adapt", Path("runs/adapt"), finished=True)
    monkeypatch.setattr(davsn, "adapt", lambda *arguments, **options: run)
    assert main(["adapt", "--target", target]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"Next: {expected}"


def settings(target, source=None, **options):
    given = {"size": None, "steps": None, "batch": None, "time": None, "device": None, "changes": TINY}
    given |= {key: value for key, value in options.items() if key in given}
    others = {key: value for key, value in options.items() if key not in given}
    overrides, _ = adapting._options(**given, targets=[target])
    found = {"method": None, "classes": None} | others
    return adapting._experiment(
        adapting._values(source, [target], **found, options=overrides, changes=given["changes"])
    )


def test_a_table_of_the_users_own_has_fewer_classes(tmp_path):
    table = {"classes": [{"name": "road", "color": [1, 2, 3]}, {"name": "rest", "color": [0, 0, 0], "of": ["sky"]}]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(table))
    experiment = settings(film(tmp_path / "a.mp4"), classes=tmp_path / "mine.yaml")
    assert experiment.source.settings.classes == tmp_path / "mine.yaml"


def test_a_size_is_a_height_or_both(tmp_path):
    video = film(tmp_path / "a.mp4", (96, 32))
    for size, source, target in ((16, (48, 16), 16), ("48x32", (48, 32), (48, 32)), ((32, 16), (32, 16), (32, 16))):
        experiment = settings(video, size=size)
        assert (experiment.source.settings.size, experiment.target.settings.size) == (source, target)


def test_videos_of_several_shapes_share_one(tmp_path, capsys):
    for name, size in (("a", (64, 32)), ("b", (32, 32)), ("c", (64, 32))):
        film(tmp_path / f"{name}.mp4", size)
    experiment = settings(tmp_path, size=32)
    assert experiment.target.settings.size == experiment.source.settings.size == (64, 32)
    assert "several shapes (64x32, 32x32); all are resized to 64x32" in capsys.readouterr().out


def test_a_method_that_compares_frames_gets_a_video_network(tmp_path):
    video = film(tmp_path / "a.mp4")
    assert settings(video).video.propagation == "none"
    assert settings(video).target.settings.cached
    experiment = settings(video, method="da_vsn")
    assert (experiment.video.propagation, experiment.method.settings.discriminator_width) == ("warp", 32)
    assert experiment.target.settings.samples is None  # it learns from every frame
    assert settings(video, changes={**TINY, "video.propagation": "splat"}).video.propagation == "splat"


def test_all_mistakes_in_the_options_are_told_at_once():
    with pytest.raises(ConfigError) as error:
        davsn.adapt(size="large", time="soon", steps=3)
    for text in ("--target  is missing", "--size  should be a height", "--time  should be a time", "Leave out either"):
        assert text in str(error.value)


def test_a_setting_is_not_given_twice():
    with pytest.raises(ConfigError) as error:
        davsn.adapt(target="a.mp4", size=64, steps=9, changes=["training.steps=3", "target.size=32", "training.clip=2"])
    assert "training.steps  is given twice, by --steps too" in str(error.value)
    assert "target.size  is given twice, by --size too" in str(error.value)
    assert "2 mistakes" in str(error.value)


def test_the_samples_of_videos_are_spread_over_all(tmp_path):
    paths = (film(tmp_path / "a.mp4", frames=4), film(tmp_path / "b.mp4", frames=8))
    few = Video(Video.Config(paths=paths, samples=4))
    assert [list(clip.chosen) for clip in few.clips] == [[0], [0, 3, 7]]
    assert [clip.chosen for clip in Video(Video.Config(paths=paths, samples=12)).clips] == [None, None]


def tiny():
    changes = {**TINY, "source.size": [64, 32], "target": {"name": "streets", "clips": 1, "size": [64, 32]}}
    return load(recipe_values("adapt"), {**changes, "training.device": "cpu", "training.batch_size": 1})


@pytest.mark.slow
def test_a_few_steps_are_measured_and_leave_no_run(tmp_path):
    before = measured(tiny(), tmp_path)
    assert before.step > 0
    assert before.start > 0
    assert before.end > 0
    assert RunFolder(tmp_path).newest is None
    assert RunFolder(tmp_path).source_classes.is_file()  # so that the run need not count again


@pytest.mark.parametrize(("start", "networks"), [(None, 1), (Path("start.pt"), 2)])
def test_overlay_and_report_are_planned_by_their_frames(monkeypatch, start, networks):
    experiment = tiny().model_copy(update={"start": start})
    segmenter = colour_segmenter(propagation="none")
    run = SimpleNamespace(
        experiment=experiment, trainer=SimpleNamespace(segmenter=segmenter), taxonomy=TAXONOMY, device="cpu"
    )
    clock = iter([0.0, 3.0, 7.0])  # one frame takes 3 s, six take 4 s: so each takes 0.2 s, and the beginning 2.8 s
    monkeypatch.setattr(pace, "monotonic", lambda: next(clock))
    monkeypatch.setattr(pace, "write_excerpt", lambda *_: 90)
    report = pace._REPORT_FRAME * 0.2 * 3 * 24 * networks
    assert pace._showing_time(run) == pytest.approx(2.8 + 90 * 0.2 + report)


def test_steps_fill_the_time_that_is_left():
    assert Pace(start=10, step=0.5, end=4).steps(100, save_every=40) == int((95 - 14) / 0.6)


def test_a_resumed_run_keeps_the_steps_that_were_chosen(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pace, "monotonic", lambda: 20.0)
    monkeypatch.setattr(pace, "measured", lambda *_: Pace(5, 1, 10))
    steps = steps_within(tiny(), tmp_path, 120, begun=10)
    assert steps == Pace(5, 1, 10).steps(110, 100)
    assert f"{steps} steps fit into 2 min: 1 s a step here; 10 s to draw and measure" in capsys.readouterr().out
    monkeypatch.setattr(pace, "measured", None)  # it is not called again
    assert steps_within(tiny(), tmp_path, 120, begun=0) == steps
    monkeypatch.setattr(pace, "measured", lambda *_: Pace(5, 2, 10))
    assert steps_within(tiny(), tmp_path, 180, begun=20) != steps
    with pytest.raises(ConfigError, match="--time  15 s is too short here: it takes 0 s to draw and measure"):
        steps_within(tiny(), tmp_path, 15, begun=20)
    with pytest.raises(ConfigError, match="What was drawn is kept, so the same command may do now"):
        steps_within(tiny(), tmp_path, 35, begun=0)
