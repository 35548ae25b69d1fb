"""davsn flow as a person uses it: a folder, a video, a recipe, in parts, again, and with mistakes."""

import numpy as np
import pytest
import yaml

from davsn.core.clip import PAIR
from davsn.core.settings import validate
from davsn.data.samples import Samples
from davsn.data.sets.folder import Folder
from tiny_recipe import RECIPE


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DAVSN_CACHE", str(tmp_path / "cache"))
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def entries(tmp_path):
    return sum(path.is_file() for path in (tmp_path / "cache").rglob("*"))


def test_a_folder_into_the_cache_that_the_loader_reads(davsn, world, tmp_path, monkeypatch):
    code, out, _ = davsn(world, "flow", "game", "--estimator", "{name: dis, preset: fast}")
    assert code == 0
    assert "flow: 6 flows estimated by dis in " in out
    assert f"s, 0 existed already; the cache in {tmp_path / 'cache'}" in out
    assert "Set flow: {name: dis, preset: fast, cached: true} to use it." in out
    assert entries(tmp_path) == 6
    monkeypatch.setattr("davsn.flow.estimators.dis.Dis.estimate", lambda *pair: pytest.fail("estimated again"))
    values = {"root": world / "game", "flow": yaml.safe_load("{name: dis, preset: fast, cached: true}")}
    assert all(sample.flows[0, -1].any() for sample in Samples(Folder(validate(Folder.Config, values, "")), PAIR))
    _, out, _ = davsn(world, "flow", "game", "--estimator", "{name: dis, preset: fast}")
    assert "flow: 0 flows estimated" in out
    assert "s, 6 existed already" in out


def test_a_video_at_a_size_with_several_offsets_and_both_directions(davsn, world, tmp_path):
    code, out, _ = davsn(world, "flow", "drive.mp4", "size=[32,16]", "--offsets", "-1", "-2", "--both")
    assert code == 0
    assert "flow: 14 flows estimated" in out  # of 8 frames, 7 have one before
    assert "flow: 12 flows estimated" in out  # and 6 have one before that
    assert entries(tmp_path) == 26


def test_parts_of_the_work_by_hand_and_by_torchrun(davsn, world, tmp_path, monkeypatch):
    for shard, count in (("1/3", 2), ("3/3", 2)):
        _, out, _ = davsn(world, "flow", "game", "--shard", shard)
        assert f"flow: {count} flows estimated" in out
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "3")
    _, out, _ = davsn(world, "flow", "game")
    assert "flow: 2 flows estimated" in out
    assert "s, 0 existed already" in out
    assert entries(tmp_path) == 6


@pytest.mark.slow
def test_a_recipe_into_files_that_it_then_reads(davsn, world, tmp_path):
    code, out, _ = davsn(world, "flow", "tiny.yaml", "-o", tmp_path / "flow")
    assert code == 0
    assert "target: 6 flows estimated by dis in " in out
    assert "Set flow: stored and flow_root to this folder to use them." in out
    changes = [
        change for part in ("source", "target")
        for change in (f"{part}.flow=stored", f"{part}.flow_root={tmp_path / 'flow' / part}")
    ]  # fmt: skip
    assert davsn(world, "check", "tiny.yaml", *changes, "-o", tmp_path / "run").code == 0
    clip = next((tmp_path / "flow" / "source").iterdir())
    assert np.load(next(clip.iterdir())).dtype == np.int16


def test_the_published_layout_gets_the_published_names(davsn, world, tmp_path):
    assert davsn(tmp_path, "streets", "V", "--layout", "viper", "clips=1", "length=11", "size=[32,16]").code == 0
    exact = tmp_path / "V" / "Estimated_optical_flow_Viper_train" / "001_0001000009_int16_x10.npy"
    exact.unlink()
    recipe = {**RECIPE, "source": {"name": "viper", "root": "V", "flow": "stored", "flow_root": "absent"}}
    recipe |= {"target": None, "validation": {}, "method": "source_only"}
    (tmp_path / "viper.yaml").write_text(yaml.safe_dump(recipe))
    code, _, err = davsn(tmp_path, "flow", "viper.yaml", "--estimator", "dis", "-o", exact.parent)
    assert (code, err) == (0, "")
    assert (exact.parent / "source" / exact.name).is_file()


def test_a_run_with_cached_flow_scores_and_leaves_entries(davsn, world, tmp_path):
    changes = [f"{part}.flow=dis, checked, cached" for part in ("source", "target", "validation.camera")]
    code, out, err = davsn(world, "train", "tiny.yaml", *changes, "-o", tmp_path / "run")
    assert (code, err) == (0, "")
    assert "mIoU" in out
    assert entries(tmp_path) > 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["game", "--estimator", "raft_huge"], "there is no FlowEstimator 'raft_huge'"),
        (["game", "--estimator", "{name: dis, preset: best}"], "preset  input should be 'ultrafast', 'fast'"),
        (["game", "--estimator", "{"], "{ cannot be read. Write it as in a recipe: dis, or {name: dis}"),
        (["game", "flow=exact"], "flow  'exact' is not estimated. Name an estimator, such as --estimator dis"),
        (["tiny.yaml", "source.flow=exact"], "source.flow  'exact' is not estimated"),
        (["./gme"], "./gme: no such file or folder. Give a recipe, a folder of frames, or a video"),
        (["gme"], "no recipe of that name"),
        (["game", "--shard", "5/4"], "'5/4' is not a part. Write 1/4 for the first of four, up to 4/4"),
        (["game", "--shard", "two"], "'two' is not a part"),
        (["game", "--offsets", "0"], "0 is the current frame itself. Name its neighbours, such as -1 -2"),
        (["game", "--both", "-o", "flow"], "this data set has no separate file names for the flows 0→-1, -1→0"),
        (["drive.mp4", "-o", "flow"], "this data set has no separate file names for the flows 0→-1"),
        (["game", "--estimator", "dis, checked", "-o", "flow"], "cannot hold a valid mask. Leave out --out, or"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_words(davsn, world, arguments, message):
    code, _, err = davsn(world, "flow", *arguments)
    assert code == 2
    assert message in err


def test_predicting_takes_options_and_no_words(davsn, trained, world, tmp_path):
    out = tmp_path / "masks"
    assert davsn(world, "predict", trained, "drive.mp4", "-o", out, "--flow", "{name: dis, preset: fast}").code == 0
    code, _, err = davsn(world, "predict", trained, "drive.mp4", "-o", out, "--flow", "dis, cached")
    assert code == 2
    assert "dis, cached: prediction uses every flow once, unchecked. Name the estimator alone" in err
    code, _, err = davsn(world, "predict", trained, "drive.mp4", "-o", out, "--flow", "exact")
    assert code == 2
    assert "'exact' is a data set's own flow. Name an estimator such as dis" in err


def test_an_estimator_that_cannot_be_made_is_found_before_training(davsn, world, tmp_path):
    (tmp_path / "broken.py").write_text(
        "from davsn.core.errors import FlowError\nfrom davsn.flow.estimators.zero import Zero\n\n\n"
        "class Broken(Zero):\n"
        "    def __init__(self, config):\n"
        "        raise FlowError('no weights', 'broken.pth', 'Download them')\n"
    )
    change = f"target.flow={tmp_path / 'broken.py'}"
    code, out, _ = davsn(world, "check", "tiny.yaml", change)
    assert code == 2
    assert "broken.pth: no weights. Download them" in out
    code, _, err = davsn(world, "train", "tiny.yaml", change, "-o", tmp_path / "run")
    assert code == 2
    assert err == "broken.pth: no weights. Download them\n"
    assert not (tmp_path / "run").exists()
