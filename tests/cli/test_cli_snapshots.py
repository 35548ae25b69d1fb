"""``davsn eval --every`` and ``--watch``: all checkpoints of a run, once each."""

import json
import shutil
import time
from pathlib import Path

import pytest
import yaml

from davsn.cli import main
from davsn.experiment import scoring_checkpoints
from davsn.experiment.trained import open_trained
from davsn.scoring.scores import Scores
from davsn.training import checkpoint
from processes import Command
from tiny_recipe import RECIPE

MANY = ["training.steps=4", "training.save_every=1", "training.keep=9"]


@pytest.fixture(scope="module", name="finished")
def _finished(world, tmp_path_factory):
    """The folder of a run with four checkpoints."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        assert main(["train", "tiny.yaml", *MANY, "-o", str(folder)]) == 0
    return folder


@pytest.fixture(name="run")
def _run(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


def steps_scored(out):
    return [int(line.split()[1]) for line in out.splitlines() if line.startswith("step ")]


def held(folder, name="camera"):
    return json.loads((folder / "snapshots.json").read_text())["sets"][name]["checkpoints"]


@pytest.mark.slow
def test_every_checkpoint_is_scored_once(davsn, world, run):
    code, out, err = davsn(world, "eval", run, "--every")
    assert code == 0, err
    assert steps_scored(out) == [1, 2, 3, 4]  # best.pt is one of them
    assert "4 checkpoints on camera" in out
    assert "chosen by the labels of camera itself" in " ".join(out.split())
    final = Scores.load(run / "scores_camera.json")
    by_step = {item["step"]: item["scores"] for item in held(run).values()}
    assert by_step[4]["counts"] == [list(row) for row in final.counts]
    best = max(by_step, key=lambda step: (by_step[step]["miou"], -step))
    rules, chosen = (line.split("┃")[1:] for line in out.splitlines() if "┃" in line)
    heads = {rule.strip(): step.strip() for rule, step in zip(rules, chosen, strict=True)}
    assert (heads["last"], heads["best"]) == ("step 4", f"step {best}")
    scored = f"step 4 on camera: mIoU {by_step[4]['miou']:.2f}\n"

    code, again, _ = davsn(world, "eval", run, "--every")
    assert (code, steps_scored(again)) == (0, [])
    assert again == out.partition(scored)[2]  # the table, from the file

    code, out, _ = davsn(world, "eval", run, "--every", "--labelled-only")
    assert (code, steps_scored(out)) == (0, [1, 2, 3, 4])  # other settings, other scores

    code, out, err = davsn(world, "eval", run, "--every", "--data", "game", "-o", run / "game.json")
    assert code == 0, err
    assert set(json.loads((run / "game.json").read_text())["sets"]) == {"game"}
    assert not list((run / "checkpoints").glob(".*"))


def test_a_checkpoint_trained_anew_under_its_number_is_scored_anew(davsn, world, run):
    davsn(world, "eval", run, "--every")
    before = held(run)
    second = sorted((run / "checkpoints").glob("step_*.pt"))[1]
    state = checkpoint.load(second)
    for name, tensor in state["parts"]["segmenter"].items():
        if "fusion" in name:
            tensor.neg_()
    del state["step"], state["format"]
    checkpoint.save(run / "checkpoints", 2, state, keep=9)
    second.with_name("step_0000001.pt").unlink()
    code, out, err = davsn(world, "eval", run, "--every")
    assert code == 0, err
    assert steps_scored(out) == [2]
    after = held(run)
    assert sorted(item["step"] for item in after.values()) == [1, 2, 3, 4]  # deleted ones keep their scores
    counts = [{item["step"]: item["scores"]["counts"] for item in found.values()} for found in (before, after)]
    assert counts[0][2] != counts[1][2]
    assert all(counts[0][step] == counts[1][step] for step in (1, 3, 4))


def test_what_was_scored_before_an_interruption_is_kept(davsn, world, run, monkeypatch):
    real, done = scoring_checkpoints.score, []

    def twice(*arguments, **options):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(scoring_checkpoints, "score", twice)
    assert davsn(world, "eval", run, "--every").code == 130
    assert not list((run / "checkpoints").glob(".*"))
    monkeypatch.setattr(scoring_checkpoints, "score", real)
    assert steps_scored(davsn(world, "eval", run, "--every").out) == [3, 4]


def test_a_checkpoint_that_is_gone_is_named(davsn, world, run, monkeypatch):
    follow = scoring_checkpoints.follow

    def listed(*arguments):
        paths = list(follow(*arguments))
        paths[0].unlink()
        return paths

    monkeypatch.setattr(scoring_checkpoints, "follow", listed)
    code, out, err = davsn(world, "eval", run, "--every")
    assert code == 0, err
    said = "step_0000001.pt was deleted before it could be scored. Raise training.keep"
    assert "".join(said.split()) in "".join(out.split())  # a long path may break a line anywhere
    assert steps_scored(out) == [2, 3, 4]


def test_mistakes(davsn, world, trained, tmp_path):
    def told(*arguments):
        code, _, err = davsn(world, "eval", *arguments)
        assert code == 2
        return err

    assert "holds no run (settings.yaml is missing)" in told("game", "--every")
    assert "--recipe  cannot be combined with --every or --watch" in told(
        "runs/tiny", "--watch", "--recipe", "tiny.yaml"
    )
    (tmp_path / "settings.yaml").write_text((trained / "settings.yaml").read_text())
    assert "holds no checkpoint yet. Name a run that has saved one, or wait for it with --watch" in told(
        tmp_path, "--every"
    )
    (tmp_path / "settings.yaml").write_text("name: broken")
    assert "settings.yaml has 3 mistakes:" in told(tmp_path, "--every")
    (tmp_path / "settings.yaml").write_text((trained / "settings.yaml").read_text().replace("light", "./own.py"))
    assert "settings.yaml needs code that is no part of davsn: ./own.py" in told(tmp_path, "--every")


@pytest.mark.slow
def test_watching_a_run_in_another_process(davsn, world, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring_checkpoints, "POLL", 0.2)
    (tmp_path / "watched.yaml").write_text(yaml.safe_dump(RECIPE))
    changes = ["training.steps=8", "training.save_every=2", "training.keep=9", "validation={}"]
    first = Command(world, "train", tmp_path / "watched.yaml", *changes, "-o", tmp_path / "run")
    try:
        while first.poll() is None and not (tmp_path / "run" / "settings.yaml").is_file():
            time.sleep(0.05)
        code, out, err = davsn(world, "eval", tmp_path / "run", "--watch", "--data", "camera")
    finally:
        assert first.finish(within=120).code == 0
    assert code == 0, err
    assert sorted(steps_scored(out)) == [2, 4, 6, 8]
    assert open_trained(tmp_path / "run").step == 8
