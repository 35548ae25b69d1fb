"""A run's folder that was written before the rooms existed (commit e5e6131): it opens, predicts and is resumed."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import davsn
from davsn.experiment.checkpoint_scores import CheckpointScores
from davsn.experiment.run import Run
from davsn.experiment.trained import open_trained
from davsn.scoring.scores import Scores
from davsn.training import checkpoint
from davsn.training.folder import RunFolder

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


def test_its_whole_state_is_restored(run):
    trainer = Run(open_trained(run).experiment, run).trainer
    saved = checkpoint.load(RunFolder(run).newest)
    trainer.load_state_dict(saved)
    restored = trainer.state_dict()
    for key in ("parts", "optimisation"):
        wanted, found = (dict(leaves(state[key])) for state in (saved, restored))
        assert found.keys() == wanted.keys()
        assert len(wanted) > 50
        for name, value in wanted.items():
            assert torch.equal(torch.as_tensor(found[name]), torch.as_tensor(value)), name
    assert trainer.done == 2


def leaves(state, name=""):
    """The tensors and numbers of a nested state, by the path to each."""
    if isinstance(state, dict | list | tuple):
        for key, value in state.items() if isinstance(state, dict) else enumerate(state):
            yield from leaves(value, f"{name}/{key}")
    elif isinstance(state, torch.Tensor | int | float):
        yield name, state


def test_it_is_resumed_as_if_nothing_had_moved(run):
    """The log of the whole run was written by the code of before, in one go.

    The newest and the oldest PyTorch differ by 0.9 % in the smallest loss, after two steps of Adam: a gradient of
    rounding noise moves a weight as far as any other. The test above holds what is restored, to the bit.
    """
    done = davsn.train(run / "settings.yaml", out=run, quiet=True)
    assert done.finished
    found, expected = (
        [json.loads(line) for line in path.read_text().splitlines()]
        for path in (run / "log.jsonl", BEFORE / "whole_log.jsonl")
    )
    assert [line.keys() for line in found] == [line.keys() for line in expected]
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=2e-2, abs=1e-5)
    old = Scores.from_data(json.loads((BEFORE / "whole_scores.json").read_text()), "before")
    assert done.scores["unseen"].names == old.names
    assert done.scores["unseen"].miou == pytest.approx(old.miou, abs=0.5)


def test_its_scores_are_known_again(run):
    shutil.copy(BEFORE / "whole_snapshots.json", run / "snapshots.json")
    experiment = open_trained(run).experiment
    scored = CheckpointScores.of_run(run / "snapshots.json", "unseen", experiment.validation["unseen"], experiment)
    assert scored.last.step == 4  # scores taken with other settings would have been dropped
