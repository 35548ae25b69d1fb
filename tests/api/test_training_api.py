"""Training, adapting, scoring and sweeping from Python do what the commands do."""

import json
import pkgutil
import shutil

import pytest

import davsn
from davsn.cli import main
from davsn.core.errors import ConfigError
from davsn.sweeps import jobs
from processes import CELLS

QUICK = {
    "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
    "source.size": [64, 32],
    "target.size": [64, 32],
    "training.batch_size": 2,
    "training.workers": 0,
    "training.device": "cpu",
    "training.save_every": 1,
}


def test_every_public_name_is_there_and_documented():
    for name in davsn.__all__:
        value = getattr(davsn, name)
        assert name == "__version__" or value.__doc__, name
    assert set(davsn.__all__) <= set(dir(davsn))
    rooms = {module.name for module in pkgutil.iter_modules(davsn.__path__)}
    assert not rooms & set(davsn.__all__)  # a room that is imported would hide the function of its name
    with pytest.raises(AttributeError, match="no attribute 'adaptt'"):
        davsn.adaptt  # noqa: B018


def test_adapt_trains_resumes_and_scores(world, tmp_path, capsys):
    def adapt(steps, **others):
        return davsn.adapt(
            world / "game", world / "camera", method="mean_teacher", steps=steps, changes=QUICK, out=tmp_path, **others
        )

    run = adapt(2, validation=world / "camera")
    assert (run.finished, run.folder) == (True, tmp_path)
    assert "training adapt 2/2" in capsys.readouterr().out
    assert run.scores["target"].frames == 8
    assert json.loads((tmp_path / "scores_target.json").read_text())
    again = adapt(2, validation=world / "camera", quiet=True)
    assert again.scores["target"].miou == run.scores["target"].miou
    assert capsys.readouterr().out == ""


def test_a_video_or_a_folder_of_videos_is_a_target(world, tmp_path):
    changes = {**QUICK, "method": "source_only"}
    run = davsn.adapt(world / "game", [world / "drive.mp4"], steps=1, changes=changes, out=tmp_path / "a", quiet=True)
    assert run.model().experiment.target.name == "video"
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "drive.mp4").write_bytes((world / "drive.mp4").read_bytes())
    run = davsn.adapt(world / "game", tmp_path / "videos", steps=1, changes=changes, out=tmp_path / "b", quiet=True)
    assert run.model().experiment.target.name == "video"


def test_changes_are_a_dictionary_or_the_texts_of_the_command_line(world, tmp_path):
    one = davsn.train(world / "tiny.yaml", {"training.steps": 1}, out=tmp_path / "a", score=False, quiet=True)
    two = davsn.train(world / "tiny.yaml", ["training.steps=1"], out=tmp_path / "b", score=False, quiet=True)
    assert one.model().experiment == two.model().experiment
    assert (one.scores, one.model().step) == ({}, 1)
    with pytest.raises(ConfigError, match="Did you mean 'steps'"):
        davsn.train(world / "tiny.yaml", {"training.stepz": 1}, quiet=True)


def test_scores_are_those_of_the_command(run, world, tmp_path, capsys):
    scores = davsn.evaluate(run.model(), world / "camera", quiet=True)
    assert main(["eval", str(run.folder), "--data", str(world / "camera"), "-o", str(tmp_path / "scores.json")]) == 0
    assert scores.counts == tuple(map(tuple, json.loads((tmp_path / "scores.json").read_text())["counts"]))
    assert davsn.evaluate(run.folder, str(world / "camera"), labelled_only=True, quiet=True).miou == scores.miou


@pytest.mark.parametrize("source_is_there", [True, False])
def test_a_folder_without_a_class_table_is_scored_with_that_of_the_network(
    run, world, tmp_path, monkeypatch, capsys, source_is_there
):
    shutil.copytree(world / "camera", tmp_path / "camera")
    (tmp_path / "camera" / "classes.yaml").unlink()
    if not source_is_there:
        monkeypatch.setattr("davsn.api.scored_sets._table_of_source", lambda experiment: None)
    scores = davsn.evaluate(run.model(), tmp_path / "camera")
    assert "camera has no class table; the label maps are read with that of the network" in capsys.readouterr().out
    assert scores.counts == davsn.evaluate(run.model(), world / "camera", quiet=True).counts


@pytest.mark.slow
def test_a_recipe_may_be_a_dictionary_and_is_swept(run, world, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "subprocess", CELLS)
    recipe = run.model().experiment.model_dump(mode="json") | {"method": {"name": "source_only"}}
    found = davsn.sweep(recipe, ["training.steps=1"], seeds=2, out=tmp_path)
    assert not found.failed
    assert [len(row.runs) for row in found.rows["camera"]] == [2]


@pytest.mark.usefixtures("unrehearsed")
def test_check_finds_what_the_command_finds(world):
    findings = davsn.check(world / "tiny.yaml", {"training.keep": 3}, quiet=True)
    assert any(finding.key == "memory" for finding in findings)


def test_methods_describe_themselves():
    card = davsn.describe_method("tps")
    assert card.year == "2022"
    assert card.settings["interval"][0] == 1
    assert set(davsn.available("recipes")) >= {"adapt", "demo"}
