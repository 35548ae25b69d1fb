"""A run's folder that was written before the rooms existed (commit e5e6131): it opens, predicts and is resumed."""

import json
import shutil
from pathlib import Path

import pytest

import davsn
from davsn.experiment.checkpoint_scores import CheckpointScores
from davsn.experiment.trained import open_trained
from davsn.scoring.scores import Scores

BEFORE = Path(__file__).parent / "before"


@pytest.fixture(name="run")
def _run(tmp_path):
    """A copy of the folder of a run of 4 steps that was stopped after 2."""
    for name in ("settings.yaml", "log.jsonl"):
        (tmp_path / "run").mkdir(exist_ok=True)
        shutil.copy(BEFORE / name, tmp_path / "run" / name)
    shutil.copytree(BEFORE / "checkpoints", tmp_path / "run" / "checkpoints")
    return tmp_path / "run"


def test_its_checkpoint_opens(run):
    trained = open_trained(run)
    assert trained.step == 2
    assert trained.experiment.method.name == "da_vsn"
    assert len(trained.taxonomy) == 15


def test_it_is_resumed_as_if_nothing_had_moved(run):
    """The log of the whole run was written by the code of before, in one go. Its last digits are the machine's."""
    done = davsn.train(run / "settings.yaml", out=run, quiet=True)
    assert done.finished
    found, expected = (
        [json.loads(line) for line in path.read_text().splitlines()]
        for path in (run / "log.jsonl", BEFORE / "whole_log.jsonl")
    )
    assert [line.keys() for line in found] == [line.keys() for line in expected]
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-3, abs=1e-5)
    old = Scores.from_data(json.loads((BEFORE / "whole_scores.json").read_text()), "before")
    assert done.scores["unseen"].names == old.names
    assert done.scores["unseen"].miou == pytest.approx(old.miou, abs=0.5)


def test_its_scores_are_known_again(run):
    shutil.copy(BEFORE / "whole_snapshots.json", run / "snapshots.json")
    experiment = open_trained(run).experiment
    scored = CheckpointScores.of_run(run / "snapshots.json", "unseen", experiment.validation["unseen"], experiment)
    assert scored.last.step == 4  # scores taken with other settings would have been dropped
